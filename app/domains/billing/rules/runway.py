"""Runway: how long the money lasts, and the warning level that follows from it."""

from datetime import datetime, timedelta

import msgspec

from app.domains.billing.contracts import Level
from app.shared.money import Micro, RateMicroPerHour, seconds_until_empty

ORDER: tuple[Level, ...] = ("fine", "notice", "warning", "critical", "exhausted")
MAX_SECONDS = 100 * 365 * 86_400  # no useful instant beyond it; datetime ends with the year 9999


class Thresholds(msgspec.Struct, frozen=True):
    """The runway in seconds at or below which each warning level applies; `release` is the release margin."""

    notice: int
    warning: int
    critical: int
    release: int

    def of(self, level: Level) -> int:
        """The threshold of a level; 0 for `fine`."""
        return {
            "fine": 0,
            "notice": self.notice,
            "warning": self.warning,
            "critical": self.critical,
            "exhausted": self.release,
        }[level]


def runway_seconds(funds: Micro, burn: RateMicroPerHour) -> int | None:
    """Whole seconds that `funds` last; None without a burn rate."""
    return seconds_until_empty(funds, burn)


def empties_at(now: datetime, runway: int | None) -> datetime | None:
    """The instant at which the money runs out; None without a burn rate, or when it is more than a century away."""
    if runway is None or runway > MAX_SECONDS:
        return None
    return now.replace(microsecond=0) + timedelta(seconds=runway)


def level_of(runway: int | None, thresholds: Thresholds) -> Level:
    """The worst level whose threshold the runway has reached."""
    if runway is None:
        return "fine"
    if runway <= thresholds.release:
        return "exhausted"
    if runway <= thresholds.critical:
        return "critical"
    if runway <= thresholds.warning:
        return "warning"
    return "notice" if runway <= thresholds.notice else "fine"


def is_worse(level: Level, than: Level) -> bool:
    """Whether `level` is further down the thresholds."""
    return ORDER.index(level) > ORDER.index(than)
