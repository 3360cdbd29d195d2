"""What machines cost: costs to the second, receipts by hour, and the usage of each machine in a period."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from app.domains.billing.contracts import CostView, ReceiptView
from app.domains.billing.repository.accounts import AccountRepository
from app.domains.billing.repository.meters import HeldMeter, Meter, MeterRepository
from app.domains.billing.rules import rating
from app.shared.authz import Permission, tenant_scope
from app.shared.context import Context
from app.shared.errors import ValidationFailed
from app.shared.money import Micro, RateMicroPerHour

MAX_PERIOD = timedelta(days=366)
MAX_MACHINES = 5_000


class MachineUsage(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds and cost of one allocation inside a period."""

    allocation_id: UUID
    project_id: UUID
    sku_id: UUID
    label: str
    rate: RateMicroPerHour
    seconds: int
    amount: Micro
    running: bool


class UsageReport(msgspec.Struct, frozen=True, kw_only=True):
    """The usage of every machine in [from_at, to_at)."""

    from_at: datetime
    to_at: datetime
    currency: str
    total: Micro
    machines: tuple[MachineUsage, ...]


async def costs_of(ctx: Context, allocation_ids: list[UUID]) -> dict[UUID, CostView]:
    """The costs of several allocations, by allocation. The caller checks who owns them.

    No usage record is read: charges are cumulative, so the total is the rule applied to the whole life. `verify` proves
    that the posted parts sum to it.
    """
    if not allocation_ids:
        return {}
    now, meters = await ctx.now(), await MeterRepository(ctx.session).list_by_id(allocation_ids)
    return {meter.allocation_id: _cost(meter, now) for meter in meters}


async def receipt(ctx: Context, allocation_id: UUID) -> ReceiptView | None:
    """Posted usage of an allocation by hour; None when it never had a hold. The caller checks who owns it."""
    meters = MeterRepository(ctx.session)
    meter = await meters.find(allocation_id)
    if meter is None:
        return None
    lines = await meters.list_receipt(allocation_id)
    return ReceiptView(
        allocation_id=allocation_id,
        currency=meter.currency,
        total=Micro(sum(line.amount for line in lines)),
        seconds=sum(line.seconds for line in lines),
        lines=lines,
    )


async def usage_report(ctx: Context, from_at: datetime, to_at: datetime) -> UsageReport:
    """Seconds and cost of each machine in [from_at, to_at), up to now. Raises ValidationFailed."""
    scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
    if from_at.tzinfo is None or to_at.tzinfo is None:
        raise ValidationFailed(fields={"from": "Give both instants with their zone, as in 2026-01-31T00:00:00Z."})
    if not from_at < to_at or to_at - from_at > MAX_PERIOD:
        raise ValidationFailed(fields={"to": "Ask for at most a year, with an end after its start."})
    now = await ctx.now()
    meters = await MeterRepository(ctx.session).list_in_period(scope, from_at, to_at, MAX_MACHINES)
    machines = tuple(usage_of(meter, from_at, min(to_at, max(now, from_at))) for meter in meters)
    return UsageReport(
        from_at=from_at,
        to_at=to_at,
        currency=await AccountRepository(ctx.session).find_currency(scope.tenant_id) or "",
        total=Micro(sum(machine.amount for machine in machines)),
        machines=machines,
    )


def usage_of(meter: Meter, from_at: datetime, to_at: datetime) -> MachineUsage:
    """The usage of a meter inside the period. Raises ValueError when it never started."""
    if meter.metered_from is None or meter.rate is None or meter.sku_id is None:
        raise ValueError("this allocation was never metered")
    until = meter.ended_at or max(to_at, meter.metered_from)
    seconds, amount = rating.cost_between(meter.rate, meter.metered_from, until, from_at, to_at)
    return MachineUsage(
        allocation_id=meter.allocation_id,
        project_id=meter.project_id,
        sku_id=meter.sku_id,
        label=meter.label,
        rate=meter.rate,
        seconds=seconds,
        amount=amount,
        running=meter.ended_at is None,
    )


def _cost(meter: HeldMeter, now: datetime) -> CostView:
    seconds, total, rate = 0, Micro(0), meter.rate or RateMicroPerHour(0)
    if meter.metered_from is not None:
        until = meter.ended_at or max(now, meter.metered_from)
        seconds, total = rating.cost_between(rate, meter.metered_from, until, meter.metered_from, until)
    return CostView(
        allocation_id=meter.allocation_id,
        currency=meter.currency,
        total=total,
        seconds=seconds,
        rate=rate,
        since=meter.metered_from,
        until=meter.ended_at,
        held=meter.held,
    )
