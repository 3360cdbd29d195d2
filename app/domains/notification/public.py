"""What the composition root may ask of notification."""

from app.domains.notification.rules.topics import inbox_topic
from app.domains.notification.service import inbox
from app.shared.context import Context


async def unread(ctx: Context) -> int:
    """How many unread items the actor has where they stand, at most 100."""
    return await inbox.count_unread(ctx)


def topic(ctx: Context) -> str | None:
    """The live topic of the actor's inbox; None when they have none."""
    return inbox_topic(ctx.actor.id) if ctx.actor.id is not None and ctx.actor.tenant_id is not None else None
