"""The days of a calendar tile time, whatever its clock does, and a sentence says only what its figures say."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.billing.rules import periods
from app.domains.billing.rules.periods import Period
from app.domains.billing.schemas import sentences

# Changes of the clock at midnight (Beirut, Havana), by half an hour (Lord Howe), a skipped day (Apia), and quiet ones.
ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Asia/Beirut", "America/Havana", "Australia/Lord_Howe", "Pacific/Apia",
     "America/Sao_Paulo", "Asia/Kathmandu"]
).map(ZoneInfo)  # fmt: skip
DAYS = st.dates(date(2001, 1, 1), date(2037, 1, 1))
USD = 1_000_000


@given(DAYS, st.integers(1, 400), ZONES)
def test_the_days_of_a_period_leave_no_gap_and_never_overlap(first: date, count: int, zone: ZoneInfo) -> None:
    instants = periods.day_buckets(Period(first, first + timedelta(days=count)), zone).edges
    assert len(instants) == count + 1
    lengths = {later - earlier for earlier, later in pairwise(instants)}
    assert lengths <= {timedelta(hours=hours) for hours in (0, 23, 23.5, 24, 24.5, 25)}


@given(st.integers(0, 36 * 365 * 86_400), ZONES)
def test_every_instant_belongs_to_the_one_day_that_holds_it(seconds: int, zone: ZoneInfo) -> None:
    instant = datetime(2001, 1, 2, tzinfo=UTC) + timedelta(seconds=seconds)
    day = periods.today(instant, zone)
    assert periods.start_of(day, zone) <= instant < periods.start_of(day + timedelta(days=1), zone)


def test_a_day_with_a_change_of_the_clock_has_23_or_25_hours() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    spring = periods.day_buckets(Period(date(2026, 3, 29), date(2026, 3, 30)), berlin).edges
    autumn = periods.day_buckets(Period(date(2026, 10, 25), date(2026, 10, 26)), berlin).edges
    assert [end - start for start, end in (spring, autumn)] == [timedelta(hours=23), timedelta(hours=25)]


@given(DAYS, st.integers(1, 400), st.integers(1, 40))
def test_the_parts_of_a_period_are_the_period(first: date, count: int, most: int) -> None:
    period = Period(first, first + timedelta(days=count))
    days = [day for part in period.parts(most) for day in part.list_days()]
    assert days == period.list_days()
    assert all(1 <= part.days <= most for part in period.parts(most))


@pytest.mark.parametrize(
    ("first", "end", "problem"),
    [
        (date(2026, 1, 1), date(2026, 1, 2), ""),
        (date(2026, 1, 1), date(2026, 1, 1), "ends before"),
        (date(2026, 1, 1), date(2027, 6, 1), "at most 366"),
        (date(1, 1, 1), date(2, 1, 1), "years 2000"),
        (date(9999, 1, 1), date(9999, 12, 31), "years 2000"),
    ],
)
def test_a_period_that_cannot_be_says_why(first: date, end: date, problem: str) -> None:
    found = periods.problem_of(Period(first, end))
    assert problem in found if problem else found == ""


@given(st.one_of(st.none(), st.dates()), st.one_of(st.none(), st.dates()))
def test_any_bounds_make_a_period_or_a_problem_and_never_an_error(first: date | None, end: date | None) -> None:
    usual = Period(date(2026, 10, 1), date(2026, 10, 31))
    assert isinstance(periods.problem_of(periods.requested(first, end, usual)), str)


SPENT, THEN = "You spent $10.00 in the last 30 days", "the 30 days before"


@pytest.mark.parametrize(
    ("total", "top", "before", "said"),
    [
        (0, None, 0, "You spent nothing in the last 30 days."),
        (0, None, 5 * USD, f"You spent nothing in the last 30 days; $5.00 in {THEN}."),
        (10 * USD, 10 * USD, 0, f"{SPENT}, all of it on A; nothing in {THEN}."),
        (10 * USD, 6 * USD, 8 * USD, f"{SPENT}, most of it on A; 25 % more than in {THEN}."),
        (10 * USD, 4 * USD, 20 * USD, f"{SPENT}, the largest part on A; 50 % less than in {THEN}."),
        (10 * USD, 5 * USD, 10 * USD, f"{SPENT}, the largest part on A; as much as in {THEN}."),
        (10 * USD, None, 10 * USD + 1, f"{SPENT}; about as much as in {THEN}."),
        (10 * USD, None, 4 * USD, f"{SPENT}; 150 % more than in {THEN}."),
        (10 * USD, None, 5 * USD // 2, f"{SPENT}; 4 times as much as in {THEN}."),
        (10 * USD, None, 3 * USD, f"{SPENT}; more than 3 times as much as in {THEN}."),
        (10 * USD, None, USD // 2, f"{SPENT}; $0.50 in {THEN}."),
        (10 * USD, None, 43_167, f"{SPENT}; $0.04 in {THEN}."),
        (10 * USD, None, 1, f"{SPENT}; next to nothing in {THEN}."),
        (10 * USD, None, 9_000 * USD, f"{SPENT}; $9,000.00 in {THEN}."),
    ],
)
def test_the_sentence_of_the_spend(total: int, top: int | None, before: int, said: str) -> None:
    largest = None if top is None else ("A", top)
    assert sentences.spent("the last 30 days", total, largest, before, THEN, "USD") == said


@given(st.integers(1, 10**15), st.integers(0, 10**15))
def test_no_comparison_says_a_ratio_that_nobody_can_read(total: int, before: int) -> None:
    said = sentences.compared(total, before, THEN, "USD")
    number = said.partition(" ")[0]
    assert "%" not in said or 0 < int(number) < 300
    assert "100 % less" not in said
