"""What the shared schema needs done now and then, as a manifest like any domain's."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.shared.authz.actor import SYSTEM
from app.shared.batch import one_by_one
from app.shared.batch import store as batches
from app.shared.context import Runtime
from app.shared.manifest import CronSpec, Domain
from app.shared.outbox.retention import (
    BATCH,
    keep_partitions,
    prune_deferred,
    prune_inbox,
    prune_keys,
    prune_outbox,
)

BATCH_DAYS = 30
BATCH_GRACE = 60.0  # seconds: a queue may be long, and a job that was cut off comes again by itself
log = structlog.get_logger("worker")
PRUNED: tuple[Callable[[AsyncSession], Awaitable[int]], ...] = (
    keep_partitions,
    prune_outbox,
    prune_inbox,
    prune_deferred,
    prune_keys,
    partial(batches.prune, days=BATCH_DAYS, batch=BATCH),
)


async def prune(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Keep the partitions of the outbox, and delete old outbox rows, inbox rows, idempotency keys and batches, some per
    transaction, until none is left."""

    async def forget(step: Callable[[AsyncSession], Awaitable[int]]) -> None:
        gone = BATCH
        while gone >= BATCH:
            async with runtime.context(SYSTEM) as ctx:
                gone = await step(ctx.session)

    await one_by_one(PRUNED, forget, "old rows could not be deleted")


async def wake_batches(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Ask again for the next step of batches whose job was lost."""
    async with runtime.context(SYSTEM) as ctx:
        lost = await batches.ask_for_lost(ctx, BATCH_GRACE, BATCH)
    if lost:
        log.warning("batches were asked for again", count=lost)


HOUSEKEEPING = Domain(
    name="shared",
    crons=(
        CronSpec(
            name="shared.prune",
            bound="rows past their age, 5,000 per transaction; whole weeks of the outbox",
            run=prune,
            queue="maintenance",
            every=timedelta(minutes=10),
            timeout=540,
            retries=0,
        ),
        CronSpec(
            name="shared.batches",
            bound="5,000 overdue batches",
            run=wake_batches,
            queue="maintenance",
            every=timedelta(seconds=30),
            timeout=60,
            retries=0,
        ),
    ),
)
