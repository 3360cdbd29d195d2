"""What the usage page shows: figures of a period, one sentence made of them, and two charts. Reads only."""

from datetime import date, timedelta

import msgspec

from app.domains.auth import public as auth
from app.domains.billing.contracts import UsageBy, UsageQuery, UsageSummary
from app.domains.billing.repository.usage import Grouped
from app.domains.billing.rules import periods
from app.domains.billing.rules.periods import Period
from app.domains.billing.service import sentences, usage
from app.domains.billing.service.usage import Names, names_of, title_of
from app.shared.authz import Permission, tenant_scope
from app.shared.context import Context
from app.shared.formats import MONTHS, WEEKDAYS, zone
from app.shared.money import Micro
from app.web.charts import Chart, Series, folded, hours
from app.web.show_code import ApiCall, call

BY: tuple[tuple[UsageBy, str], ...] = (("sku", "Type"), ("project", "Project"), ("machine", "Machine"), ("day", "Day"))


class UsagePage(msgspec.Struct, frozen=True, kw_only=True):
    """The usage page. `last_day` is the last one that counts, as people write a period."""

    usage: UsageSummary
    sentence: str
    before: Micro
    by_words: str
    tabs: tuple[tuple[str, str, bool, None], ...]
    last_day: date
    spend: Chart
    gpu_hours: Chart
    export_href: str
    call: ApiCall


def day_name(day: date) -> str:
    """`Tue 3 Nov`."""
    return f"{WEEKDAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]}"


def _long(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def period_words(period: Period, is_usual: bool) -> tuple[str, str]:
    """What a period and the one before it are called in a sentence."""
    before = "the day before" if period.days == 1 else f"the {period.days} days before"
    if is_usual:
        return f"the last {period.days} days", before
    last = period.end - timedelta(days=1)
    return (_long(last) if period.days == 1 else f"the time from {_long(period.first)} to {_long(last)}"), before


async def usage_page(ctx: Context, query: UsageQuery) -> UsagePage:
    """Everything the usage page shows. Raises ValidationFailed."""
    scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
    tenant = await auth.tenant(ctx, scope.tenant_id)
    period = await usage.period_of(ctx, tenant, query)
    split = "project" if query.by == "project" else "sku"
    daily = await usage.grouped(ctx, scope, tenant, period, "day", split)
    earlier = await usage.grouped(ctx, scope, tenant, period.before(), "sku")
    names = await names_of(ctx, daily)
    before = Micro(sum(row.amount for row in earlier))
    words = period_words(period, period == periods.last_days(await ctx.now(), zone(tenant.time_zone)))
    summary = await usage.summary(ctx, query)
    top = top_of(daily, split, names)
    sentence = sentences.spent(words[0], summary.total, top, before, words[1], tenant.currency)
    last = period.end - timedelta(days=1)
    range_, shown = f"from={period.first}&to={period.end}", f"from={period.first}&until={last}"
    return UsagePage(
        usage=summary,
        sentence=sentence,
        before=before,
        by_words=dict(BY)[query.by],
        tabs=tuple((label, f"/billing/usage?by={by}&{shown}", by == query.by, None) for by, label in BY),
        last_day=last,
        spend=spend_chart(period, daily, split, names, sentence, tenant.currency),
        gpu_hours=gpu_hours_chart(period, daily, summary, words[0]),
        export_href=f"/api/v1/usage.csv?{range_}",
        call=call("GET", f"/api/v1/usage?by={query.by}&{range_}", cli=_cli(query.by, period)),
    )


def _cli(by: UsageBy, period: Period) -> tuple[str, ...]:
    return ("usage", "--by", by, "--from", str(period.first), "--to", str(period.end))


def top_of(rows: list[Grouped], split: str, names: Names) -> tuple[str, int] | None:
    """What cost the most, with its amount; None when nothing was used."""
    sums: dict[str, int] = {}
    for row in rows:
        sums[row.part] = sums.get(row.part, 0) + row.amount
    if not sums:
        return None
    part = max(sums, key=lambda key: (sums[key], key))
    return title_of(split, part, "", names), sums[part]


def spend_chart(period: Period, rows: list[Grouped], split: str, names: Names, sentence: str, currency: str) -> Chart:
    """What each day cost, stacked by type or project."""
    at = {day.isoformat(): number for number, day in enumerate(periods.days_of(period))}
    values: dict[str, list[int]] = {}
    for row in rows:
        values.setdefault(row.part, [0] * period.days)[at[row.key]] += row.amount
    return Chart(
        id="spend",
        title="Spend per day",
        summary=sentence,
        kind="bars",
        unit="money",
        head="Day",
        labels=tuple(day_name(day) for day in periods.days_of(period)),
        series=folded([Series(title_of(split, part, "", names), tuple(row)) for part, row in values.items()]),
        currency=currency,
    )


def gpu_hours_chart(period: Period, rows: list[Grouped], summary: UsageSummary, words: str) -> Chart:
    """How long how many GPUs were at work."""
    at = {day.isoformat(): number for number, day in enumerate(periods.days_of(period))}
    values = [0] * period.days
    for row in rows:
        values[at[row.key]] += row.gpu_seconds
    busiest = max(range(period.days), key=lambda number: values[number])
    day = day_name(periods.days_of(period)[busiest])
    said = f"{hours(summary.gpu_seconds)} of GPU time in {words}"
    return Chart(
        id="gpu-hours",
        title="GPU-hours per day",
        summary=f"{said}; the most on {day}, {hours(values[busiest])}." if any(values) else f"No GPU ran in {words}.",
        kind="bars",
        unit="hours",
        head="Day",
        labels=tuple(day_name(day) for day in periods.days_of(period)),
        series=(Series("GPU-hours", tuple(values)),),
        currency=summary.currency,
    )
