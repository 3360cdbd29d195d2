"""The meter of one allocation: starts when it works, stops when it is given back."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.billing.contracts import StartMetering, StopMetering
from app.domains.billing.errors import HoldMissing
from app.domains.billing.repository import metering
from app.domains.billing.rules.rating import billable
from app.domains.billing.service import balances, holds
from app.shared.authz import PlatformScope
from app.shared.context import Context
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
    if metered is not None:
        await stop_many(ctx, metered.tenant_id, [command.allocation_id], command.at)


async def stop_many(ctx: Context, tenant_id: UUID, allocation_ids: Sequence[UUID], at: datetime) -> None:
    """The same for some allocations of one tenant, told once. Takes the tenant's lock. Raises NoBillingAccount."""
    await balances.lock(ctx, tenant_id)
    found = await metering.list_open(ctx.session, tenant_id, allocation_ids)
    if not found:
        return
    running = {item.allocation_id: item.metered_from for item in found if item.metered_from is not None}
    read_until = await metering.metered_until(ctx.session, list(running))
    await metering.accrue(
        ctx.session,
        [tenant_id] if running else [],
        until=billable(at),
        least_seconds=1,
        correlation_id=ctx.trace.correlation_id,
        only=list(running),
    )
    ends = {key: max(billable(at), read_until.get(key, begun)) for key, begun in running.items()}
    await holds.close(ctx, [msgspec.structs.replace(item, ended_at=ends.get(item.allocation_id)) for item in found])
    await balances.tell(ctx, tenant_id, "metering_ended")


async def burn_now(ctx: Context, scope: PlatformScope) -> dict[str, RateMicroPerHour]:
    """What all running meters earn per hour, by currency."""
    return await metering.burn_now(ctx.session, scope)
