"""What an interval of use costs. Integers only; this is the one rounding rule of the product.

Billed instants are truncated to whole seconds. Metering starts at the truncated instant of activation and ends at the
truncated instant of release, so a duration is whole and differs from the real one by less than a second.

Charges are cumulative: an interval costs the charge for all seconds up to its end minus the charge for all seconds up
to its start. So the parts always sum to the charge for the whole, however often the meter was read.
"""

from datetime import datetime

from app.shared.money import Micro, RateMicroPerHour, charge


def billable(instant: datetime) -> datetime:
    """`instant` truncated to its second."""
    return instant.replace(microsecond=0)


def whole_seconds(from_at: datetime, to_at: datetime) -> int:
    """Whole seconds between two billable instants; zero when `to_at` is not later."""
    return max(0, int((billable(to_at) - billable(from_at)).total_seconds()))


def interval_charge(rate: RateMicroPerHour, elapsed: int, seconds: int) -> Micro:
    """The charge for `seconds` of use that begin `elapsed` seconds after metering started."""
    return Micro(charge(rate, elapsed + seconds) - charge(rate, elapsed))


def cost_between(
    rate: RateMicroPerHour, metered_from: datetime, metered_until: datetime, from_at: datetime, to_at: datetime
) -> tuple[int, Micro]:
    """Seconds and cost of the part of [metered_from, metered_until) that lies in [from_at, to_at)."""
    begin = whole_seconds(metered_from, min(max(from_at, metered_from), metered_until))
    end = whole_seconds(metered_from, max(metered_from, min(to_at, metered_until)))
    if end <= begin:
        return 0, Micro(0)
    return end - begin, interval_charge(rate, begin, end - begin)
