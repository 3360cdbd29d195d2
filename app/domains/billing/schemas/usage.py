"""What the usage page shows: the figures of a period, one sentence made of them, and two charts."""

from datetime import date, timedelta

import msgspec

from app.domains.billing.rules.periods import Period
from app.domains.billing.rules.usage import UsageBy
from app.domains.billing.schemas import sentences
from app.domains.billing.schemas.charts import gpu_hours_chart, spend_chart
from app.domains.billing.service.usage import UsageBreakdown, UsageSummary
from app.shared.formats import MONTHS
from app.shared.money import Micro
from app.web.charts import Chart
from app.web.show_code import ApiCall, call

TABS: tuple[tuple[UsageBy, str], ...] = (
    ("sku", "Type"),
    ("project", "Project"),
    ("machine", "Machine"),
    ("day", "Day"),
)


class UsagePage(msgspec.Struct, frozen=True, kw_only=True):
    """The usage page. `last_day` is the last day inside the period; `group` the name of what the table groups by."""

    usage: UsageSummary
    previous_total: Micro
    group: str
    tabs: tuple[tuple[str, str, bool, None], ...]
    last_day: date
    spend: Chart
    gpu_hours: Chart
    export_href: str
    call: ApiCall

    @classmethod
    def of(cls, view: UsageBreakdown) -> "UsagePage":
        usage, period = view.summary, view.period
        last_day = period.end - timedelta(days=1)
        name, previous = period_names(period, is_default=view.is_default_period)
        top = _top(view)
        sentence = sentences.spent(name, usage.total, top, view.previous_total, previous, usage.currency)
        api_range, page_range = f"from={period.first}&to={period.end}", f"from={period.first}&until={last_day}"
        cli = ("usage", "--by", usage.by, "--from", str(period.first), "--to", str(period.end))
        return cls(
            usage=usage,
            previous_total=view.previous_total,
            group=dict(TABS)[usage.by],
            tabs=tuple((label, f"/billing/usage?by={by}&{page_range}", by == usage.by, None) for by, label in TABS),
            last_day=last_day,
            spend=spend_chart(view, sentence),
            gpu_hours=gpu_hours_chart(view, name),
            export_href=f"/api/v1/usage.csv?{api_range}",
            call=call("GET", f"/api/v1/usage?by={usage.by}&{api_range}", cli=cli),
        )


def period_names(period: Period, *, is_default: bool) -> tuple[str, str]:
    """The period and the one before it, as a sentence names them."""
    previous = "the day before" if period.days == 1 else f"the {period.days} days before"
    if is_default:
        return f"the last {period.days} days", previous
    last = period.end - timedelta(days=1)
    return (_long(last) if period.days == 1 else f"the time from {_long(period.first)} to {_long(last)}"), previous


def _long(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def _top(view: UsageBreakdown) -> tuple[str, int] | None:
    """Name and amount of the part that cost the most; None when nothing was used."""
    amounts: dict[str, int] = {}
    for group in view.daily:
        amounts[group.part] = amounts.get(group.part, 0) + group.amount
    if not amounts:
        return None
    part = max(amounts, key=lambda key: (amounts[key], key))
    return view.names.of(view.split, part), amounts[part]
