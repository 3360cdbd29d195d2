"""Where time comes from. Billed instants are read from the database, once per Context; tests inject theirs."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

from app.shared.db.direct import DirectSession


class Clock(Protocol):
    """Tells the instant (UTC, aware) that a Context works at."""

    async def now(self, session: DirectSession) -> datetime:
        """The present instant as this clock sees it."""
        ...

    async def about_now(self, session: DirectSession) -> datetime:
        """The present instant for what is only shown: at most two milliseconds behind `now`."""
        ...


class DatabaseClock:
    """The database's `clock_timestamp()`: one clock for all processes, so no skew between web and workers."""

    KEPT_SECONDS = 5.0  # an answer is carried on by the process's own clock
    EXACT_SECONDS = 0.002  # only when it came as quickly as this

    def __init__(self) -> None:
        self._answer: tuple[datetime, float] | None = None

    async def now(self, session: DirectSession) -> datetime:
        asked = time.monotonic()
        instant = await session.instant()
        answered = time.monotonic()
        if answered - asked <= self.EXACT_SECONDS:
            self._answer = (instant, answered)
        return instant

    async def about_now(self, session: DirectSession) -> datetime:
        if self._answer is not None:
            instant, answered = self._answer
            since = time.monotonic() - answered
            if since < self.KEPT_SECONDS:
                return instant + timedelta(seconds=since)
        return await self.now(session)


class FixedClock:
    """A clock for tests and for history written in the past: it stands still until it is moved."""

    def __init__(self, instant: datetime) -> None:
        self.instant = instant

    async def now(self, session: DirectSession) -> datetime:
        return self.instant

    async def about_now(self, session: DirectSession) -> datetime:
        return self.instant


def process_now() -> datetime:
    """The process's own clock, for what is never billed: log lines, cookies, tokens' issue times."""
    return datetime.now(UTC)
