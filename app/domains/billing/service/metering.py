"""The meter of one allocation: starts when it works, stops when it is given back."""

from datetime import datetime

import msgspec

from app.context import Context
from app.domains.billing.contracts import StartMetering, StopMetering
from app.domains.billing.errors import HoldMissing
from app.domains.billing.repository import metering
from app.domains.billing.repository.metering import Metered
from app.domains.billing.rules.rating import billable
from app.domains.billing.service import balances, holds
from app.shared.authz import PlatformScope
from app.shared.money import RateMicroPerHour


async def start_metering(ctx: Context, command: StartMetering) -> None:
    """Bill from `at` (truncated to its second) on. Repeating it does nothing: the first start counts.

    Raises HoldMissing without a hold (or after its end), NoBillingAccount.
    """
    await balances.lock(ctx, command.tenant_id)
    metered = await metering.find_metered(ctx.session, command.allocation_id)
    if metered is None or metered.tenant_id != command.tenant_id or metered.ended_at is not None:
        raise HoldMissing()
    if await metering.start(ctx.session, command, billable(command.at)):
        await balances.tell(ctx, command.tenant_id, "metering_started")


async def stop_metering(ctx: Context, command: StopMetering) -> None:
    """Post the last usage up to `at` (truncated to its second) and give the rest of the hold back.

    Safe to repeat; an allocation that was never metered only gets its hold back, an unknown one is no error. When the
    meter was already read past `at`, it ends where it was read: posted usage is never taken back here.
    """
    metered = await metering.find_metered(ctx.session, command.allocation_id)
    if metered is None:
        return
    await balances.lock(ctx, metered.tenant_id)
    metered = await metering.find_metered(ctx.session, command.allocation_id)
    if metered is None or metered.ended_at is not None:
        return
    if metered.metered_from is not None:
        metered = msgspec.structs.replace(metered, ended_at=await _meter_to_the_end(ctx, metered, command.at))
    await holds.close(ctx, metered)
    await balances.tell(ctx, metered.tenant_id, "metering_ended")


async def _meter_to_the_end(ctx: Context, metered: Metered, at: datetime) -> datetime:
    read_until = await metering.find_metered_until(ctx.session, metered.allocation_id) or metered.metered_from
    ended_at = max(billable(at), read_until or billable(at))
    await metering.accrue(
        ctx.session,
        [metered.tenant_id],
        until=ended_at,
        least_seconds=1,
        correlation_id=ctx.trace.correlation_id,
        only=metered.allocation_id,
    )
    return ended_at


async def burn_now(ctx: Context, scope: PlatformScope) -> dict[str, RateMicroPerHour]:
    """What all running meters earn per hour, by currency."""
    return await metering.burn_now(ctx.session, scope)
