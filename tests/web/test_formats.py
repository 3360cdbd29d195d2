"""Money, rates, spans and instants as people read them, and the browser's copy of the same rules."""

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.shared import formats
from app.web import assets

NOW = datetime(2026, 11, 26, 13, 20, 5, tzinfo=UTC)  # a Thursday
MINUS = formats.MINUS


@pytest.mark.parametrize(
    ("micro", "text"),
    [
        (0, "$0.00"),
        (412_080_000, "$412.08"),
        (1_204_000_000, "$1,204.00"),
        (5_000, "$0.005"),
        (4_200, "$0.0042"),
        (1, "$0.000001"),
        (15_000, "$0.02"),
        (25_000, "$0.02"),
        (35_000, "$0.04"),
        (994_999, "$0.99"),
        (995_001, "$1.00"),
        (-12_400_000, f"{MINUS}$12.40"),
        (-1, f"{MINUS}$0.000001"),
        (2**62, "$4,611,686,018,427.39"),
    ],
)
def test_an_amount_is_rounded_half_to_even_at_the_cent_and_never_reads_as_free(micro: int, text: str) -> None:
    assert formats.money(micro) == text


def test_a_credit_can_carry_its_sign_and_other_currencies_their_own_name() -> None:
    assert formats.money(12_400_000, sign=True) == "+$12.40"
    assert formats.money(0, sign=True) == "$0.00"
    assert formats.money(12_400_000, "EUR") == "€12.40"
    assert formats.money(12_400_000, "chf") == "CHF\u00a012.40"
    assert formats.money(1_500_000_000, "JPY") == "¥1,500"


@pytest.mark.parametrize(
    ("micro", "text"), [(18_400_000, "$18.40/h"), (2_312_500, "$2.3125/h"), (0, "$0.00/h"), (1, "$0.000001/h")]
)
def test_a_rate_is_never_rounded(micro: int, text: str) -> None:
    assert formats.rate(micro) == text


@given(st.integers(min_value=-(2**62), max_value=2**62))
def test_the_exact_amount_can_be_read_back(micro: int) -> None:
    text = formats.money_exact(micro).replace(MINUS, "-").replace("$", "").replace(",", "")
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    whole, rest = digits.split(".")
    assert sign * (int(whole) * 1_000_000 + int(rest.ljust(6, "0"))) == micro


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.1, "0.1 s"),
        (8, "8 s"),
        (59.9, "59 s"),
        (124, "2 m 04 s"),
        (11_520, "3 h 12 m"),
        (187_200, "2 d 4 h"),
    ],
)
def test_a_span_has_two_units_at_most(seconds: float, text: str) -> None:
    assert formats.duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "unlimited"),
        (0, "empty"),
        (-5, "empty"),
        (20, "1 min"),
        (2_700, "45 min"),
        (11_520, "3 h 12 m"),
        (80_640, "22 h"),
        (800_000, "9 d"),
    ],
)
def test_runway_is_finer_as_it_matters_more(seconds: float | None, text: str) -> None:
    assert formats.runway(seconds) == text


def test_an_instant_shows_its_zone_in_winter_and_in_summer() -> None:
    assert formats.instant(NOW, "Europe/Berlin") == "Thu 26 Nov 2026, 14:20:05 CET"
    assert formats.instant(NOW.replace(month=7), "Europe/Berlin") == "Sun 26 Jul 2026, 15:20:05 CEST"
    assert formats.instant(NOW, "No/Where").endswith("13:20:05 UTC")
    assert formats.iso(NOW) == "2026-11-26T13:20:05Z"


def test_a_moment_is_short_but_cannot_be_mistaken_for_another_week() -> None:
    assert formats.moment(NOW + timedelta(days=1), NOW, "Europe/Berlin") == "Fri 14:20 CET"
    assert formats.moment(NOW + timedelta(days=7), NOW, "Europe/Berlin") == "3 Dec 14:20 CET"
    assert formats.moment(NOW + timedelta(days=60), NOW, "UTC") == "25 Jan 2027 13:20 UTC"


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        formats.iso(NOW.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "just now"), (-180, "3 min ago"), (7_200, "in 2 h"), (-90_000, "25 h ago"), (-260_000, "3 d ago"), (5, "now")],
)
def test_time_is_relative_to_now(seconds: int, text: str) -> None:
    assert formats.relative(NOW + timedelta(seconds=seconds), NOW) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1_023, "1023 B"), (1_536, "1.5 KiB"), (2 * 1024**4, "2 TiB"), (80 * 1024**3, "80 GiB")],
)
def test_bytes_are_binary(count: int, text: str) -> None:
    assert formats.size(count) == text


@pytest.mark.skipif(shutil.which("node") is None, reason="no JavaScript engine here")
def test_the_browser_writes_the_same_text_as_the_server() -> None:
    amounts = [0, 1, 4_200, 5_000, 15_000, 25_000, 35_000, 994_999, 412_080_000, -12_400_000, 1_204_000_000_000]
    spans = [0, 8, 59, 124, 11_520, 187_200]
    apart = [0, 5, -180, 7_200, -90_000, -260_000]
    source = json.dumps((assets.STATIC / "js" / "ticker.js").as_uri())
    answers = f"{amounts}.map((a) => formatMoney(a)), {spans}.map(formatDuration), {apart}.map(formatRelative)"
    script = f"""import {{formatMoney, formatDuration, formatRelative}} from {source};
    console.log(JSON.stringify([{answers}]))"""
    command = ["node", "--no-warnings", "--input-type=module", "-e", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    money, spelled, relative = json.loads(done.stdout)
    assert money == [formats.money(amount) for amount in amounts]
    assert spelled == [formats.duration(span) for span in spans]
    assert relative == [formats.relative(NOW + timedelta(seconds=each), NOW) for each in apart]
