"""The balance at the end of each day and the burn rate at each full hour.

The balance is the present one, computed backwards: minus what came in since, plus what was used since. So it is exact
however often the meters were read, and a long history costs the same as a short one.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import msgspec

from app.domains.auth import public as auth
from app.domains.billing.repository.history import BucketChange, HistoryRepository
from app.domains.billing.rules import periods
from app.domains.billing.rules.rating import billable
from app.shared.authz import Permission, tenant_scope
from app.shared.context import Context
from app.shared.formats import zone
from app.shared.money import Micro

BURN_DAYS = 7


class HistoryView(msgspec.Struct, frozen=True, kw_only=True):
    """Balances of the last 30 days, the last one of now, and burn rates of the last seven days, at local hours."""

    currency: str
    days: tuple[date, ...]
    balances: tuple[int, ...]
    hours: tuple[datetime, ...]
    burn_rates: tuple[int, ...]


async def history(ctx: Context, present: Micro) -> HistoryView:
    """The history of the actor's organisation, whose money is `present` now. Raises Forbidden."""
    scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
    tenant, now = await auth.tenant(ctx, scope.tenant_id), billable(await ctx.now())
    hours, local = _full_hours(await ctx.now()), zone(tenant.time_zone)
    days, past = periods.day_buckets(periods.last_days(now, local), local), HistoryRepository(ctx.session)
    changes = await past.list_changes(scope, days, tenant.time_zone, now)
    return HistoryView(
        currency=tenant.currency,
        days=days.labels,
        balances=_balances(present, changes),
        hours=tuple(hour.astimezone(local) for hour in hours),
        burn_rates=await past.list_burn_rates(scope, hours),
    )


def _balances(present: Micro, changes: Sequence[BucketChange]) -> tuple[int, ...]:
    """The balance at the end of each day, from the present one backwards."""
    values: list[int] = [present]
    for day in reversed(changes[1:]):
        values.insert(0, values[0] - day.change)
    return tuple(values)


def _full_hours(now: datetime) -> list[datetime]:
    """The full hours of the last seven days, and now."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    hours = [hour - timedelta(hours=back) for back in range(24 * BURN_DAYS - 1, -1, -1)]
    return hours if hours[-1] == now else [*hours, now]
