"""The balance at the end of each day and the burn rate at each full hour.

The balance is the present one, computed backwards: minus what came in since, plus what was used since. So it is exact
however often the meters were read, and a long history costs the same as a short one.
"""

from datetime import date, datetime, timedelta

import msgspec

from app.domains.auth import public as auth
from app.domains.billing.repository.meters import MeterRepository
from app.domains.billing.repository.usage import Movement, UsageRepository
from app.domains.billing.rules import periods
from app.domains.billing.rules.rating import billable
from app.domains.billing.service import balances
from app.shared.authz import Permission, tenant_scope
from app.shared.context import Context
from app.shared.formats import zone

BURN_DAYS = 7
MAX_METERS = 5_000


class HistoryView(msgspec.Struct, frozen=True, kw_only=True):
    """Balances of the last 30 days, the last one of now, and burn rates of the last seven days, at local hours."""

    currency: str
    days: tuple[date, ...]
    balances: tuple[int, ...]
    hours: tuple[datetime, ...]
    burn_rates: tuple[int, ...]


async def history(ctx: Context) -> HistoryView:
    """The history of the actor's organisation. Raises Forbidden."""
    tenant = await auth.tenant(ctx, tenant_scope(ctx.actor, Permission.BILLING_READ).tenant_id)
    hours, local = _full_hours(await ctx.now()), zone(tenant.time_zone)
    buckets = periods.day_buckets(periods.last_days(billable(await ctx.now()), local), local)
    return HistoryView(
        currency=tenant.currency,
        days=buckets.labels,
        balances=await _balances(ctx, buckets),
        hours=tuple(hour.astimezone(local) for hour in hours),
        burn_rates=await _burn_rates(ctx, hours),
    )


async def _balances(ctx: Context, days: periods.Buckets) -> tuple[int, ...]:
    scope, now = tenant_scope(ctx.actor, Permission.BILLING_READ), billable(await ctx.now())
    usage = UsageRepository(ctx.session)
    used = {row.key: row.amount for row in await usage.list_groups(scope, days, now, "day")}
    movements = await usage.list_movements(scope, days, now)
    present: int = (await balances.get_funds(ctx, scope.tenant_id)).total
    values, balance = [present], present - await usage.get_unposted(scope, now)
    for day in reversed(days.labels[1:]):
        balance += used.get(day.isoformat(), 0) - movements.get(day, Movement()).total
        values.insert(0, balance)
    return tuple(values)


async def _burn_rates(ctx: Context, hours: list[datetime]) -> tuple[int, ...]:
    scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
    until = await ctx.now() + timedelta(seconds=1)
    meters = await MeterRepository(ctx.session).list_in_period(scope, hours[0], until, MAX_METERS)
    return tuple(sum(meter.rate or 0 for meter in meters if meter.runs_at(hour)) for hour in hours)


def _full_hours(now: datetime) -> list[datetime]:
    """The full hours of the last seven days, and now."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    hours = [hour - timedelta(hours=back) for back in range(24 * BURN_DAYS - 1, -1, -1)]
    return hours if hours[-1] == now else [*hours, now]
