"""Days and months of a tenant's own calendar, as instants. Pure; the days of a period tile it exactly.

A day begins at its local midnight. Where a change of the clock leaves midnight out, the day begins at the change; where
midnight comes twice, at the first one. So a day has 23, 24 or 25 hours, and where a country once skipped a whole day,
none.
"""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise

import msgspec

LONGEST_DAYS = 366
DEFAULT_DAYS = 30
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2999, 12, 31)


class Period(msgspec.Struct, frozen=True):
    """The days [first, end) of a calendar."""

    first: date
    end: date

    @property
    def days(self) -> int:
        return (self.end - self.first).days

    def before(self) -> "Period":
        """As many days, ending where this period begins."""
        return Period(self.first - timedelta(days=self.days), self.first)

    def parts(self, days: int) -> "list[Period]":
        """The same days in parts of at most `days`, oldest first."""
        cuts = [*range(0, self.days, days), self.days]
        at = [self.first + timedelta(days=cut) for cut in cuts]
        return [Period(first, end) for first, end in pairwise(at)]


def start_of(day: date, zone: tzinfo) -> datetime:
    """The instant (UTC) at which a day begins in that zone."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def today(now: datetime, zone: tzinfo) -> date:
    """The day of the calendar that `now` falls into."""
    day = now.astimezone(zone).date()
    return day + timedelta(days=1) if start_of(day + timedelta(days=1), zone) <= now else day


def boundaries(period: Period, zone: tzinfo) -> list[datetime]:
    """Where each day of the period begins, and where the last one ends: one instant more than there are days."""
    return [start_of(period.first + timedelta(days=number), zone) for number in range(period.days + 1)]


def days_of(period: Period) -> list[date]:
    """Its days, oldest first."""
    return [period.first + timedelta(days=number) for number in range(period.days)]


def last_days(now: datetime, zone: tzinfo, count: int = DEFAULT_DAYS) -> Period:
    """The last `count` days, the present one included."""
    end = today(now, zone) + timedelta(days=1)
    return Period(end - timedelta(days=count), end)


def month_of(day: date) -> Period:
    """The month that holds the day."""
    first = day.replace(day=1)
    return Period(first, (first + timedelta(days=32)).replace(day=1))


def months_until(day: date, first: date, most: int) -> list[Period]:
    """The month of `day` and those before it back to the one of `first`, at most `most`, oldest first."""
    months = [month_of(day)]
    while months[0].first > first and len(months) < most:
        months.insert(0, month_of(months[0].first - timedelta(days=1)))
    return months


def asked_for(first: date | None, end: date | None, usual: Period) -> Period:
    """The period between two days of which one may be left out: then it has as many days as the usual one."""
    if first is not None and end is not None:
        return Period(first, end)
    if first is not None:
        return Period(first, min(max(first, FIRST_DAY), LAST_DAY) + timedelta(days=usual.days))
    if end is not None:
        return Period(max(min(end, LAST_DAY), FIRST_DAY) - timedelta(days=usual.days), end)
    return usual


def problem_of(period: Period) -> str:
    """What is wrong with a period that somebody asked for; empty when nothing is."""
    if not FIRST_DAY <= period.first <= LAST_DAY or not FIRST_DAY <= period.end <= LAST_DAY:
        return "Use days between the years 2000 and 2999."
    if period.days < 1:
        return "The period ends before its first day is over: `to` is the first day that is left out."
    if period.days > LONGEST_DAYS:
        return f"Ask for at most {LONGEST_DAYS} days."
    return ""
