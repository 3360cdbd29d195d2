"""Usage of a period by day, type, project or machine, in the days of the organisation's own calendar."""

from collections.abc import AsyncIterator, Iterable
from datetime import date, datetime, timedelta
from uuid import UUID

import msgspec

from app.domains.auth import public as auth
from app.domains.auth.contracts import TenantView
from app.domains.billing.contracts import SpendView
from app.domains.billing.repository.usage import MachineDay, UsageGroup, UsageRepository
from app.domains.billing.rules import periods
from app.domains.billing.rules.periods import Period
from app.domains.billing.rules.rating import billable
from app.domains.billing.rules.usage import Names, UsageBy, UsageQuery
from app.domains.inventory import public as inventory
from app.shared.authz import Permission, TenantScope, tenant_scope
from app.shared.context import Context, ContextFactory
from app.shared.errors import ValidationFailed
from app.shared.formats import zone
from app.shared.money import Micro

MAX_MACHINES = 2_000
EXPORT_DAYS = 31


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


class UsageBreakdown(msgspec.Struct, frozen=True, kw_only=True):
    """A summary with its days split by type or project, and the cost of the period before."""

    summary: UsageSummary
    period: Period
    is_default_period: bool
    split: UsageBy
    daily: tuple[UsageGroup, ...]
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
    rows = await _list_groups(ctx, scope, tenant, period, query.by)
    if query.by == "machine" and len(rows) > MAX_MACHINES:
        raise ValidationFailed(fields={"to": f"More than {MAX_MACHINES} machines ran then. Ask for fewer days."})
    return UsageSummary(
        by=query.by,
        from_day=period.first,
        to_day=period.end,
        time_zone=tenant.time_zone,
        currency=tenant.currency,
        total=Micro(sum(row.amount for row in rows)),
        seconds=sum(row.seconds for row in rows),
        gpu_seconds=sum(row.gpu_seconds for row in rows),
        lines=_lines(query.by, period, rows, await _names(ctx, rows)),
    )


async def breakdown(ctx: Context, query: UsageQuery) -> UsageBreakdown:
    """Usage of the period for its page. Raises ValidationFailed."""
    scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
    tenant = await auth.tenant(ctx, scope.tenant_id)
    period = await _period(ctx, tenant, query)
    split: UsageBy = "project" if query.by == "project" else "sku"
    daily = await _list_groups(ctx, scope, tenant, period, "day", split)
    previous = await _list_groups(ctx, scope, tenant, period.before(), "sku")
    return UsageBreakdown(
        summary=await summary(ctx, query),
        period=period,
        is_default_period=period == periods.last_days(await ctx.now(), zone(tenant.time_zone)),
        split=split,
        daily=tuple(daily),
        names=await _names(ctx, daily),
        previous_total=Micro(sum(row.amount for row in previous)),
    )


async def spend(ctx: Context) -> SpendView:
    """This month, last month and the last 30 days of the actor's organisation, in one statement. Raises Forbidden."""
    scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
    tenant = await auth.tenant(ctx, scope.tenant_id)
    recent = periods.last_days(await ctx.now(), zone(tenant.time_zone))
    month = periods.month_of(recent.end - timedelta(days=1))
    previous = periods.month_of(month.first - timedelta(days=1))
    period = Period(min(previous.first, recent.first), recent.end)
    by_day = {row.key: row.amount for row in await _list_groups(ctx, scope, tenant, period, "day")}

    def amounts(of: Period) -> tuple[Micro, ...]:
        return tuple(by_day.get(day.isoformat(), Micro(0)) for day in of.list_days())

    return SpendView(
        currency=tenant.currency,
        month=month.first,
        this_month=Micro(sum(amounts(Period(month.first, recent.end)))),
        last_month=Micro(sum(amounts(previous))),
        days=amounts(recent),
    )


async def begin_export(contexts: ContextFactory, query: UsageQuery) -> AsyncIterator[list[ExportRow]]:
    """Check the request, then return the lines month by month, each read in a Context of its own, all up to the same
    instant. Raises ValidationFailed before the first line."""
    async with contexts() as ctx:
        scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
        tenant = await auth.tenant(ctx, scope.tenant_id)
        period = await _period(ctx, tenant, query)
        now = billable(await ctx.now())
    return _export(contexts, scope, tenant, period, now)


async def _export(
    contexts: ContextFactory, scope: TenantScope, tenant: TenantView, period: Period, now: datetime
) -> AsyncIterator[list[ExportRow]]:
    for part in period.parts(EXPORT_DAYS):
        buckets = periods.day_buckets(part, zone(tenant.time_zone))
        async with contexts() as ctx:
            rows = await UsageRepository(ctx.session).list_machine_days(scope, buckets, now)
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


async def _period(ctx: Context, tenant: TenantView, query: UsageQuery) -> Period:
    """The requested days. Raises ValidationFailed."""
    default = periods.last_days(await ctx.now(), zone(tenant.time_zone))
    period = periods.requested(query.from_day, query.to_day, default)
    problem = periods.problem_of(period)
    if problem:
        raise ValidationFailed(problem, fields={"to": problem})
    return period


async def _list_groups(
    ctx: Context, scope: TenantScope, tenant: TenantView, period: Period, by: UsageBy, split: str = ""
) -> list[UsageGroup]:
    buckets, now = periods.day_buckets(period, zone(tenant.time_zone)), billable(await ctx.now())
    return await UsageRepository(ctx.session).list_groups(scope, buckets, now, by, split)


async def _names(ctx: Context, rows: Iterable[UsageGroup | MachineDay]) -> Names:
    """The names of all types and projects in the rows; a project that is gone has none."""
    rows = list(rows)
    skus = await inventory.skus(ctx, {UUID(str(row.sku_id)) for row in rows})
    projects = await auth.names_of(ctx, {UUID(str(row.project_id)) for row in rows})
    return Names(
        {str(sku_id): sku.title for sku_id, sku in skus.items()},
        {str(project_id): name for project_id, name in projects.items()},
    )


def _lines(by: UsageBy, period: Period, rows: list[UsageGroup], names: Names) -> tuple[UsageLine, ...]:
    lines = [
        UsageLine(
            key=row.key,
            name=names.of(by, row.key, row.label),
            seconds=row.seconds,
            gpu_seconds=row.gpu_seconds,
            amount=row.amount,
            machines=row.machines,
        )
        for row in rows
    ]
    if by != "day":
        return tuple(sorted(lines, key=lambda line: (-line.amount, line.name, line.key)))
    by_day = {line.key: line for line in lines}
    days = [day.isoformat() for day in period.list_days()]
    return tuple(by_day.get(day) or UsageLine(key=day, name=day) for day in days)
