"""Two lines about money: what there was at the end of each day, and how fast it burned. Reads only.

The balance is the one of now, walked back: less what came in since, plus what was used since. So it is exact however
often the meters were read, and costs the same for a long history as for a short one.
"""

from datetime import datetime, timedelta

from app.domains.auth import public as auth
from app.domains.billing.repository import statements, usage
from app.domains.billing.repository.metering import Metered
from app.domains.billing.repository.usage import Moved
from app.domains.billing.rules import periods
from app.domains.billing.rules.rating import billable
from app.domains.billing.service import balances
from app.domains.billing.service.usage import grouped
from app.domains.billing.service.usage_page import day_name
from app.shared.authz import Permission, tenant_scope
from app.shared.context import Context
from app.shared.formats import WEEKDAYS, money, rate, zone
from app.web.charts import Chart, Series

BURN_DAYS = 7
MOST_METERS = 5_000
NOTHING = Moved()


async def balance_chart(ctx: Context) -> Chart:
    """The organisation's money, holds included, at the end of each of the last 30 days and now."""
    scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
    tenant, now = await auth.tenant(ctx, scope.tenant_id), billable(await ctx.now())
    period = periods.last_days(now, zone(tenant.time_zone))
    days, instants = periods.days_of(period), periods.boundaries(period, zone(tenant.time_zone))
    funds = await balances.get_funds(ctx, scope.tenant_id)
    used = {row.key: row.amount for row in await grouped(ctx, scope, tenant, period, "day")}
    moved = await usage.list_moved(ctx.session, scope, days, instants, now)
    present: int = funds.total
    values, at = [present], present - await usage.unposted(ctx.session, scope, now)
    for day in reversed(days[1:]):
        at += used.get(day.isoformat(), 0) - moved.get(day, NOTHING).total
        values.insert(0, at)
    least = min(range(len(values)), key=lambda number: values[number])
    lowest = "" if values[least] == present else f" The least was {money(values[least], tenant.currency)}"
    return Chart(
        id="balance",
        title="Balance at the end of each day",
        summary=f"You have {money(present, tenant.currency)} now, holds included."
        + (f"{lowest}, on {day_name(days[least])}." if lowest else ""),
        kind="line",
        unit="money",
        head="Day",
        labels=tuple(day_name(day) for day in days),
        series=(Series("Balance", tuple(values)),),
        currency=tenant.currency,
    )


async def burn_chart(ctx: Context) -> Chart:
    """The prices of what ran at each full hour of the last seven days, and now."""
    scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
    tenant, now = await auth.tenant(ctx, scope.tenant_id), await ctx.now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    instants = [hour - timedelta(hours=back) for back in range(24 * BURN_DAYS - 1, -1, -1)]
    if instants[-1] < now:
        instants.append(now)
    found = await statements.list_metered_in(ctx.session, scope, instants[0], now + timedelta(seconds=1), MOST_METERS)
    values = tuple(burn_at(found, instant) for instant in instants)
    local = [instant.astimezone(zone(tenant.time_zone)) for instant in instants]
    labels = tuple(f"{WEEKDAYS[at.weekday()]} {at:%H:%M}" for at in local)
    most = max(range(len(values)), key=lambda number: values[number])
    said = f"At most {rate(values[most], tenant.currency)}, on {labels[most]}; {rate(values[-1], tenant.currency)} now."
    return Chart(
        id="burn",
        title="Burn at each full hour",
        summary=said if any(values) else f"Nothing burned in the last {BURN_DAYS} days.",
        kind="line",
        unit="rate",
        head="Hour",
        labels=labels,
        series=(Series("Burn", values),),
        currency=tenant.currency,
    )


def burn_at(metered: list[Metered], instant: datetime) -> int:
    """The sum of the prices of what ran at that instant."""
    return sum(
        row.rate or 0
        for row in metered
        if row.metered_from is not None
        and row.metered_from <= instant
        and (row.ended_at is None or row.ended_at > instant)
    )
