"""The inbox: an event becomes items of the people it concerns; they list them, count them and mark them read."""

from uuid import UUID

import msgspec

from app.context import Context
from app.domains.auth import public as auth
from app.domains.notification.contracts import Item, ItemView, ReadAll, ReadItem, ReadResult
from app.domains.notification.events import InboxItemAdded, InboxRead
from app.domains.notification.repository.inbox import InboxRepository, NewItems
from app.domains.notification.rules.audience import audience
from app.domains.notification.rules.preferences import choice
from app.domains.notification.rules.words import Kind, find_kind
from app.domains.notification.service import words
from app.shared.authz import Permission, TenantScope, privileged, tenant_scope
from app.shared.errors import NotFound
from app.shared.events import Envelope, Event
from app.shared.ids import new_id
from app.shared.mail import is_address, send_mail
from app.shared.web.paging import Slice, cut

MAIL_TEMPLATE = "event"
PREFIX = "berth.v1."


async def note(ctx: Context, event: Event, envelope: Envelope) -> None:
    """Put `event` into the inboxes of those it concerns, and record the mails that they want."""
    facts: dict[str, object] = msgspec.to_builtins(event)
    kind = find_kind(event.SUBJECT.removeprefix(PREFIX), facts)
    if kind is None or envelope.tenant_id is None:
        return
    holders = await auth.role_holders(ctx, envelope.tenant_id)
    people = audience(kind, facts, holders, envelope.project_id)
    if not people:
        return
    new = NewItems(
        ids={person: new_id() for person in sorted(people)},
        tenant_id=envelope.tenant_id,
        project_id=envelope.project_id,
        event_id=envelope.id,
        kind=kind.name,
        subject_id=event.aggregate_id,
        facts=facts,
        occurred_at=envelope.occurred_at,
    )
    added = await InboxRepository(ctx.session).append(new, await ctx.now())
    await _tell(ctx, kind, added, envelope.tenant_id)


async def _tell(ctx: Context, kind: Kind, added: dict[UUID, UUID], tenant_id: UUID) -> None:
    """Beside the inbox: open pages and mail, as each person chose."""
    chosen = await InboxRepository(ctx.session).preferences(added)
    addresses = await auth.verified_addresses(ctx, added)
    for user_id, item_id in added.items():
        wanted = choice(kind, chosen[user_id].choices if user_id in chosen else {})
        fact = InboxItemAdded(item_id=item_id, user_id=user_id, toast=wanted.toast)
        await ctx.emit(fact, version=1, tenant_id=tenant_id)
        address = addresses.get(user_id, "")
        if wanted.email and ctx.settings.mail is not None and is_address(address):
            values = {"item": str(item_id)}
            await send_mail(ctx, address, MAIL_TEMPLATE, values, tenant_id=tenant_id, user_id=user_id)


async def list_items(ctx: Context, cursor: UUID | None, limit: int, *, unread: bool) -> Slice[ItemView, UUID]:
    """The actor's items where they stand, newest first."""
    scope, user_id = _own(ctx)
    rows = await InboxRepository(ctx.session).page(scope, user_id, cursor, limit, unread=unread)
    found = cut(rows, limit, lambda item: item.id)
    zone = (await auth.tenant(ctx, scope.tenant_id)).time_zone
    return Slice(items=tuple(await words.describe(ctx, found.items, zone)), next_cursor=found.next_cursor)


async def get_item(ctx: Context, item_id: UUID) -> ItemView:
    """One of the actor's items. Raises NotFound."""
    scope, _ = _own(ctx)
    zone = (await auth.tenant(ctx, scope.tenant_id)).time_zone
    return await _said(ctx, await _get(ctx, item_id), zone)


async def count_unread(ctx: Context) -> int:
    """How many of the actor's items are unread, at most 100; 0 for those who have no inbox."""
    if ctx.actor.tenant_id is None or ctx.actor.id is None:
        return 0
    scope, user_id = _own(ctx)
    return await InboxRepository(ctx.session).count_unread(scope, user_id)


@privileged(Permission.PROFILE, "notification.read", "inbox_item", lambda command, _: command.id)
async def read_item(ctx: Context, command: ReadItem) -> ReadResult:
    """Mark one item read; says where it leads. Raises NotFound."""
    scope, user_id = _own(ctx)
    said = await _said(ctx, await _get(ctx, command.id), "UTC")
    changed = await InboxRepository(ctx.session).read_one(scope, user_id, command.id, await ctx.now())
    await _tell_read(ctx, changed)
    return ReadResult(count=changed, href=said.href)


@privileged(Permission.PROFILE, "notification.read_all", "inbox", lambda command, _: command.until)
async def read_all(ctx: Context, command: ReadAll) -> ReadResult:
    """Mark everything read."""
    scope, user_id = _own(ctx)
    changed = await InboxRepository(ctx.session).read_all(scope, user_id, command.until, await ctx.now())
    await _tell_read(ctx, changed)
    return ReadResult(count=changed)


async def _tell_read(ctx: Context, changed: int) -> None:
    """So that the other open pages of the person count anew."""
    if changed and ctx.actor.id is not None:
        version = int((await ctx.now()).timestamp() * 1_000)
        await ctx.emit(InboxRead(user_id=ctx.actor.id), version=version, tenant_id=ctx.actor.tenant_id)


async def _get(ctx: Context, item_id: UUID) -> Item:
    scope, user_id = _own(ctx)
    item = await InboxRepository(ctx.session).find(scope, user_id, item_id)
    if item is None:
        raise NotFound()
    return item


async def _said(ctx: Context, item: Item, zone: str) -> ItemView:
    views = await words.describe(ctx, [item], zone)
    if not views:
        raise NotFound()
    return views[0]


def _own(ctx: Context) -> tuple[TenantScope, UUID]:
    scope = tenant_scope(ctx.actor, Permission.PROFILE)
    if ctx.actor.id is None:
        raise NotFound()
    return scope, ctx.actor.id
