"""The outbox and its dead letters: look, send again, give up."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID, uuid5

import msgspec

from app.domains.admin.contracts.operations import (
    Discarded,
    DiscardLetter,
    EventsView,
    LettersPage,
    RedriveLetters,
    Redriven,
)
from app.domains.admin.errors import AlreadyDecided
from app.domains.admin.rules.reasons import stated
from app.shared.audit import AuditAction
from app.shared.authz import Permission, platform_scope
from app.shared.batch import Batch, BatchItem, BatchSpec, ask
from app.shared.batch.report import list_batches
from app.shared.context import Context
from app.shared.errors import NotFound, ValidationFailed
from app.shared.outbox import report
from app.shared.outbox.dead_letters import redrive
from app.shared.outbox.report import DeadLetter
from app.shared.paging import cut, pack, unpack
from app.shared.use_case import use_case

READ, MANAGE = Permission.PLATFORM_EVENT_READ, Permission.PLATFORM_EVENT_MANAGE
AT_ONCE = 200


async def show_events(ctx: Context) -> EventsView:
    """What waits, who relays, how far behind the consumers are."""
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
) -> LettersPage:
    """Dead letters, newest first. Raises ValidationFailed."""
    scope = platform_scope(ctx.actor, READ)
    rows = await report.page_letters(ctx.session, scope, source, everything, _place(cursor), limit + 1)
    kept = cut(rows, limit, lambda row: pack(row.created_at.isoformat(), str(row.id)))
    return LettersPage(items=kept.items, next_cursor=kept.next_cursor)


async def show_letter(ctx: Context, letter_id: UUID) -> DeadLetter:
    """One dead letter. Raises NotFound."""
    found = await report.find_letter(ctx.session, platform_scope(ctx.actor, READ), letter_id)
    if found is None:
        raise NotFound()
    return found


@use_case(MANAGE, AuditAction.DEAD_LETTER_REDRIVE, lambda command, _result: _named(command))
async def redrive_letters(ctx: Context, command: RedriveLetters) -> Redriven:
    """Send dead letters again: these (at most 200), or without ids all that wait, in steps, the oldest first. Raises
    NotFound, Conflict for one that was sent again before, ValidationFailed for too many."""
    if command.ids is not None:
        if len(command.ids) > AT_ONCE:
            raise ValidationFailed(fields={"ids": f"At most {AT_ONCE} at once; without ids all that wait."})
        count = len(command.ids)
        await _send_again(ctx, command.ids)
    else:
        if command.source is not None and len(command.source) > LONGEST_SOURCE:
            raise ValidationFailed(fields={"source": "No consumer or job is called so."})
        count = await report.count_letters_of(ctx.session, platform_scope(ctx.actor, MANAGE), command.source)
        subject = uuid5(REDRIVE_SUBJECT, "" if command.source is None else command.source)
        await ask(ctx, REDRIVE_ALL, subject, arguments=Redrive(command.source), total=count)
    ctx.explain(count=count)
    return Redriven(count=count)


async def _send_again(ctx: Context, ids: Sequence[UUID]) -> None:
    for letter_id in ids:
        await redrive(ctx, letter_id)


class Redrive(msgspec.Struct, frozen=True):
    """All that waited when it began, of one source when one is named."""

    source: str | None


async def _find(ctx: Context, batch: Batch, after: BatchItem | None, limit: int) -> Sequence[BatchItem]:
    source, place = msgspec.convert(batch.arguments, Redrive).source, (after.rank, after.id) if after else None
    rows = await report.list_oldest(ctx.session, source, batch.started_at, place, limit)
    return [BatchItem(id=letter_id, rank=rank) for letter_id, rank in rows]


async def _act(ctx: Context, batch: Batch, items: Sequence[BatchItem]) -> Collection[UUID]:
    ids = [item.id for item in items]
    await _send_again(ctx, ids)
    return ids


LONGEST_SOURCE = 200  # of names that we gave
REDRIVE_SUBJECT = UUID("00000000-0000-7000-8000-000000000001")  # one at a time of each source
REDRIVE_ALL = BatchSpec(
    name="admin.redrive_all",
    title="Sending dead letters again",
    queue="maintenance",
    find=_find,
    act=_act,
)


@use_case(MANAGE, AuditAction.DEAD_LETTER_DISCARD, lambda command, _result: command.id)
async def discard_letter(ctx: Context, command: DiscardLetter) -> Discarded:
    """Give one up for good; the row stays. Raises NotFound, AlreadyDecided, ValidationFailed without a reason."""
    ctx.explain(reason=stated(command.reason))
    await show_letter(ctx, command.id)
    if not await report.discard_letter(ctx.session, command.id):
        raise AlreadyDecided("This message was sent again or given up already.")
    return Discarded(id=command.id)


def _named(command: RedriveLetters) -> str:
    if command.ids is not None and len(command.ids) == 1:
        return str(command.ids[0])
    return "many" if command.source is None else command.source


def _place(cursor: str | None) -> tuple[datetime, UUID] | None:
    if not cursor:
        return None
    at, letter_id = unpack(cursor, 2)
    try:
        return datetime.fromisoformat(at), UUID(letter_id)
    except ValueError as error:
        raise ValidationFailed(fields={"cursor": "is not one of ours"}) from error
