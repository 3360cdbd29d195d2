"""The inbox: an event becomes items of the people it concerns; they list them, count them and mark them read."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.auth import public as auth
from app.domains.notification.contracts import Item, ItemView, ReadAll, ReadItem, ReadResult
from app.domains.notification.events import InboxItemAdded, InboxRead
from app.domains.notification.repository.inbox import InboxRepository, NewItems
from app.domains.notification.rules.audience import audience
from app.domains.notification.rules.preferences import choice
from app.domains.notification.rules.words import Kind, find_kind
from app.domains.notification.service import words
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
PREFIX = "berth.v1."
AT_ONCE = 100  # people told in one transaction


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One event as inboxes know it."""

    name: str
    facts: dict[str, object]
    subject_id: UUID
    event_id: UUID
    tenant_id: UUID
    project_id: UUID | None
    occurred_at: datetime


async def note(ctx: Context, event: Event, envelope: Envelope) -> None:
    """Put `event` into the inboxes of those it concerns, and record the mails that they want. Where they are many, a
    batch does it."""
    if envelope.tenant_id is None:
        return
    told = Told(
        name=event.SUBJECT.removeprefix(PREFIX),
        facts=msgspec.to_builtins(event),
        subject_id=event.aggregate_id,
        event_id=envelope.id,
        tenant_id=envelope.tenant_id,
        project_id=envelope.project_id,
        occurred_at=envelope.occurred_at,
    )
    people = await _people(ctx, told)
    if len(people) <= AT_ONCE:
        await _put(ctx, told, people)
    else:
        await ask(ctx, NOTE_MANY, told.event_id, tenant_id=told.tenant_id, arguments=told, total=len(people))


async def _people(ctx: Context, told: Told) -> list[UUID]:
    """Whom it concerns now, in order of their ids."""
    kind = find_kind(told.name, told.facts)
    if kind is None:
        return []
    return sorted(audience(kind, told.facts, await auth.role_holders(ctx, told.tenant_id), told.project_id))


async def _put(ctx: Context, told: Told, people: Sequence[UUID]) -> None:
    kind = find_kind(told.name, told.facts)
    if kind is None or not people:
        return
    new = NewItems(
        ids={person: new_id() for person in people},
        tenant_id=told.tenant_id,
        project_id=told.project_id,
        event_id=told.event_id,
        kind=kind.name,
        subject_id=told.subject_id,
        facts=told.facts,
        occurred_at=told.occurred_at,
    )
    added = await InboxRepository(ctx.session).append(new, await ctx.now())
    await _tell(ctx, kind, added, told.tenant_id)


async def _find(ctx: Context, batch: Batch, after: BatchItem | None, limit: int) -> Sequence[BatchItem]:
    people = await _people(ctx, msgspec.convert(batch.arguments, Told))
    return [BatchItem(id=person) for person in people if after is None or person > after.id][:limit]


async def _act(ctx: Context, batch: Batch, items: Sequence[BatchItem]) -> Collection[UUID]:
    people = [item.id for item in items]
    await _put(ctx, msgspec.convert(batch.arguments, Told), people)
    return people


NOTE_MANY = BatchSpec(
    name="notification.note_many",
    title="Telling the people of a large organisation of an event",
    queue="notifications",
    find=_find,
    act=_act,
    size=AT_ONCE,
)


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


@use_case(Permission.PROFILE, AuditAction.NOTIFICATION_READ, lambda command, _: command.id)
async def read_item(ctx: Context, command: ReadItem) -> ReadResult:
    """Mark one item read; says where it leads. Raises NotFound."""
    scope, user_id = _own(ctx)
    said = await _said(ctx, await _get(ctx, command.id), "UTC")
    changed = await InboxRepository(ctx.session).read_one(scope, user_id, command.id, await ctx.now())
    await _tell_read(ctx, changed)
    return ReadResult(count=changed, href=said.href)


@use_case(Permission.PROFILE, AuditAction.NOTIFICATION_READ_ALL, lambda command, _: command.until)
async def read_all(ctx: Context, command: ReadAll) -> ReadResult:
    """Mark everything read, up to an item when one is named. Raises ValidationFailed when it is not one of theirs."""
    scope, user_id = _own(ctx)
    if command.until is not None:
        with named("until", "There is no such item."):
            await _get(ctx, command.until)
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
