"""Makes one step of a batch: a transaction with the work, the place it reached and the request for the next step."""

from collections.abc import Sequence

import msgspec
import structlog
from sqlalchemy import text

from app.shared.authz.actor import SYSTEM
from app.shared.batch import store
from app.shared.batch.spec import Batch, BatchItem, BatchRef, BatchSpec
from app.shared.context import Context, Runtime
from app.shared.db import database_down
from app.shared.manifest import JobSpec
from app.shared.telemetry.sanitize import sanitize_text
from app.shared.telemetry.trace import new_trace

TIMEOUT = 120
RETRIES = 3
LONGEST_PAUSE = 300.0
MAX_FAILURES = 3  # of one step, when its things are tried one by one: the next step begins behind them
IMPATIENT = text("SET LOCAL lock_timeout = '2s'")  # whoever is busy is left to a later round

log = structlog.get_logger("berth.batch")


def job_of(spec: BatchSpec) -> JobSpec:
    """The job that makes the steps of this kind of batch; a domain lists it among its own."""

    async def run(runtime: Runtime, arguments: dict[str, object]) -> None:
        await make_step(runtime, spec, msgspec.convert(arguments, BatchRef, strict=False))

    return JobSpec(name=spec.name, run=run, queue=spec.queue, timeout=TIMEOUT, retries=RETRIES)


async def make_step(runtime: Runtime, spec: BatchSpec, ref: BatchRef) -> bool:
    """Make this step, all its things at once; when that fails, each by itself. False when there was nothing to do."""
    try:
        return await _step(runtime, spec, ref, one_by_one=False)
    except Exception as error:
        if database_down(error):
            raise  # nobody's fault: the job comes again
        log.warning("a step of a batch failed as a whole", batch=spec.name, batch_id=str(ref.id), exc_info=error)
    try:
        return await _step(runtime, spec, ref, one_by_one=True)
    except Exception as error:
        if not database_down(error):
            async with runtime.context(SYSTEM) as ctx:
                await store.note_failure(ctx.session, ref.id, _message(error))
        raise


async def _step(runtime: Runtime, spec: BatchSpec, ref: BatchRef, *, one_by_one: bool) -> bool:
    async with runtime.context(SYSTEM, new_trace(ref.correlation_id)) as ctx:
        await ctx.session.execute(IMPATIENT)
        batch = await store.claim(ctx.session, ref)
        if batch is None:
            return False
        reason = await spec.ends(ctx, batch)
        if reason:
            await _end(ctx, batch, "stopped", reason)
            return True
        items = await spec.find(ctx, batch, batch.position, spec.size)
        if not items:
            await _end_of_round(ctx, batch)
            return True
        tried, settled, error = await (_each if one_by_one else _all)(ctx, spec, batch, items)
        await _note(ctx, batch, tried, settled, error)
    return True


Outcome = tuple[Sequence[BatchItem], int, str | None]  # what was tried, how many of them are settled, the last error


async def _all(ctx: Context, spec: BatchSpec, batch: Batch, items: Sequence[BatchItem]) -> Outcome:
    return items, len(await spec.act(ctx, batch, items)), None


async def _each(ctx: Context, spec: BatchSpec, batch: Batch, items: Sequence[BatchItem]) -> Outcome:
    settled, failures, error = 0, 0, None
    for number, item in enumerate(items, 1):
        try:
            async with ctx.session.begin_nested():
                settled += len(await spec.act(ctx, batch, [item]))
        except Exception as failure:
            if database_down(failure):
                raise
            failures, error = failures + 1, f"{item.id}: {_message(failure)}"
            log.warning("a thing of a batch was passed over", batch=batch.name, item=str(item.id), exc_info=failure)
            if failures >= MAX_FAILURES:
                return items[:number], settled, error
    return items, settled, error


def _message(error: Exception) -> str:
    return sanitize_text(f"{type(error).__name__}: {error}")[:900]


async def _note(ctx: Context, batch: Batch, tried: Sequence[BatchItem], settled: int, error: str | None) -> None:
    now = msgspec.structs.replace(
        batch,
        done=batch.done + settled,
        passed=batch.passed + len(tried) - settled,
        position=tried[-1],
        idle=0 if settled else batch.idle + 1,
    )
    log.info(
        "a batch went on",
        batch=now.name,
        batch_id=str(now.id),
        done=now.done,
        total=max(now.total, now.done),
        passed_over=now.passed,
        round=now.round,
    )
    await store.advance(ctx, now, pause=0, error=error)


async def _end_of_round(ctx: Context, batch: Batch) -> None:
    """Whoever was passed over gets another round, later each time that a whole round settled nobody."""
    if not batch.passed:
        await _end(ctx, batch, "done", "")
        return
    again = msgspec.structs.replace(batch, round=batch.round + 1, passed=0, position=None)
    await store.advance(ctx, again, pause=min(LONGEST_PAUSE, 1.0 * 2 ** min(batch.idle, 9)))


async def _end(ctx: Context, batch: Batch, state: str, outcome: str) -> None:
    await store.end(ctx.session, batch, state, outcome)
    log.info("a batch ended", batch=batch.name, batch_id=str(batch.id), state=state, outcome=outcome, done=batch.done)
