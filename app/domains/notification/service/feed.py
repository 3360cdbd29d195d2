"""The event feed of an organisation, in a stable order, for programs that follow it.

A cursor is the position of the last event seen. Positions commit in order (see the repository), so a reader misses
nothing, however many workers write.
"""

import asyncio
import time
from uuid import UUID

import msgspec

from app.domains.auth import public as auth
from app.domains.notification.repository import feed as repository
from app.domains.notification.repository.feed import FeedRow
from app.domains.notification.rules.feed import PREFIX, READ_BY, domain_of, is_published
from app.shared.authz import Permission, tenant_scope
from app.shared.authz.rights import Claim, claim_of
from app.shared.authz.scope import holds
from app.shared.context import Context, ContextFactory
from app.shared.errors import ValidationFailed
from app.shared.events import Envelope, Event
from app.shared.numbers import whole_number

LOOK_SECONDS = 0.5
LATEST = "latest"


class FeedSlice(msgspec.Struct, frozen=True, kw_only=True):
    """`next_cursor` is where to continue, also without new events."""

    items: tuple[FeedRow, ...]
    next_cursor: str


async def record(ctx: Context, event: Event, envelope: Envelope) -> None:
    """Append the event to its tenant's feed."""
    name = event.SUBJECT.removeprefix(PREFIX)
    if envelope.tenant_id is None or not is_published(name):
        return
    data: dict[str, object] = msgspec.to_builtins(event)
    await repository.append_event(
        ctx.session,
        envelope.tenant_id,
        envelope.id,
        domain_of(name),
        name,
        envelope.project_id,
        data,
        envelope.occurred_at,
        await ctx.now(),
    )


async def follow(contexts: ContextFactory, cursor: str | None, limit: int, wait_seconds: int) -> FeedSlice:
    """Events after `cursor`. Without any, wait for one, holding no transaction or connection."""
    until = time.monotonic() + wait_seconds
    while True:
        async with contexts() as ctx:
            result = await _read(ctx, cursor, limit)
        cursor, left = result.next_cursor, until - time.monotonic()
        if result.items or left <= 0:
            return result
        await asyncio.sleep(min(LOOK_SECONDS, left))
        async with contexts() as ctx:  # the wait is long enough for a right to end
            await auth.check_right(ctx, *_claims(ctx))


async def _read(ctx: Context, cursor: str | None, limit: int) -> FeedSlice:
    scope = tenant_scope(ctx.actor, Permission.PROFILE)
    head = await repository.head_of(ctx.session, scope)
    everywhere = [name for name, permission in READ_BY.items() if _holds(ctx, permission, None)]
    in_project = [name for name, permission in READ_BY.items() if _holds(ctx, permission, ctx.actor.project_id)]
    rows = await repository.list_events(
        ctx.session,
        scope,
        after=head if cursor == LATEST else _position(cursor),
        head=head,
        everywhere=everywhere,
        in_project=in_project,
        project_id=ctx.actor.project_id,
        limit=limit,
    )
    reached = rows[-1].position if len(rows) == limit else max(head, _position(None if cursor == LATEST else cursor))
    return FeedSlice(items=tuple(rows), next_cursor=str(reached))


def _holds(ctx: Context, permission: Permission, project_id: UUID | None) -> bool:
    return holds(ctx.actor, permission, ctx.actor.tenant_id, project_id)


def _claims(ctx: Context) -> list[Claim]:
    """The rights that the actor reads with."""
    held = {permission for permission in READ_BY.values() if _holds(ctx, permission, ctx.actor.project_id)}
    return [claim_of(ctx.actor, permission) for permission in held | {Permission.TEAM_READ}]


def _position(cursor: str | None) -> int:
    if not cursor:
        return 0
    position = whole_number(cursor)
    if position is None:
        raise ValidationFailed(fields={"cursor": "must be `latest` or the next_cursor of a response"})
    return position
