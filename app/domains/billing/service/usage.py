"""Usage of a period by day, type, project or machine, in the days of the organisation's own calendar."""

from collections.abc import AsyncIterator, Iterable
from datetime import date, datetime, timedelta

import msgspec

from app.domains.auth import public as auth
from app.domains.auth.contracts import TenantView
from app.domains.billing.contracts import SpendView
from app.domains.billing.repository.usage import MachineDay, UsageRepository
from app.domains.billing.rules import periods
from app.domains.billing.rules.periods import Period
from app.domains.billing.rules.rating import billable
from app.domains.billing.rules.usage import Names, UsageBy, UsageCell, UsageQuery, Used, sum_cells
from app.domains.inventory import public as inventory
from app.shared.authz import Permission, TenantScope, tenant_scope
from app.shared.context import Context, ContextFactory
from app.shared.errors import ValidationFailed
from app.shared.formats import zone
from app.shared.money import Micro

MAX_MACHINES = 2_000
EXPORT_DAYS = 31
EXPORT_ROWS = 1_000


class UsageLine(msgspec.Struct, frozen=True, kw_only=True):
    """Usage of one day, type, project or machine. `key` is its date or id, `name` what people call it."""

    key: str
    name: str
    seconds: int = 0
    gpu_seconds: int = 0
    amount: Micro = Micro(0)
    machines: int = 0


class UsageSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Usage of a period, grouped. Days come in order, also those without use; other groups come highest cost first."""

    by: UsageBy
    from_day: date
    to_day: date
    time_zone: str
    currency: str
    total: Micro
    seconds: int
    gpu_seconds: int
    lines: tuple[UsageLine, ...]


class DayPart(msgspec.Struct, frozen=True, kw_only=True):
    """What one type or project (`part`, its id) used on one day (`key`, its date)."""

    key: str
    part: str
    gpu_seconds: int
    amount: Micro


class UsageBreakdown(msgspec.Struct, frozen=True, kw_only=True):
    """A summary with its days split by type or project, and the cost of the period before."""

    summary: UsageSummary
    period: Period
    is_default_period: bool
    split: UsageBy
    daily: tuple[DayPart, ...]
    names: Names
    previous_total: Micro


class ExportRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the exported file: one machine on one day."""

    use: MachineDay
    type_title: str
    project_name: str
    currency: str


async def summary(ctx: Context, query: UsageQuery) -> UsageSummary:
    """Usage of the period up to now. Raises ValidationFailed for a period that is too long or has too many machines."""
    scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
    tenant = await auth.tenant(ctx, scope.tenant_id)
    period = await _period(ctx, tenant, query)
    if query.by == "machine":
        return _summary(query.by, tenant, period, await _list_machines(ctx, scope, tenant, period))
    cells = await _list_cells(ctx, scope, tenant, period)
    names = Names({}, {}) if query.by == "day" else await _names(ctx, cells)
    return _summary(query.by, tenant, period, _lines(query.by, period, cells, names))


async def breakdown(ctx: Context, query: UsageQuery) -> UsageBreakdown:
    """Usage of the period for its page. Raises ValidationFailed."""
    scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
    tenant = await auth.tenant(ctx, scope.tenant_id)
    period = await _period(ctx, tenant, query)
    both = await _list_cells(ctx, scope, tenant, Period(period.before().first, period.end))
    cells = [cell for cell in both if cell.day >= period.first]
    names = await _names(ctx, cells)
    by_machine = query.by == "machine"
    lines = await _list_machines(ctx, scope, tenant, period) if by_machine else _lines(query.by, period, cells, names)
    split: UsageBy = "project" if query.by == "project" else "sku"
    return UsageBreakdown(
        summary=_summary(query.by, tenant, period, lines),
        period=period,
        is_default_period=period == periods.last_days(await ctx.now(), zone(tenant.time_zone)),
        split=split,
        daily=_daily(cells, split),
        names=names,
        previous_total=Micro(sum(cell.amount for cell in both if cell.day < period.first)),
    )


async def spend(ctx: Context) -> SpendView:
    """This month, last month and the last 30 days of the actor's organisation, in one statement. Raises Forbidden."""
    scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
    tenant = await auth.tenant(ctx, scope.tenant_id)
    recent = periods.last_days(await ctx.now(), zone(tenant.time_zone))
    month = periods.month_of(recent.end - timedelta(days=1))
    previous = periods.month_of(month.first - timedelta(days=1))
    period = Period(min(previous.first, recent.first), recent.end)
    by_day = sum_cells(await _list_cells(ctx, scope, tenant, period), lambda cell: cell.day, by_day=True)

    def amounts(of: Period) -> tuple[Micro, ...]:
        return tuple(by_day.get(day, Used()).amount for day in of.list_days())

    return SpendView(
        currency=tenant.currency,
        month=month.first,
        this_month=Micro(sum(amounts(Period(month.first, recent.end)))),
        last_month=Micro(sum(amounts(previous))),
        days=amounts(recent),
    )


async def begin_export(contexts: ContextFactory, query: UsageQuery) -> AsyncIterator[list[ExportRow]]:
    """Check the request, then return the lines in parts of bounded size, each read in a Context of its own, all up to
    the same instant. Raises ValidationFailed before the first line."""
    async with contexts() as ctx:
        scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
        tenant = await auth.tenant(ctx, scope.tenant_id)
        period = await _period(ctx, tenant, query)
        now = billable(await ctx.now())
    return _export(contexts, scope, tenant, period, now)


