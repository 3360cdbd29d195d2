"""Monthly statements: opening balance, credit added, refunds, charges and closing balance.

Computed backwards from the present balance, so a month costs the same to read however much happened in it.
"""

from datetime import date

import msgspec

from app.domains.auth import public as auth
from app.domains.billing.repository.history import BucketChange, HistoryRepository
from app.domains.billing.rules import periods
from app.domains.billing.rules.periods import Period
from app.domains.billing.rules.rating import billable
from app.domains.billing.service import balances
from app.shared.authz import Permission, tenant_scope
from app.shared.context import Context
from app.shared.formats import zone
from app.shared.money import Micro

MAX_MONTHS = 24


class MonthStatement(msgspec.Struct, frozen=True, kw_only=True):
    """One month of the organisation's calendar: opening + added - returned - charged = closing, exactly.

    `charged` is usage that was paid for; the present month goes up to the last posting. Holds belong to the balance.
    """

    month: date
    until: date
    opening: Micro
    added: Micro
    returned: Micro
    charged: Micro
    closing: Micro
    is_open: bool


class StatementsView(msgspec.Struct, frozen=True, kw_only=True):
    """The newest month first; no month before the first transaction."""

    currency: str
    time_zone: str
    months: tuple[MonthStatement, ...]


async def statements(ctx: Context) -> StatementsView:
    """The present month and those before it, at most 24. Raises Forbidden."""
    scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
    tenant, now = await auth.tenant(ctx, scope.tenant_id), billable(await ctx.now())
    past, local = HistoryRepository(ctx.session), zone(tenant.time_zone)
    first = await past.find_first_hour(scope)
    if first is None:
        return StatementsView(currency=tenant.currency, time_zone=tenant.time_zone, months=())
    months = periods.months_until(periods.today(now, local), periods.today(first, local), MAX_MONTHS)
    changes = await past.list_changes(scope, periods.month_buckets(months, local), tenant.time_zone, now)
    closing = (await balances.get_funds(ctx, scope.tenant_id)).total
    lines: list[MonthStatement] = []
    for month, change in zip(reversed(months), reversed(changes), strict=True):
        lines.append(_statement(month, change, closing, is_open=not lines))
        closing = lines[-1].opening
    return StatementsView(currency=tenant.currency, time_zone=tenant.time_zone, months=tuple(lines))


def _statement(month: Period, change: BucketChange, closing: Micro, *, is_open: bool) -> MonthStatement:
    return MonthStatement(
        month=month.first,
        until=month.end,
        opening=Micro(closing - change.change),
        added=change.added,
        returned=Micro(-change.returned),
        charged=Micro(change.used - change.written_off - change.unposted),
        closing=closing,
        is_open=is_open,
    )
