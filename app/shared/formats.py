"""How a value becomes text that people read: money, rates, instants, durations, bytes.

Pure functions on plain values. `app/static/js/ticker.js` repeats `money`, `duration` and `relative` for figures that
move; a test compares both. Refuses floats for money and instants without a zone.

Precision: an amount shows cents, rounded half to even; an amount too small for cents but not zero shows up to six
decimals, so that nothing which costs reads as free. A rate shows cents when it is a whole number of cents, else up to
six decimals, because a rate is multiplied by the reader.
"""

from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.shared.money import MICRO_PER_UNIT, divide_half_even

MINUS = "\u2212"
SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
MINOR_DIGITS = {"JPY": 0, "KRW": 0}
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MINUTE, HOUR, DAY = 60, 3_600, 86_400


def _join(magnitude: int, digits: int, negative: bool, currency: str) -> str:
    """`magnitude` counts units of 10^-digits; the sign stands before the currency."""
    whole, rest = divmod(magnitude, 10**digits)
    text = f"{whole:,}" + (f".{rest:0{digits}d}" if digits else "")
    code = currency.upper()
    symbol = SYMBOLS.get(code, f"{code}\u00a0")
    return (MINUS if negative else "") + symbol + text


def _exact(magnitude: int, min_digits: int) -> tuple[int, int]:
    """(units, digits) of a micro amount with no trailing zeros beyond `least` decimals."""
    digits = 6
    while digits > min_digits and magnitude % 10 == 0:
        magnitude //= 10
        digits -= 1
    return magnitude, digits


def money(micro: int, currency: str = "USD", *, sign: bool = False) -> str:
    """`412080000` -> `$412.08`; `sign=True` marks credits with a plus (ledger rows). Half to even at the cent."""
    minor = MINOR_DIGITS.get(currency.upper(), 2)
    size = abs(micro)
    cents = divide_half_even(size, 10 ** (6 - minor))
    if cents == 0 and size:
        units, digits = _exact(size, minor)
        text = _join(units, digits, micro < 0, currency)
    else:
        text = _join(cents, minor, micro < 0, currency)
    return f"+{text}" if sign and micro > 0 else text


def money_exact(micro: int, currency: str = "USD") -> str:
    """All six decimals that matter: for titles, "explain this charge" and the ledger."""
    units, digits = _exact(abs(micro), MINOR_DIGITS.get(currency.upper(), 2))
    return _join(units, digits, micro < 0, currency)


def rate(micro_per_hour: int, currency: str = "USD", *, unit: str = "h") -> str:
    """`18400000` -> `$18.40/h`; `unit="GPU-h"` for a price per GPU. Never rounded: see the module's rule."""
    return f"{money_exact(micro_per_hour, currency)}/{unit}"


def duration(seconds: float) -> str:
    """Two units at most: `0.1 s` (under 10 s), `8 s`, `2 m 04 s`, `3 h 12 m`, `2 d 4 h`."""
    if seconds < 0:
        return MINUS + duration(-seconds)
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.1f} s"
    whole = int(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} m {whole % MINUTE:02d} s"
    if whole < DAY:
        return f"{whole // HOUR} h {whole % HOUR // MINUTE:02d} m"
    return f"{whole // DAY} d {whole % DAY // HOUR} h"


def runway(seconds: float | None) -> str:
    """One figure for a header: `45 min`, `3 h 12 m`, `22 h`, `9 d`, finer as it matters more; None (nothing burns) is
    "unlimited"; nothing left is `empty`."""
    if seconds is None:
        return "unlimited"
    if seconds <= 0:
        return "empty"
    if seconds < HOUR:
        return f"{max(1, int(seconds // MINUTE))} min"
    if seconds < 4 * HOUR:
        return duration(seconds)
    return f"{int(seconds // HOUR)} h" if seconds < 4 * DAY else f"{int(seconds // DAY)} d"


def size(count: int) -> str:
    """Bytes in binary units: `512 B`, `1.5 KiB`, `3.5 TiB`."""
    if count < 1024:
        return f"{count} B"
    value = float(count)
    for unit in ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB"):
        value /= 1024
        if value < 1023.95 or unit == "EiB":
            return f"{value:.0f} {unit}" if value >= 100 or value == int(value) else f"{value:.1f} {unit}"
    raise AssertionError("unreachable")


@lru_cache(maxsize=64)
def zone(name: str) -> tzinfo:
    """The zone of that IANA name; UTC when this machine does not know it (the text then says UTC)."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def _local(value: datetime, time_zone: str) -> datetime:
    if value.tzinfo is None:
        raise ValueError("an instant needs a zone")
    return value.astimezone(zone(time_zone))


@lru_cache(maxsize=1024)
def iso(value: datetime) -> str:
    """For `<time datetime>` and scripts: UTC, whole seconds, `Z`."""
    return _local(value, "UTC").strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=4096)
def instant(value: datetime, time_zone: str = "UTC") -> str:
    """The exact instant, with its zone: `Thu 26 Nov 2026, 14:20:05 CET`."""
    at = _local(value, time_zone)
    day = f"{WEEKDAYS[at.weekday()]} {at.day} {MONTHS[at.month - 1]} {at.year}"
    return f"{day}, {at:%H:%M:%S} {at.tzname()}"


def moment(value: datetime, now: datetime, time_zone: str = "UTC") -> str:
    """Short but unmistakable: `Thu 14:20 CET` within six days of now, `12 Dec 14:20 CET` beyond, with the year when it
    differs."""
    at, today = _local(value, time_zone), _local(now, time_zone)
    clock = f"{at:%H:%M} {at.tzname()}"
    if abs((at.date() - today.date()).days) < 6:
        return f"{WEEKDAYS[at.weekday()]} {clock}"
    year = f" {at.year}" if at.year != today.year else ""
    return f"{at.day} {MONTHS[at.month - 1]}{year} {clock}"


def relative(value: datetime, now: datetime) -> str:
    """`just now`, `3 min ago`, `in 2 h`, `5 d ago`. The exact instant belongs in the title beside it."""
    seconds = (_local(value, "UTC") - _local(now, "UTC")).total_seconds()
    ahead, left = seconds > 0, int(abs(seconds))
    if left < 10:
        return "just now" if not ahead else "now"
    if left < MINUTE:
        text = f"{left} s"
    elif left < HOUR:
        text = f"{left // MINUTE} min"
    elif left < 2 * DAY:
        text = f"{left // HOUR} h"
    else:
        text = f"{left // DAY} d"
    return f"in {text}" if ahead else f"{text} ago"


def per_unit(part: int, whole: int) -> int:
    """Percent, rounded down, so that 100 % is said only when it is true."""
    return 0 if whole <= 0 else part * 100 // whole


def units(micro: int) -> str:
    """A whole-number amount for form fields: `25000000` -> `25`; cents kept when there are any."""
    whole, rest = divmod(micro, MICRO_PER_UNIT)
    return f"{whole}" if not rest else f"{whole}.{rest // 10_000:02d}"
