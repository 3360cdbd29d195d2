"""The outbox and its dead letters: show them, send them again, discard them."""

from collections.abc import Collection, Sequence
from uuid import UUID, uuid5

import msgspec

from app.domains.admin.errors import AlreadyDecided
from app.domains.admin.rules.reasons import stated
from app.shared.audit import AuditAction
from app.shared.authz import Permission, platform_scope
from app.shared.batch import Batch, BatchItem, BatchSpec, ask
from app.shared.batch.report import BatchView, list_batches
from app.shared.context import Context
from app.shared.errors import NotFound, ValidationFailed
from app.shared.outbox import report
from app.shared.outbox.dead_letters import redrive
from app.shared.outbox.report import ConsumersSeen, ShardLease, Waiting
from app.shared.outbox.report import DeadLetter as DeadLetter  # handlers import no outbox
from app.shared.paging import InstantAndId, cut, pack, unpack
from app.shared.use_case import use_case

READ, MANAGE = Permission.PLATFORM_EVENT_READ, Permission.PLATFORM_EVENT_MANAGE
MAX_IDS = 200
MAX_SOURCE = 200
REDRIVE_SUBJECT = UUID("00000000-0000-7000-8000-000000000001")  # one batch at a time for each source


class EventsView(msgspec.Struct, frozen=True, kw_only=True):
    """The rows that wait, the relays, the lag of the consumers (None when no worker has measured it lately), and the
    progress of batches."""

    waiting: tuple[Waiting, ...]
    leases: tuple[ShardLease, ...]
    consumers: ConsumersSeen | None
    dead: int
    batches: tuple[BatchView, ...] = ()


class DeadLetterList(msgspec.Struct, frozen=True, kw_only=True):
    """Dead letters, newest first."""

    items: tuple[DeadLetter, ...]
    next_cursor: str | None


class RedriveLetters(msgspec.Struct, frozen=True, kw_only=True):
    """Send these again. With None: all that wait, or all of `source`."""

    ids: tuple[UUID, ...] | None = None
    source: str | None = None


class Redriven(msgspec.Struct, frozen=True, kw_only=True):
    count: int


class DiscardLetter(msgspec.Struct, frozen=True, kw_only=True):
    """Discard a dead letter for good."""

    id: UUID
    reason: str


class Discarded(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID


class Redrive(msgspec.Struct, frozen=True):
    """All that waited when the batch started, or all of one source."""

    source: str | None


async def show_events(ctx: Context) -> EventsView:
    """The state of the outbox, of its consumers and of batches."""
    scope = platform_scope(ctx.actor, READ)
    return EventsView(
        waiting=tuple(await report.list_waiting(ctx.session, scope)),
        leases=tuple(await report.list_leases(ctx.session, scope)),
        consumers=await report.read_figures(ctx.runtime.valkey),
        dead=await report.count_letters(ctx.session, scope),
        batches=tuple(await list_batches(ctx.session, scope)),
    )


async def page_letters(
    ctx: Context, source: str | None, everything: bool, cursor: str | None, limit: int
) -> DeadLetterList:
    """Dead letters, newest first. Raises ValidationFailed."""
    scope = platform_scope(ctx.actor, READ)
    rows = await report.page_letters(
        ctx.session, scope, source, everything, unpack(cursor, InstantAndId) if cursor else None, limit + 1
    )
    slice_ = cut(rows, limit, lambda row: pack(row.created_at, row.id))
    return DeadLetterList(items=slice_.items, next_cursor=slice_.next_cursor)


async def show_letter(ctx: Context, letter_id: UUID) -> DeadLetter:
    """One dead letter. Raises NotFound."""
    row = await report.find_letter(ctx.session, platform_scope(ctx.actor, READ), letter_id)
    if row is None:
        raise NotFound()
    return row


@use_case(MANAGE, AuditAction.DEAD_LETTER_REDRIVE, lambda command, _result: _named(command))
async def redrive_letters(ctx: Context, command: RedriveLetters) -> Redriven:
    """Send dead letters again: up to 200 by id, or all that wait in a batch, the oldest first. Raises NotFound,
    Conflict for one that was already sent again, ValidationFailed for too many."""
    if command.ids is not None:
        if len(command.ids) > MAX_IDS:
            raise ValidationFailed(fields={"ids": f"At most {MAX_IDS} at once. Leave ids out to send all that wait."})
        count = len(command.ids)
        await _send_again(ctx, command.ids)
    else:
        if command.source is not None and len(command.source) > MAX_SOURCE:
            raise ValidationFailed(fields={"source": "There is no consumer or job of this name."})
        count = await report.count_letters_of(ctx.session, platform_scope(ctx.actor, MANAGE), command.source)
        subject = uuid5(REDRIVE_SUBJECT, "" if command.source is None else command.source)
        await ask(ctx, REDRIVE_ALL, subject, arguments=Redrive(command.source), total=count)
    ctx.explain(count=count)
    return Redriven(count=count)


async def _send_again(ctx: Context, ids: Sequence[UUID]) -> None:
    for letter_id in ids:
        await redrive(ctx, letter_id)


async def _find(ctx: Context, batch: Batch, after: BatchItem | None, limit: int) -> Sequence[BatchItem]:
    source, position = msgspec.convert(batch.arguments, Redrive).source, (after.rank, after.id) if after else None
    rows = await report.list_oldest(ctx.session, source, batch.started_at, position, limit)
    return [BatchItem(id=letter_id, rank=rank) for letter_id, rank in rows]


async def _act(ctx: Context, batch: Batch, items: Sequence[BatchItem]) -> Collection[UUID]:
    ids = [item.id for item in items]
    await _send_again(ctx, ids)
    return ids


REDRIVE_ALL = BatchSpec(
    name="admin.redrive_all",
    title="Sending dead letters again",
    queue="maintenance",
    find=_find,
    act=_act,
)


@use_case(MANAGE, AuditAction.DEAD_LETTER_DISCARD, lambda command, _result: command.id)
async def discard_letter(ctx: Context, command: DiscardLetter) -> Discarded:
    """Discard a dead letter; its row stays. Raises NotFound, AlreadyDecided, ValidationFailed without a reason."""
    ctx.explain(reason=stated(command.reason))
    await show_letter(ctx, command.id)
    if not await report.discard_letter(ctx.session, command.id):
        raise AlreadyDecided("This message has already been sent again or discarded.")
    return Discarded(id=command.id)


def _named(command: RedriveLetters) -> str:
    if command.ids is not None and len(command.ids) == 1:
        return str(command.ids[0])
    return "many" if command.source is None else command.source
