"""Days and months of a tenant's own calendar, as instants. The days of a period cover it exactly.

A day begins at its local midnight. Where a clock change skips midnight, the day begins at the change; where midnight
occurs twice, at the first one. So a day has 23, 24 or 25 hours, or none where a country once skipped a whole day.
"""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise

import msgspec

MAX_DAYS = 366
DEFAULT_DAYS = 30
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2999, 12, 31)


class Buckets(msgspec.Struct, frozen=True):
    """Consecutive spans of time: `labels` name them by their first days, `edges` are one instant more than labels, and
    `end` is the first day behind them."""

    labels: tuple[date, ...]
    edges: tuple[datetime, ...]
    end: date


class Period(msgspec.Struct, frozen=True):
    """The days [first, end) of a calendar."""

    first: date
    end: date

    @property
    def days(self) -> int:
        return (self.end - self.first).days

    def list_days(self) -> list[date]:
        """Its days, oldest first."""
        return [self.first + timedelta(days=number) for number in range(self.days)]

    def before(self) -> "Period":
        """The period of the same length that ends where this one begins."""
        return Period(self.first - timedelta(days=self.days), self.first)

    def parts(self, days: int) -> "list[Period]":
        """The same days in parts of at most `days`, oldest first."""
        cuts = [*range(0, self.days, days), self.days]
        at = [self.first + timedelta(days=cut) for cut in cuts]
        return [Period(first, end) for first, end in pairwise(at)]


def start_of(day: date, zone: tzinfo) -> datetime:
    """The instant (UTC) at which the day begins in that zone."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def today(now: datetime, zone: tzinfo) -> date:
    """The calendar day of `now`."""
    day = now.astimezone(zone).date()
    return day + timedelta(days=1) if start_of(day + timedelta(days=1), zone) <= now else day


def day_buckets(period: Period, zone: tzinfo) -> Buckets:
    """The days of the period as instants."""
    days = period.list_days()
    return Buckets(tuple(days), tuple(start_of(day, zone) for day in (*days, period.end)), period.end)


def month_buckets(months: list[Period], zone: tzinfo) -> Buckets:
    """Consecutive months as instants."""
    firsts = [month.first for month in months]
    end = months[-1].end
    return Buckets(tuple(firsts), tuple(start_of(day, zone) for day in (*firsts, end)), end)


def whole_bucket(period: Period, zone: tzinfo) -> Buckets:
    """The period as one span."""
    return Buckets((period.first,), (start_of(period.first, zone), start_of(period.end, zone)), period.end)


def last_days(now: datetime, zone: tzinfo, count: int = DEFAULT_DAYS) -> Period:
    """The last `count` days, today included."""
    end = today(now, zone) + timedelta(days=1)
    return Period(end - timedelta(days=count), end)


def month_of(day: date) -> Period:
    """The calendar month of the day."""
    first = day.replace(day=1)
    return Period(first, (first + timedelta(days=32)).replace(day=1))


def months_until(day: date, first: date, limit: int) -> list[Period]:
    """The months from that of `first` to that of `day`, oldest first; at most the last `limit`."""
    months = [month_of(day)]
    while months[0].first > first and len(months) < limit:
        months.insert(0, month_of(months[0].first - timedelta(days=1)))
    return months


def requested(first: date | None, end: date | None, default: Period) -> Period:
    """The period between two days. Without one of them it has as many days as the default; without both it is the
    default."""
    if first is not None and end is not None:
        return Period(first, end)
    if first is not None:
        return Period(first, min(max(first, FIRST_DAY), LAST_DAY) + timedelta(days=default.days))
    if end is not None:
        return Period(max(min(end, LAST_DAY), FIRST_DAY) - timedelta(days=default.days), end)
    return default


def problem_of(period: Period) -> str:
    """Why a requested period is refused; empty when it is not."""
    if not FIRST_DAY <= period.first <= LAST_DAY or not FIRST_DAY <= period.end <= LAST_DAY:
        return "Use days between the years 2000 and 2999."
    if period.days < 1:
        return "The period ends before it starts: `to` is the first day after it."
    if period.days > MAX_DAYS:
        return f"Ask for at most {MAX_DAYS} days."
    return ""
