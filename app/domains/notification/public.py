"""What the composition root may ask of notification."""

from app.context import Context
from app.domains.notification.service import inbox


async def unread(ctx: Context) -> int:
    """How many unread items the actor has where they stand, at most 100."""
    return await inbox.count_unread(ctx)
