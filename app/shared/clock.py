"""Where time comes from. Billed instants are read from the database, once per Context; tests inject theirs."""

from datetime import UTC, datetime
from typing import Protocol

from app.shared.db.direct import DirectSession


class Clock(Protocol):
    """Tells the instant (UTC, aware) that a Context works at."""

    async def now(self, session: DirectSession) -> datetime:
        """The present instant as this clock sees it."""
        ...


class DatabaseClock:
    """The database's `clock_timestamp()`: one clock for all processes, so no skew between web and workers."""

    async def now(self, session: DirectSession) -> datetime:
        return await session.instant()


class FixedClock:
    """A clock for tests and for history written in the past: it stands still until it is moved."""

    def __init__(self, instant: datetime) -> None:
        self.instant = instant

    async def now(self, session: DirectSession) -> datetime:
        return self.instant


def process_now() -> datetime:
    """The process's own clock, for what is never billed: log lines, cookies, tokens' issue times."""
    return datetime.now(UTC)
