"""The meter of an allocation: it starts when the machine works and stops when the machine is released."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.billing.contracts import StartMetering, StopMetering
from app.domains.billing.errors import HoldMissing
from app.domains.billing.repository.accrual import AccrualRepository
from app.domains.billing.repository.meters import MeterRepository
from app.domains.billing.rules.rating import billable
from app.domains.billing.service import balances, changes, holds
from app.shared.authz import PlatformScope
from app.shared.context import Context
from app.shared.money import RateMicroPerHour


async def start_metering(ctx: Context, command: StartMetering) -> None:
    """Bill from `at` (truncated to its second) on. Repeating it does nothing: the first start counts.

    Raises HoldMissing without a hold or after its release, NoBillingAccount.
    """
    await balances.lock(ctx, command.tenant_id)
    meters = MeterRepository(ctx.session)
    meter = await meters.find(command.allocation_id)
    if meter is None or meter.tenant_id != command.tenant_id or meter.ended_at is not None:
        raise HoldMissing()
    if await meters.start(command, billable(command.at)):
        await changes.publish(ctx, command.tenant_id, "metering_started")


async def stop_metering(ctx: Context, command: StopMetering) -> None:
    """Post the last usage up to `at` (truncated to its second) and release the rest of the hold. Safe to repeat.

    An allocation that was never metered only has its hold released; an unknown one is ignored. A meter that was already
    read past `at` ends where it was read: posted usage is never reversed here.
    """
    meter = await MeterRepository(ctx.session).find(command.allocation_id)
    if meter is not None:
        await stop_metering_of(ctx, meter.tenant_id, [command.allocation_id], command.at)


async def stop_metering_of(ctx: Context, tenant_id: UUID, allocation_ids: Sequence[UUID], at: datetime) -> None:
    """The same for several allocations of one tenant, with one event. Raises NoBillingAccount."""
    await balances.lock(ctx, tenant_id)
    open_meters = await MeterRepository(ctx.session).list_open(tenant_id, allocation_ids)
    if not open_meters:
        return
    running = {meter.allocation_id: meter.metered_from for meter in open_meters if meter.metered_from is not None}
    accruals = AccrualRepository(ctx.session)
    last_read = await accruals.list_last_read(list(running))
    await accruals.accrue(
        [tenant_id] if running else [],
        until=billable(at),
        minimum_seconds=1,
        correlation_id=ctx.trace.correlation_id,
        only=list(running),
    )
    ends = {key: max(billable(at), last_read.get(key, started)) for key, started in running.items()}
    ending = [msgspec.structs.replace(meter, ended_at=ends.get(meter.allocation_id)) for meter in open_meters]
    await holds.close(ctx, ending)
    await changes.publish(ctx, tenant_id, "metering_ended")


async def burn_rates(ctx: Context, scope: PlatformScope) -> dict[str, RateMicroPerHour]:
    """What all running meters of the platform cost per hour, by currency; empty while none runs."""
    return await MeterRepository(ctx.session).list_burn_rates(scope)
