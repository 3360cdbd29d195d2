"""The rules of money, for every value that hypothesis can think of."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.domains.billing.rules import holds, rating, runway
from app.shared.money import Micro, RateMicroPerHour, charge

RATES = st.integers(0, 10_000_000_000).map(RateMicroPerHour)
SECONDS = st.integers(0, 10 * 365 * 86_400)
AMOUNTS = st.integers(0, 10**15).map(Micro)
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LADDER = runway.Thresholds(notice=86_400, warning=14_400, critical=1_800, release=60)


@given(RATES, SECONDS)
def test_a_charge_is_the_exact_product_rounded_half_to_even(rate: RateMicroPerHour, seconds: int) -> None:
    assert charge(rate, seconds) == round(Fraction(rate * seconds, 3600))


@given(RATES, st.lists(st.integers(1, 100_000), max_size=30))
def test_the_parts_cost_what_the_whole_costs_however_it_was_cut(rate: RateMicroPerHour, cuts: list[int]) -> None:
    elapsed, total = 0, 0
    for seconds in cuts:
        total += rating.interval_charge(rate, elapsed, seconds)
        elapsed += seconds
    assert total == charge(rate, elapsed)


@given(RATES, SECONDS, st.integers(1, 86_400))
def test_no_part_differs_from_its_exact_cost_by_more_than_one_micro_unit(
    rate: RateMicroPerHour, elapsed: int, seconds: int
) -> None:
    assert abs(rating.interval_charge(rate, elapsed, seconds) - Fraction(rate * seconds, 3600)) <= 1


@given(RATES, st.integers(0, 10**7), st.lists(st.integers(-(10**6), 2 * 10**7), min_size=1, max_size=8))
def test_reports_over_adjoining_periods_sum_up_to_the_whole_cost(
    rate: RateMicroPerHour, lasted: int, places: list[int]
) -> None:
    end = START + timedelta(seconds=lasted)
    borders = sorted(
        [START - timedelta(days=30), *(START + timedelta(seconds=s) for s in places), START.replace(year=2040)]
    )
    parts = [rating.cost_between(rate, START, end, a, b) for a, b in pairwise(borders)]
    assert sum(seconds for seconds, _ in parts) == lasted
    assert sum(amount for _, amount in parts) == charge(rate, lasted)


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_a_billed_duration_is_whole_and_less_than_a_second_off(a: datetime, b: datetime) -> None:
    begin, end = min(a, b), max(a, b)
    assert abs(rating.whole_seconds(begin, end) - (end - begin).total_seconds()) < 1


@given(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS)
def test_a_debit_takes_exactly_the_amount_and_never_more_than_there_is(
    amount: Micro, promotions: Micro, credit: Micro, hold: Micro
) -> None:
    debit = holds.split_charge(amount, promotions, credit, hold)
    assert debit.promotions + debit.credit + debit.hold + debit.written_off == amount
    assert 0 <= debit.promotions <= promotions and 0 <= debit.credit <= credit and 0 <= debit.hold <= hold
    assert not debit.credit or debit.promotions == promotions
    assert not debit.hold or debit.credit == credit
    assert not debit.written_off or debit.hold == hold


@given(AMOUNTS, AMOUNTS, st.data())
def test_the_rest_of_a_hold_goes_back_to_where_it_came_from(
    promotions: Micro, credit: Micro, data: st.DataObject
) -> None:
    left = Micro(data.draw(st.integers(0, promotions + credit)))
    to_promotions, to_credit = holds.split_release(left, promotions, credit)
    assert to_promotions + to_credit == left
    assert 0 <= to_promotions <= promotions and 0 <= to_credit <= credit
    assert not to_promotions or to_credit == credit


def test_a_launch_holds_two_hours_of_its_price_but_not_less_than_the_minimum() -> None:
    assert holds.hold_amount(RateMicroPerHour(18_400_000), 7_200, Micro(1_000_000)) == 36_800_000
    assert holds.hold_amount(RateMicroPerHour(1_000), 7_200, Micro(1_000_000)) == 1_000_000


@given(AMOUNTS, st.integers(1, 10**10).map(RateMicroPerHour))
def test_the_runway_is_the_last_whole_second_that_can_be_paid(funds: Micro, burn: RateMicroPerHour) -> None:
    seconds = runway.runway_seconds(funds, burn)
    assert seconds is not None
    assert Fraction(burn * seconds, 3600) <= funds
    assert seconds == 2**53 - 1 or funds < Fraction(burn * (seconds + 1), 3600)


def test_nothing_burning_has_no_end() -> None:
    assert runway.runway_seconds(Micro(5), RateMicroPerHour(0)) is None
    assert runway.level_of(None, LADDER) == "fine"
    assert runway.empties_at(START, None) is None
    assert runway.empties_at(START, 10**12) is None


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_less_runway_is_never_a_better_level(a: int, b: int) -> None:
    shorter, longer = runway.level_of(min(a, b), LADDER), runway.level_of(max(a, b), LADDER)
    assert not runway.is_worse(longer, than=shorter)


def test_the_ladder_has_its_rungs_at_the_thresholds() -> None:
    seconds = [86_401, 86_400, 14_401, 14_400, 1_801, 1_800, 61, 60, 0]
    levels = [runway.level_of(s, LADDER) for s in seconds]
    assert levels == [
        "fine",
        "notice",
        "notice",
        "warning",
        "warning",
        "critical",
        "critical",
        "exhausted",
        "exhausted",
    ]
