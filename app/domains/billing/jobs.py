"""The jobs of billing: accrual, closed days, checkpoints, seals. Each opens its own Contexts and may run twice."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from app.domains.billing.service import accrual, daily, verify
from app.shared.authz.actor import SYSTEM
from app.shared.batch import all_or_one_by_one
from app.shared.context import Runtime
from app.shared.manifest import CronSpec

TENANTS = 50  # whose accounts one transaction of the tick locks: a launch of theirs waits for it


async def run_tick(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Read all running meters, one transaction per 50 tenants. When it fails, one transaction per tenant."""

    async def accrue(tenant_ids: Sequence[UUID]) -> None:
        async with runtime.context(SYSTEM) as ctx:
            await accrual.accrue(ctx, tenant_ids)

    after: UUID | None = None
    while True:
        async with runtime.context(SYSTEM) as ctx:
            tenant_ids = await accrual.list_running(ctx, after)
        if not tenant_ids:
            return
        for first in range(0, len(tenant_ids), TENANTS):
            part = tenant_ids[first : first + TENANTS]
            await all_or_one_by_one(part, accrue, "a tenant's meters could not be read")
        after = tenant_ids[-1]


async def run_checkpoints(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Checkpoint the accounts with enough entries, 1,000 accounts per transaction."""
    after: int | None = 0
    while after is not None:
        async with runtime.context(SYSTEM) as ctx:
            after = await accrual.checkpoint(ctx, after)


async def run_days(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Close the days that are over, a month of 100 tenants per transaction. When it fails, one transaction per
    tenant."""
    closed = 0

    async def close(tenant_ids: Sequence[UUID]) -> None:
        nonlocal closed
        async with runtime.context(SYSTEM) as ctx:
            count = await daily.close(ctx, tenant_ids)
        closed += count

    after: UUID | None = None
    while True:
        async with runtime.context(SYSTEM) as ctx:
            tenant_ids = await daily.list_due(ctx, after)
        if not tenant_ids:
            return
        before = closed
        await all_or_one_by_one(tenant_ids, close, "the days of a tenant could not be closed")
        if closed == before:  # what is left of these is not ready
            after = tenant_ids[-1]


async def run_seal(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Seal what was committed since the last seal."""
    async with runtime.context(SYSTEM) as ctx:
        await verify.seal(ctx)


CRONS = (
    CronSpec(
        name="billing.tick",
        bound="meters that are due, 500 tenants per transaction",
        run=run_tick,
        queue="billing",
        every=timedelta(seconds=10),
        timeout=60,
        retries=0,
    ),
    CronSpec(
        name="billing.checkpoint",
        bound="tenants with new entries, one per transaction",
        run=run_checkpoints,
        queue="billing",
        every=timedelta(minutes=1),
        timeout=120,
        retries=0,
    ),
    CronSpec(
        name="billing.days",
        bound="days that are over, a month of 100 tenants per transaction",
        run=run_days,
        queue="billing",
        every=timedelta(minutes=10),
        timeout=300,
        retries=0,
    ),
    CronSpec(
        name="billing.seal",
        bound="what was committed since the last seal",
        run=run_seal,
        queue="billing",
        every=timedelta(minutes=1),
        timeout=120,
        retries=0,
    ),
)
