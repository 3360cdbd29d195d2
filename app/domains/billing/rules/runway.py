"""How long the money lasts, and the ladder of warnings on the way down."""

from datetime import datetime, timedelta

import msgspec

from app.domains.billing.contracts import Level
from app.shared.money import Micro, RateMicroPerHour, seconds_until_empty

ORDER: tuple[Level, ...] = ("fine", "notice", "warning", "critical", "exhausted")
FAR_SECONDS = 100 * 365 * 86_400  # beyond this an instant says nothing, and datetime ends at the year 9999


class Ladder(msgspec.Struct, frozen=True):
    """Thresholds in seconds of runway."""

    notice: int
    warning: int
    critical: int
    release: int

    def threshold(self, level: Level) -> int:
        """The runway at or below which `level` holds; 0 for `fine`."""
        return {
            "fine": 0,
            "notice": self.notice,
            "warning": self.warning,
            "critical": self.critical,
            "exhausted": self.release,
        }[level]


def runway_seconds(funds: Micro, burn: RateMicroPerHour) -> int | None:
    """Whole seconds that `funds` last; None when nothing burns."""
    return seconds_until_empty(funds, burn)


def empties_at(now: datetime, runway: int | None) -> datetime | None:
    """The instant the money ends; None when nothing burns or the end is further than a century away."""
    if runway is None or runway > FAR_SECONDS:
        return None
    return now.replace(microsecond=0) + timedelta(seconds=runway)


def level_of(runway: int | None, ladder: Ladder) -> Level:
    """The lowest rung that the runway has reached. The release margin wins over everything."""
    if runway is None:
        return "fine"
    if runway <= ladder.release:
        return "exhausted"
    if runway <= ladder.critical:
        return "critical"
    if runway <= ladder.warning:
        return "warning"
    return "notice" if runway <= ladder.notice else "fine"


def is_worse(level: Level, than: Level) -> bool:
    """Whether `level` is further down the ladder."""
    return ORDER.index(level) > ORDER.index(than)
