"""What of a project needs its people. Pure; every decision from stated facts."""

from datetime import datetime, timedelta

from app.domains.provisioning.rules.states import STARTING, as_state

SLOW_FACTOR = 3  # times the usual time from request to running
SLOW_MINIMUM = timedelta(minutes=5)
FAILED_FOR = timedelta(hours=24)


def is_slow(state: str, requested_at: datetime, now: datetime, usual_seconds: float | None) -> bool:
    """Whether a machine that is still being made takes much longer than those before it."""
    usual = timedelta(seconds=SLOW_FACTOR * (usual_seconds or 0))
    return as_state(state) in STARTING and now - requested_at > max(usual, SLOW_MINIMUM)


def failed_lately(state: str, ended_at: datetime | None, now: datetime) -> bool:
    """Whether a launch failed so recently that somebody may still be waiting for it."""
    return state == "failed" and ended_at is not None and now - ended_at <= FAILED_FOR
