"""SQL of batches: ask for one, take a step of it, say how far it came."""

from datetime import timedelta
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.shared.batch.spec import Batch, BatchItem, BatchRef, BatchSpec
from app.shared.context import Context
from app.shared.db.repository import changed_rows
from app.shared.ids import new_id

ASK = text("""
    INSERT INTO shared.batches (id, name, title, subject_id, tenant_id, arguments, total, correlation_id)
    VALUES (:id, :name, :title, :subject_id, :tenant_id, CAST(:arguments AS jsonb), :total, :correlation_id)
    ON CONFLICT (name, subject_id) WHERE ended_at IS NULL DO NOTHING RETURNING id
""")
CLAIM = text("""
    SELECT id, name, subject_id, tenant_id, arguments, total, done, passed, round, step, idle, place_id, place_rank,
           started_at, correlation_id
    FROM shared.batches WHERE id = :id AND step = :step AND ended_at IS NULL FOR UPDATE SKIP LOCKED
""")
STEP = text("""
    UPDATE shared.batches
    SET step = step + 1, done = :done, total = greatest(total, :done), passed = :passed, round = :round, idle = :idle,
        place_id = :place_id, place_rank = :place_rank, last_error = coalesce(:error, last_error),
        touched_at = clock_timestamp(), due_at = clock_timestamp() + make_interval(secs => :pause)
    WHERE id = :id
""")
END = text("""
    UPDATE shared.batches
    SET step = step + 1, state = :state, outcome = :outcome, touched_at = clock_timestamp(),
        ended_at = clock_timestamp()
    WHERE id = :id
""")
LOST = text("""
    UPDATE shared.batches SET due_at = clock_timestamp()
    WHERE id IN (SELECT id FROM shared.batches
                 WHERE ended_at IS NULL AND due_at < clock_timestamp() - make_interval(secs => :grace)
                 ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED)
    RETURNING id, name, step, correlation_id
""")
FAILED = text("UPDATE shared.batches SET last_error = :error WHERE id = :id AND ended_at IS NULL")
PRUNE = text("""
    DELETE FROM shared.batches WHERE id IN (
        SELECT id FROM shared.batches WHERE ended_at < clock_timestamp() - make_interval(days => :days) LIMIT :batch)
""")


async def ask(
    ctx: Context,
    spec: BatchSpec,
    subject_id: UUID,
    *,
    tenant_id: UUID | None = None,
    arguments: msgspec.Struct | None = None,
    total: int = 0,
) -> bool:
    """Ask for the work to be done after the commit. One batch of a kind and subject is under way at a time: False when
    there was one already. `total` is how many things there seem to be, for the operator's eyes."""
    row = {
        "id": new_id(),
        "name": spec.name,
        "title": spec.title,
        "subject_id": subject_id,
        "tenant_id": tenant_id,
        "arguments": msgspec.json.encode(arguments or {}).decode(),
        "total": total,
        "correlation_id": ctx.trace.correlation_id,
    }
    batch_id = await ctx.session.scalar(ASK, row)
    if batch_id is None:
        return False
    ref = BatchRef(id=batch_id, step=0, correlation_id=ctx.trace.correlation_id)
    await ctx.enqueue(spec.name, ref, aggregate_id=batch_id)
    return True


async def claim(session: AsyncSession, ref: BatchRef) -> Batch | None:
    """The batch for exactly this step, locked; None when the step was made, is being made, or the batch has ended."""
    row = (await session.execute(CLAIM, {"id": ref.id, "step": ref.step})).one_or_none()
    if row is None:
        return None
    values = dict(row._mapping)
    item_id, rank = values.pop("place_id"), values.pop("place_rank")
    return Batch(**values, position=None if item_id is None else BatchItem(id=item_id, rank=rank))


async def advance(ctx: Context, batch: Batch, *, pause: float, error: str | None = None) -> None:
    """Write how far the batch is, and ask for its next step after `pause` seconds."""
    position = batch.position
    values = {
        "id": batch.id,
        "done": batch.done,
        "passed": batch.passed,
        "round": batch.round,
        "idle": batch.idle,
        "place_id": position.id if position else None,
        "place_rank": position.rank if position else None,
        "error": error,
        "pause": pause,
    }
    await ctx.session.execute(STEP, values)
    due_at = await ctx.now() + timedelta(seconds=pause) if pause else None
    ref = BatchRef(id=batch.id, step=batch.step + 1, correlation_id=batch.correlation_id)
    await ctx.enqueue(batch.name, ref, aggregate_id=batch.id, due_at=due_at)


async def end(session: AsyncSession, batch: Batch, state: str, outcome: str) -> None:
    """The batch is over: done, or stopped for a reason."""
    await session.execute(END, {"id": batch.id, "state": state, "outcome": outcome})


async def note_failure(session: AsyncSession, batch_id: UUID, error: str) -> None:
    """A step could not be made at all; for the operator's eyes."""
    await session.execute(FAILED, {"id": batch_id, "error": error})


async def ask_for_lost(ctx: Context, grace: float, limit: int) -> int:
    """Ask again for batches whose next step is overdue by `grace` seconds: their job was lost. Returns how many."""
    rows = (await ctx.session.execute(LOST, {"grace": grace, "limit": limit})).all()
    for row in rows:
        ref = BatchRef(id=row.id, step=row.step, correlation_id=row.correlation_id)
        await ctx.enqueue(row.name, ref, aggregate_id=row.id)
    return len(rows)


async def prune(session: AsyncSession, days: int, batch: int) -> int:
    """Forget batches that ended more than `days` ago, at most `batch`. Returns how many went."""
    return await changed_rows(session, PRUNE, {"days": days, "batch": batch})
