"""The jobs of the operator's console."""

from datetime import timedelta

import msgspec

from app.domains.admin.contracts.money import CheckStarted
from app.domains.admin.repository import audit
from app.domains.admin.service import books, events, system
from app.shared.audit import close_windows
from app.shared.audit.refusals import BATCH
from app.shared.authz.actor import SYSTEM
from app.shared.batch import job_of
from app.shared.context import Runtime
from app.shared.manifest import CronSpec, JobSpec

MONTHS_AHEAD = 3


async def make_audit_partitions(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Keep three months of empty partitions ahead, so that no row of a coming month falls into the default one."""
    async with runtime.context(SYSTEM) as ctx:
        await audit.make_partitions(ctx.session, MONTHS_AHEAD)


async def check_ledger(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Verify the ledger and keep the result."""
    await books.run_check(runtime, msgspec.convert(arguments, CheckStarted, strict=False).check_id)


async def look_at_dependencies(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Ask every dependency whether it answers, for the system page."""
    await system.keep_health(runtime)


async def close_refusal_windows(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Write how often a refusal was repeated once its window is over."""
    full = True
    while full:
        async with runtime.context(SYSTEM) as ctx:
            full = await close_windows(ctx.session, await ctx.now()) == BATCH


JOBS = (
    JobSpec(name=books.CHECK, run=check_ledger, queue="billing", timeout=540, retries=1),
    job_of(events.REDRIVE_ALL),
)
CRONS = (
    CronSpec(
        name="admin.audit_partitions",
        run=make_audit_partitions,
        queue="maintenance",
        every=timedelta(hours=6),
        timeout=60,
        retries=0,
    ),
    CronSpec(
        name="admin.refusals",
        run=close_refusal_windows,
        queue="maintenance",
        every=timedelta(seconds=30),
        timeout=60,
        retries=0,
    ),
    CronSpec(
        name="admin.health",
        run=look_at_dependencies,
        queue="maintenance",
        every=timedelta(seconds=15),
        timeout=10,
        retries=0,
    ),
)
