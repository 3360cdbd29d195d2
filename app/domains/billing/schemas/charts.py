"""The charts of Billing, with the sentence that says what each shows."""

from datetime import date

from app.domains.billing.service.history import BURN_DAYS, HistoryView
from app.domains.billing.service.usage import UsageBreakdown
from app.shared.formats import MONTHS, WEEKDAYS, money, rate
from app.web.charts import Chart, Series, folded, hours


def day_name(day: date) -> str:
    """`Tue 3 Nov`."""
    return f"{WEEKDAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]}"


def balance_chart(history: HistoryView) -> Chart:
    """The balance, holds included, at the end of each of the last 30 days and now."""
    values, present = history.balances, history.balances[-1]
    lowest = min(range(len(values)), key=lambda number: values[number])
    summary = f"You have {money(present, history.currency)} now, holds included."
    if values[lowest] != present:
        amount = money(values[lowest], history.currency)
        summary += f" The lowest balance was {amount}, on {day_name(history.days[lowest])}."
    return Chart(
        id="balance",
        title="Balance at the end of each day",
        summary=summary,
        kind="line",
        unit="money",
        head="Day",
        labels=tuple(day_name(day) for day in history.days),
        series=(Series("Balance", values),),
        currency=history.currency,
    )


def burn_chart(history: HistoryView) -> Chart:
    """The burn rate at each full hour of the last seven days, and now."""
    values, currency = history.burn_rates, history.currency
    labels = tuple(f"{WEEKDAYS[hour.weekday()]} {hour:%H:%M}" for hour in history.hours)
    highest = max(range(len(values)), key=lambda number: values[number])
    summary = f"At most {rate(values[highest], currency)}, on {labels[highest]}; {rate(values[-1], currency)} now."
    return Chart(
        id="burn",
        title="Burn rate at each full hour",
        summary=summary if any(values) else f"No running charges in the last {BURN_DAYS} days.",
        kind="line",
        unit="rate",
        head="Hour",
        labels=labels,
        series=(Series("Burn rate", values),),
        currency=currency,
    )


def spend_chart(usage: UsageBreakdown, summary: str) -> Chart:
    """The cost of each day, stacked by type or project."""
    numbers = _day_numbers(usage)
    values: dict[str, list[int]] = {}
    for group in usage.daily:
        values.setdefault(group.part, [0] * len(numbers))[numbers[group.key]] += group.amount
    return Chart(
        id="spend",
        title="Spend per day",
        summary=summary,
        kind="bars",
        unit="money",
        head="Day",
        labels=tuple(day_name(date.fromisoformat(day)) for day in numbers),
        series=folded([Series(usage.names.of(usage.split, part), tuple(row)) for part, row in values.items()]),
        currency=usage.summary.currency,
    )


def gpu_hours_chart(usage: UsageBreakdown, period: str) -> Chart:
    """GPU-hours of each day. `period` names the period in the sentence."""
    numbers = _day_numbers(usage)
    values = [0] * len(numbers)
    for group in usage.daily:
        values[numbers[group.key]] += group.gpu_seconds
    labels = tuple(day_name(date.fromisoformat(day)) for day in numbers)
    highest = max(range(len(values)), key=lambda number: values[number])
    total = hours(usage.summary.gpu_seconds)
    summary = f"{total} of GPU time in {period}; the maximum was {hours(values[highest])}, on {labels[highest]}."
    return Chart(
        id="gpu-hours",
        title="GPU-hours per day",
        summary=summary if any(values) else f"No GPU time in {period}.",
        kind="bars",
        unit="hours",
        head="Day",
        labels=labels,
        series=(Series("GPU-hours", tuple(values)),),
        currency=usage.summary.currency,
    )


def _day_numbers(usage: UsageBreakdown) -> dict[str, int]:
    """The position of each day of the period, in their order."""
    return {day.isoformat(): number for number, day in enumerate(usage.period.list_days())}
