"""Closes the days of tenants, each in its own calendar. Safe to repeat, and at once on several workers."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from app.domains.auth import public as auth
from app.domains.billing.repository.daily import DailyUsageRepository, Progress
from app.domains.billing.rules import periods
from app.domains.billing.rules.periods import Period
from app.shared.context import Context
from app.shared.formats import zone

TENANTS = 100  # per transaction
DAYS = 31  # per transaction
SETTLED = timedelta(hours=1)  # no transaction lasts so long: what began before the end of the day is committed
DAY = timedelta(days=1)


async def list_due(ctx: Context, after: UUID | None) -> list[UUID]:
    """The next tenants with a day to close, at most 100."""
    return await DailyUsageRepository(ctx.session).list_due(await ctx.now() - SETTLED, after, TENANTS)


async def close(ctx: Context, tenant_ids: Sequence[UUID]) -> int:
    """Close up to 31 days of each of these tenants. Returns for how many of them a day was closed.

    A tenant that another worker has locked is left to it, and so is a day that a running meter was not read past: the
    next run comes back to it.
    """
    before = await ctx.now() - SETTLED
    repository = DailyUsageRepository(ctx.session)
    due = await repository.lock_due(tenant_ids, before)
    zones = await auth.time_zones(ctx, [progress.tenant_id for progress in due])
    open_from = await _begin(ctx, [row for row in due if _is_new(row, zones)], zones)
    open_from |= {row.tenant_id: row.open_from for row in due if row.open_from and not _is_new(row, zones)}
    groups: defaultdict[tuple[str, date], list[UUID]] = defaultdict(list)
    for tenant_id, day in open_from.items():
        groups[zones.get(tenant_id, "UTC"), day].append(tenant_id)
    return sum([await _close(repository, tenants, *group, before) for group, tenants in groups.items()])


async def _close(
    repository: DailyUsageRepository, tenant_ids: list[UUID], time_zone: str, first: date, before: datetime
) -> int:
    local = zone(time_zone)
    end = min(periods.today(before, local), first + DAYS * DAY)
    if end <= first:
        return 0
    next_end = periods.start_of(end + DAY, local)
    return await repository.close(tenant_ids, periods.day_buckets(Period(first, end), local), next_end)


def _is_new(progress: Progress, zones: dict[UUID, str]) -> bool:
    """Nothing is closed yet, or what is was closed in another calendar."""
    return progress.open_from is None or progress.time_zone != zones.get(progress.tenant_id, "UTC")


async def _begin(ctx: Context, new: Sequence[Progress], zones: dict[UUID, str]) -> dict[UUID, date]:
    """Begin with the day of the first machine, or with today. Returns the first open day of each tenant."""
    if not new:
        return {}
    repository, now = DailyUsageRepository(ctx.session), await ctx.now()
    first = await repository.list_first_metered([progress.tenant_id for progress in new])
    first_days, names = {}, {}
    for progress in new:
        names[progress.tenant_id] = zones.get(progress.tenant_id, "UTC")
        local = zone(names[progress.tenant_id])
        day = periods.today(min(first.get(progress.tenant_id, now), now), local)
        first_days[progress.tenant_id] = periods.day_buckets(Period(day, day + DAY), local)
    await repository.begin(first_days, names)
    return {tenant_id: buckets.labels[0] for tenant_id, buckets in first_days.items()}
