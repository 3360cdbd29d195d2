"""The inbox: events become items of the people they concern; people list, count and read their items."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.auth import public as auth
from app.domains.notification.events import InboxItemAdded, InboxRead
from app.domains.notification.repository.inbox import InboxRepository, NewItems
from app.domains.notification.rules.audience import audience
from app.domains.notification.rules.feed import PREFIX
from app.domains.notification.rules.messages import Kind, find_kind
from app.domains.notification.rules.preferences import choice
from app.domains.notification.rules.topics import inbox_topic
from app.domains.notification.rules.values import Item
from app.domains.notification.service import messages
from app.domains.notification.service.messages import ItemView
from app.shared.audit import AuditAction
from app.shared.authz import Permission, TenantScope, tenant_scope
from app.shared.batch import Batch, BatchItem, BatchSpec, ask
from app.shared.context import Context
from app.shared.errors import NotFound
from app.shared.errors.faults import named
from app.shared.events import Envelope, Event
from app.shared.ids import new_id
from app.shared.mail import is_address, send_mail
from app.shared.paging import Slice, cut
from app.shared.use_case import use_case

MAIL_TEMPLATE = "event"
AT_ONCE = 100  # people in one transaction


class ReadItem(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID


class ReadAll(msgspec.Struct, frozen=True, kw_only=True):
    """Mark items read up to `until`, the newest item seen; None marks all."""

    until: UUID | None = None


class ReadResult(msgspec.Struct, frozen=True, kw_only=True):
    """How many items became read, and the link of the first."""

    count: int
    href: str = "/notifications"


class InboxEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it is added to inboxes."""

    name: str
    data: dict[str, object] = msgspec.field(name="facts")
    subject_id: UUID
    event_id: UUID
    tenant_id: UUID
    project_id: UUID | None
    occurred_at: datetime


async def add_to_inboxes(ctx: Context, event: Event, envelope: Envelope) -> None:
    """Add `event` to the inboxes of the people it concerns, and record the mails that they chose. More than 100
    people are handled by a batch."""
    if envelope.tenant_id is None:
        return
    entry = InboxEvent(
        name=event.SUBJECT.removeprefix(PREFIX),
        data=msgspec.to_builtins(event),
        subject_id=event.aggregate_id,
        event_id=envelope.id,
        tenant_id=envelope.tenant_id,
        project_id=envelope.project_id,
        occurred_at=envelope.occurred_at,
    )
    people = await _people(ctx, entry)
    if len(people) <= AT_ONCE:
        await _put(ctx, entry, people)
    else:
        await ask(ctx, NOTIFY_MANY, entry.event_id, tenant_id=entry.tenant_id, arguments=entry, total=len(people))


async def _people(ctx: Context, entry: InboxEvent) -> list[UUID]:
    """The people whom it concerns now, ordered by id."""
    kind = find_kind(entry.name, entry.data)
    if kind is None:
        return []
    return sorted(audience(kind, entry.data, await auth.role_holders(ctx, entry.tenant_id), entry.project_id))


async def _put(ctx: Context, entry: InboxEvent, people: Sequence[UUID]) -> None:
    kind = find_kind(entry.name, entry.data)
    if kind is None or not people:
        return
    new = NewItems(
        ids={person: new_id() for person in people},
        tenant_id=entry.tenant_id,
        project_id=entry.project_id,
        event_id=entry.event_id,
        kind=kind.name,
        subject_id=entry.subject_id,
        data=entry.data,
        occurred_at=entry.occurred_at,
    )
    added = await InboxRepository(ctx.session).append(new, await ctx.now())
    await _notify(ctx, kind, added, entry.tenant_id)


async def _find(ctx: Context, batch: Batch, after: BatchItem | None, limit: int) -> Sequence[BatchItem]:
    people = await _people(ctx, msgspec.convert(batch.arguments, InboxEvent))
    return [BatchItem(id=person) for person in people if after is None or person > after.id][:limit]


async def _act(ctx: Context, batch: Batch, items: Sequence[BatchItem]) -> Collection[UUID]:
    people = [item.id for item in items]
    await _put(ctx, msgspec.convert(batch.arguments, InboxEvent), people)
    return people


NOTIFY_MANY = BatchSpec(
    name="notification.note_many",
    title="Notifying the members of a large organisation of an event",
    queue="notifications",
    find=_find,
    act=_act,
    size=AT_ONCE,
)


