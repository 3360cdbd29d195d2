"""Retry schedules: a list of pauses; after the last one the attempt has failed for good."""

from collections.abc import Sequence
from datetime import datetime, timedelta

MAIL_PAUSES = (30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800)  # seconds; about 16 hours in all


def parse_pauses(text: str) -> tuple[int, ...]:
    """Parse `5,300,1800` into seconds. Raises ValueError for anything but positive whole numbers up to a week."""
    pauses = tuple(int(part) for part in text.split(","))
    if not pauses or any(pause <= 0 or pause > 604_800 for pause in pauses):
        raise ValueError("pauses are seconds from 1 to a week, separated by commas")
    return pauses


def next_try(now: datetime, attempts: int, pauses: Sequence[int]) -> datetime | None:
    """The instant of the next attempt after `attempts` failed ones; None when there is no next one."""
    if attempts < 1 or attempts > len(pauses):
        return None if attempts > len(pauses) else now
    return now + timedelta(seconds=pauses[attempts - 1])
