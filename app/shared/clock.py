"""Where time comes from. Billed instants are read from the database, once per Context; tests inject theirs."""

from datetime import UTC, datetime
from typing import Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


class Clock(Protocol):
    """Tells the instant (UTC, aware) that a Context works at."""

    async def now(self, session: AsyncSession) -> datetime:
        """The present instant as this clock sees it."""
        ...


class DatabaseClock:
    """The database's `clock_timestamp()`: one clock for all processes, so no skew between web and workers."""

    async def now(self, session: AsyncSession) -> datetime:
        value = await session.scalar(text("SELECT clock_timestamp()"))
        if not isinstance(value, datetime):
            raise TypeError("clock_timestamp() gave no instant")
        return value.astimezone(UTC)


class FixedClock:
    """A clock for tests and for history written in the past: it stands still until it is moved."""

    def __init__(self, instant: datetime) -> None:
        self.instant = instant

    async def now(self, session: AsyncSession) -> datetime:
        return self.instant


def process_now() -> datetime:
    """The process's own clock, for what is never billed: log lines, cookies, tokens' issue times."""
    return datetime.now(UTC)
