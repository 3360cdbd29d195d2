"""Usage of a period by day, type, project or machine, in the days of the organisation's own calendar."""

from collections.abc import AsyncIterator, Iterable
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from app.domains.auth import public as auth
from app.domains.auth.contracts import TenantView
from app.domains.billing.contracts import SpendView, UsageBy, UsageLineOf, UsageQuery, UsageSummary
from app.domains.billing.repository import usage
from app.domains.billing.repository.usage import Grouped, UsageOfDay
from app.domains.billing.rules import periods
from app.domains.billing.rules.periods import Period
from app.domains.billing.rules.rating import billable
from app.domains.inventory import public as inventory
from app.shared.authz import Permission, TenantScope, tenant_scope
from app.shared.context import Context, ContextFactory
from app.shared.errors import NotFound, ValidationFailed
from app.shared.formats import zone
from app.shared.money import Micro

MOST_MACHINES = 2_000
EXPORT_DAYS = 31


class Names(msgspec.Struct, frozen=True):
    """What people call the types and projects of a report, by id."""

    skus: dict[str, str]
    projects: dict[str, str]


async def summary(ctx: Context, query: UsageQuery) -> UsageSummary:
    """Usage of the period up to now. Raises ValidationFailed for a period or a number of machines that is too large."""
    scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
    tenant = await auth.tenant(ctx, scope.tenant_id)
    period = await period_of(ctx, tenant, query)
    rows = await grouped(ctx, scope, tenant, period, query.by)
    if query.by == "machine" and len(rows) > MOST_MACHINES:
        raise ValidationFailed(fields={"to": f"More than {MOST_MACHINES} machines ran then. Ask for fewer days."})
    return UsageSummary(
        by=query.by,
        from_day=period.first,
        to_day=period.end,
        time_zone=tenant.time_zone,
        currency=tenant.currency,
        total=Micro(sum(row.amount for row in rows)),
        seconds=sum(row.seconds for row in rows),
        gpu_seconds=sum(row.gpu_seconds for row in rows),
        lines=_lines(query.by, period, rows, await names_of(ctx, rows)),
    )


async def period_of(ctx: Context, tenant: TenantView, query: UsageQuery) -> Period:
    """The days that were asked for; one bound alone makes a period of 30 days. Raises ValidationFailed."""
    usual = periods.last_days(await ctx.now(), zone(tenant.time_zone))
    period = periods.asked_for(query.from_day, query.to_day, usual)
    problem = periods.problem_of(period)
    if problem:
        raise ValidationFailed(problem, fields={"to": problem})
    return period


async def grouped(
    ctx: Context, scope: TenantScope, tenant: TenantView, period: Period, by: UsageBy, split: str = ""
) -> list[Grouped]:
    """Rows of the repository for the days of a period."""
    instants = periods.boundaries(period, zone(tenant.time_zone))
    now = billable(await ctx.now())
    return await usage.list_grouped(ctx.session, scope, periods.days_of(period), instants, now, by, split)


async def names_of(ctx: Context, rows: Iterable[Grouped | UsageOfDay]) -> Names:
    """The titles of the types and the names of the projects; one that is gone goes by the end of its id."""
    found = list(rows)
    skus = await inventory.skus(ctx, {UUID(str(row.sku_id)) for row in found})
    projects = {}
    for project_id in {str(row.project_id) for row in found}:
        try:
            projects[project_id] = (await auth.project(ctx, UUID(project_id))).name
        except NotFound:
            projects[project_id] = project_id[-8:]
    return Names({str(sku_id): sku.title for sku_id, sku in skus.items()}, projects)


def title_of(by: str, key: str, label: str, names: Names) -> str:
    """What people call a group."""
    if by == "sku":
        return names.skus.get(key, key[-8:])
    if by == "project":
        return names.projects.get(key, key[-8:])
    return label or key[-8:] if by == "machine" else key


def _lines(by: UsageBy, period: Period, rows: list[Grouped], names: Names) -> tuple[UsageLineOf, ...]:
    lines = [
        UsageLineOf(
            key=row.key,
            name=title_of(by, row.key, row.label, names),
            seconds=row.seconds,
            gpu_seconds=row.gpu_seconds,
            amount=row.amount,
            machines=row.machines,
        )
        for row in rows
    ]
    if by != "day":
        return tuple(sorted(lines, key=lambda line: (-line.amount, line.name, line.key)))
    known = {line.key: line for line in lines}
    return tuple(known.get(day.isoformat()) or _empty(day.isoformat()) for day in periods.days_of(period))


def _empty(day: str) -> UsageLineOf:
    return UsageLineOf(key=day, name=day, seconds=0, gpu_seconds=0, amount=Micro(0), machines=0)


async def spend(ctx: Context) -> SpendView:
    """This month against last month, and day by day, in one statement."""
    scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
    tenant = await auth.tenant(ctx, scope.tenant_id)
    recent = periods.last_days(await ctx.now(), zone(tenant.time_zone))
    month = periods.month_of(recent.end - timedelta(days=1))
    before = periods.month_of(month.first - timedelta(days=1))
    rows = await grouped(ctx, scope, tenant, Period(min(before.first, recent.first), recent.end), "day")
    by_day = {row.key: row.amount for row in rows}

    def sum_of(period: Period) -> Micro:
        return Micro(sum(by_day.get(day.isoformat(), 0) for day in periods.days_of(period)))

    return SpendView(
        currency=tenant.currency,
        month=month.first,
        this_month=sum_of(Period(month.first, recent.end)),
        last_month=sum_of(before),
        days=tuple(by_day.get(day.isoformat(), Micro(0)) for day in periods.days_of(recent)),
    )


class ExportRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the export: one machine on one day."""

    use: UsageOfDay
    type_title: str
    project_name: str
    currency: str


async def begin_export(contexts: ContextFactory, query: UsageQuery) -> AsyncIterator[list[ExportRow]]:
    """Checks what is asked for before anything is sent, then gives the lines month by month, each read in a Context of
    its own, all up to one instant. Raises ValidationFailed."""
    async with contexts() as ctx:
        scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
        tenant = await auth.tenant(ctx, scope.tenant_id)
        period = await period_of(ctx, tenant, query)
        now = billable(await ctx.now())
    return _export(contexts, scope, tenant, period, now)


async def _export(
    contexts: ContextFactory, scope: TenantScope, tenant: TenantView, period: Period, now: datetime
) -> AsyncIterator[list[ExportRow]]:
    for part in period.parts(EXPORT_DAYS):
        instants = periods.boundaries(part, zone(tenant.time_zone))
        async with contexts() as ctx:
            rows = await usage.list_of_days(ctx.session, scope, periods.days_of(part), instants, now)
            names = await names_of(ctx, rows)
        yield [
            ExportRow(
                use=row,
                type_title=title_of("sku", str(row.sku_id), "", names),
                project_name=title_of("project", str(row.project_id), "", names),
                currency=tenant.currency,
            )
            for row in rows
        ]