async def _notify(ctx: Context, kind: Kind, added: dict[UUID, UUID], tenant_id: UUID) -> None:
    """Publish each item to the person's open pages, and record a mail, as they chose."""
    chosen = await InboxRepository(ctx.session).preferences(added)
    addresses = await auth.verified_addresses(ctx, added)
    for user_id, item_id in added.items():
        wanted = choice(kind, chosen[user_id].choices if user_id in chosen else {})
        event = InboxItemAdded(item_id=item_id, user_id=user_id, toast=wanted.toast)
        await ctx.emit(event, version=1, tenant_id=tenant_id)
        address = addresses.get(user_id, "")
        if wanted.email and ctx.settings.mail is not None and is_address(address):
            values = {"item": str(item_id)}
            await send_mail(ctx, address, MAIL_TEMPLATE, values, tenant_id=tenant_id, user_id=user_id)


async def list_items(ctx: Context, cursor: UUID | None, limit: int, *, unread: bool) -> Slice[ItemView, UUID]:
    """The actor's items in their current organisation, newest first."""
    scope, user_id = _own(ctx)
    rows = await InboxRepository(ctx.session).page(scope, user_id, cursor, limit, unread=unread)
    result = cut(rows, limit, lambda item: item.id)
    zone = (await auth.tenant(ctx, scope.tenant_id)).time_zone
    return Slice(items=tuple(await messages.describe(ctx, result.items, zone)), next_cursor=result.next_cursor)


async def get_item(ctx: Context, item_id: UUID) -> ItemView:
    """One of the actor's items. Raises NotFound."""
    scope, _ = _own(ctx)
    zone = (await auth.tenant(ctx, scope.tenant_id)).time_zone
    return await _view_of(ctx, await _get(ctx, item_id), zone)


async def count_unread(ctx: Context) -> int:
    """How many of the actor's items are unread, at most 100; 0 without an inbox."""
    if ctx.actor.tenant_id is None or ctx.actor.id is None:
        return 0
    scope, user_id = _own(ctx)
    return await InboxRepository(ctx.session).count_unread(scope, user_id)


@use_case(Permission.PROFILE, AuditAction.NOTIFICATION_READ, lambda command, _: command.id)
async def read_item(ctx: Context, command: ReadItem) -> ReadResult:
    """Mark one item read. Raises NotFound."""
    scope, user_id = _own(ctx)
    view = await _view_of(ctx, await _get(ctx, command.id), "UTC")
    changed = await InboxRepository(ctx.session).read_one(scope, user_id, command.id, await ctx.now())
    await _emit_read(ctx, changed)
    return ReadResult(count=changed, href=view.href)


@use_case(Permission.PROFILE, AuditAction.NOTIFICATION_READ_ALL, lambda command, _: command.until)
async def read_all(ctx: Context, command: ReadAll) -> ReadResult:
    """Mark every item read, up to `until` if given. Raises ValidationFailed when `until` is not one of the actor's."""
    scope, user_id = _own(ctx)
    if command.until is not None:
        with named("until", "There is no such item."):
            await _get(ctx, command.until)
    changed = await InboxRepository(ctx.session).read_all(scope, user_id, command.until, await ctx.now())
    await _emit_read(ctx, changed)
    return ReadResult(count=changed)


async def _emit_read(ctx: Context, changed: int) -> None:
    """Update the unread count on the person's other open pages."""
    if changed and ctx.actor.id is not None:
        version = int((await ctx.now()).timestamp() * 1_000)
        await ctx.emit(InboxRead(user_id=ctx.actor.id), version=version, tenant_id=ctx.actor.tenant_id)


async def _get(ctx: Context, item_id: UUID) -> Item:
    scope, user_id = _own(ctx)
    item = await InboxRepository(ctx.session).find(scope, user_id, item_id)
    if item is None:
        raise NotFound()
    return item


async def _view_of(ctx: Context, item: Item, zone: str) -> ItemView:
    views = await messages.describe(ctx, [item], zone)
    if not views:
        raise NotFound()
    return views[0]


def _own(ctx: Context) -> tuple[TenantScope, UUID]:
    scope = tenant_scope(ctx.actor, Permission.PROFILE)
    if ctx.actor.id is None:
        raise NotFound()
    return scope, ctx.actor.id


def live_topic(ctx: Context) -> str | None:
    """The live topic of the actor's inbox; None without an inbox."""
    return inbox_topic(ctx.actor.id) if ctx.actor.id is not None and ctx.actor.tenant_id is not None else None
