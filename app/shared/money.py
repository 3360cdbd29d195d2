"""Money is an integer count of micro-units (1 USD = 1,000,000) and rates are micro-units per hour.

Rounding happens in one place, half to even at the micro-unit (IEEE 754 roundTiesToEven, as bankers do it), so that
a sum of parts never drifts from the rule that made them.
"""

from typing import NewType

Micro = NewType("Micro", int)
RateMicroPerHour = NewType("RateMicroPerHour", int)

MICRO_PER_UNIT = 1_000_000
MICRO_PER_CENT = 10_000
SECONDS_PER_HOUR = 3_600
MAX_MICRO = 10**13  # ten millions: more than one posting moves
MAX_BALANCE = 2**53 - 1  # what a JSON number holds exactly (RFC 8259 §6), far below a BIGINT


def divide_half_even(numerator: int, denominator: int) -> int:
    """`numerator / denominator` rounded half to even, in integers only. The denominator must be positive."""
    if denominator <= 0:
        raise ValueError("denominator must be positive")
    quotient, remainder = divmod(numerator, denominator)
    twice = remainder * 2
    if twice > denominator or (twice == denominator and quotient % 2 == 1):
        quotient += 1
    return quotient


def charge(rate: RateMicroPerHour, seconds: int) -> Micro:
    """What `seconds` at `rate` cost, in micro-units."""
    if seconds < 0:
        raise ValueError("a charge needs a duration that is not negative")
    return Micro(divide_half_even(rate * seconds, SECONDS_PER_HOUR))


def seconds_until_empty(available: int, burn_per_hour: int) -> int | None:
    """Whole seconds until `available` is used up at `burn_per_hour`; None when nothing burns. At most what a number of
    JSON holds exactly (RFC 8259 section 6)."""
    if burn_per_hour <= 0:
        return None
    return min(max(0, available) * SECONDS_PER_HOUR // burn_per_hour, 2**53 - 1)