async def _export(
    contexts: ContextFactory, scope: TenantScope, tenant: TenantView, period: Period, now: datetime
) -> AsyncIterator[list[ExportRow]]:
    first, days, after = period.first, EXPORT_DAYS, None
    while first < period.end:
        part = Period(first, min(first + timedelta(days=days), period.end))
        buckets = periods.day_buckets(part, zone(tenant.time_zone))
        async with contexts() as ctx:
            rows = await UsageRepository(ctx.session).page_machine_days(scope, buckets, now, after, EXPORT_ROWS)
            names = await _names(ctx, rows)
        yield [
            ExportRow(
                use=row,
                type_title=names.of("sku", str(row.sku_id)),
                project_name=names.of("project", str(row.project_id)),
                currency=tenant.currency,
            )
            for row in rows
        ]
        # Many machines: fewer days at a time, so that a part is not sorted again for each of its pages.
        is_full = len(rows) == EXPORT_ROWS
        after = rows[-1] if is_full else None
        first = rows[-1].day if is_full else part.end
        days = max(1, days // 2) if is_full else min(EXPORT_DAYS, days * 2)


async def _period(ctx: Context, tenant: TenantView, query: UsageQuery) -> Period:
    """The requested days. Raises ValidationFailed."""
    default = periods.last_days(await ctx.now(), zone(tenant.time_zone))
    period = periods.requested(query.from_day, query.to_day, default)
    problem = periods.problem_of(period)
    if problem:
        raise ValidationFailed(problem, fields={"to": problem})
    return period


async def _list_cells(ctx: Context, scope: TenantScope, tenant: TenantView, period: Period) -> list[UsageCell]:
    days, now = periods.day_buckets(period, zone(tenant.time_zone)), billable(await ctx.now())
    return await UsageRepository(ctx.session).list_cells(scope, days, tenant.time_zone, now)


async def _list_machines(ctx: Context, scope: TenantScope, tenant: TenantView, period: Period) -> tuple[UsageLine, ...]:
    """A line for each machine. Raises ValidationFailed when they are too many."""
    whole, now = periods.whole_bucket(period, zone(tenant.time_zone)), billable(await ctx.now())
    rows = await UsageRepository(ctx.session).list_machines(scope, whole, now, MAX_MACHINES + 1)
    if len(rows) > MAX_MACHINES:
        raise ValidationFailed(fields={"to": f"More than {MAX_MACHINES} machines ran then. Ask for fewer days."})
    lines = [
        UsageLine(
            key=str(row.allocation_id),
            name=row.label or str(row.allocation_id)[-8:],
            seconds=row.seconds,
            gpu_seconds=row.seconds * row.gpus,
            amount=row.amount,
            machines=1,
        )
        for row in rows
    ]
    return _highest_cost_first(lines)


async def _names(ctx: Context, rows: Iterable[UsageCell | MachineDay]) -> Names:
    """The names of all types and projects in the rows; a project that is gone has none."""
    rows = list(rows)
    skus = await inventory.skus(ctx, {row.sku_id for row in rows})
    projects = await auth.names_of(ctx, {row.project_id for row in rows})
    return Names(
        {str(sku_id): sku.title for sku_id, sku in skus.items()},
        {str(project_id): name for project_id, name in projects.items()},
    )


def _summary(by: UsageBy, tenant: TenantView, period: Period, lines: tuple[UsageLine, ...]) -> UsageSummary:
    return UsageSummary(
        by=by,
        from_day=period.first,
        to_day=period.end,
        time_zone=tenant.time_zone,
        currency=tenant.currency,
        total=Micro(sum(line.amount for line in lines)),
        seconds=sum(line.seconds for line in lines),
        gpu_seconds=sum(line.gpu_seconds for line in lines),
        lines=lines,
    )


def _lines(by: UsageBy, period: Period, cells: list[UsageCell], names: Names) -> tuple[UsageLine, ...]:
    if by == "day":
        days = sum_cells(cells, lambda cell: cell.day, by_day=True)
        return tuple(_line(day.isoformat(), day.isoformat(), days.get(day, Used())) for day in period.list_days())
    sums = sum_cells(cells, lambda cell: str(cell.project_id if by == "project" else cell.sku_id))
    return _highest_cost_first([_line(key, names.of(by, key), used) for key, used in sums.items()])


def _line(key: str, name: str, used: Used) -> UsageLine:
    return UsageLine(key=key, name=name, **msgspec.structs.asdict(used))


def _highest_cost_first(lines: list[UsageLine]) -> tuple[UsageLine, ...]:
    return tuple(sorted(lines, key=lambda line: (-line.amount, line.name, line.key)))


def _daily(cells: list[UsageCell], split: UsageBy) -> tuple[DayPart, ...]:
    sums = sum_cells(
        cells, lambda cell: (cell.day, str(cell.project_id if split == "project" else cell.sku_id)), by_day=True
    )
    return tuple(
        DayPart(key=day.isoformat(), part=part, gpu_seconds=used.gpu_seconds, amount=used.amount)
        for (day, part), used in sorted(sums.items())
    )
