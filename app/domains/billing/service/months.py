"""Statements by month: what there was, what came in, what was charged, what was left. Reads only.

Walked back from the present balance like the line of the balance, so a month costs nothing to read however busy it was.
"""

from app.domains.auth import public as auth
from app.domains.billing.contracts import MonthStatement, StatementsPage
from app.domains.billing.repository import usage
from app.domains.billing.repository.usage import Moved
from app.domains.billing.rules import periods
from app.domains.billing.rules.rating import billable
from app.domains.billing.service import balances
from app.shared.authz import Permission, tenant_scope
from app.shared.context import Context
from app.shared.formats import zone
from app.shared.money import Micro

MOST_MONTHS = 24


async def statements(ctx: Context) -> StatementsPage:
    """The present month and those before it, at most two years, newest first; none before the first transaction."""
    scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
    tenant, now = await auth.tenant(ctx, scope.tenant_id), billable(await ctx.now())
    place, first = zone(tenant.time_zone), await usage.find_first_hour(ctx.session, scope)
    if first is None:
        return StatementsPage(currency=tenant.currency, time_zone=tenant.time_zone, months=())
    months = periods.months_until(periods.today(now, place), periods.today(first, place), MOST_MONTHS)
    names = [month.first for month in months]
    instants = [periods.start_of(day, place) for day in (*names, months[-1].end)]
    used = await usage.list_grouped(ctx.session, scope, names, instants, now, "day")
    by_month = {row.key: row.amount for row in used}
    moved = await usage.list_moved(ctx.session, scope, names, instants, now)
    waiting = await usage.unposted(ctx.session, scope, now)
    funds = await balances.get_funds(ctx, scope.tenant_id)
    closing: int = funds.total
    lines: list[MonthStatement] = []
    for month in reversed(months):
        moves = moved.get(month.first, Moved())
        charged = by_month.get(month.first.isoformat(), 0) - moves.forgiven - waiting
        opening = closing - moves.added - moves.returned + charged
        lines.append(
            MonthStatement(
                month=month.first,
                until=month.end,
                opening=Micro(opening),
                added=moves.added,
                returned=Micro(-moves.returned),
                charged=Micro(charged),
                closing=Micro(closing),
                is_open=not lines,
            )
        )
        closing, waiting = opening, Micro(0)
    return StatementsPage(currency=tenant.currency, time_zone=tenant.time_zone, months=tuple(lines))
