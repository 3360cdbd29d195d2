"""The jobs of the operator's console."""

from datetime import timedelta

import msgspec

from app.domains.admin.repository import audit
from app.domains.admin.service import events, ledger, system
from app.domains.admin.service.ledger import CheckStarted
from app.shared.audit import close_windows
from app.shared.audit.refusals import BATCH
from app.shared.authz.actor import SYSTEM
from app.shared.batch import job_of
from app.shared.context import Runtime
from app.shared.manifest import CronSpec, JobSpec

MONTHS_AHEAD = 3


async def make_audit_partitions(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Create the partitions of the next three months, so that no row ends up in the default one."""
    async with runtime.context(SYSTEM) as ctx:
        await audit.make_partitions(ctx.session, MONTHS_AHEAD)


async def check_ledger(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Verify the ledger and store the result."""
    await ledger.run_check(runtime, msgspec.convert(arguments, CheckStarted, strict=False).check_id)


async def check_dependencies(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Check every dependency, for the system page."""
    await system.record_health(runtime)


async def close_refusal_windows(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Record how often a refusal was repeated, once its window is over."""
    has_more = True
    while has_more:
        async with runtime.context(SYSTEM) as ctx:
            has_more = await close_windows(ctx.session, await ctx.now()) == BATCH


JOBS = (
    JobSpec(name=ledger.CHECK, run=check_ledger, queue="billing", timeout=540, retries=1),
    job_of(events.REDRIVE_ALL),
)
CRONS = (
    CronSpec(
        name="admin.audit_partitions",
        bound="the partitions of three months",
        run=make_audit_partitions,
        queue="maintenance",
        every=timedelta(hours=6),
        timeout=60,
        retries=0,
    ),
    CronSpec(
        name="admin.refusals",
        bound="windows that are over, a batch per transaction",
        run=close_refusal_windows,
        queue="maintenance",
        every=timedelta(seconds=30),
        timeout=60,
        retries=0,
    ),
    CronSpec(
        name="admin.health",
        bound="one question to each dependency",
        run=check_dependencies,
        queue="maintenance",
        every=timedelta(seconds=15),
        timeout=10,
        retries=0,
    ),
)
