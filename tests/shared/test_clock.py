"""The database's clock, and what carries its answer on where an instant is only shown."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.shared.clock import DatabaseClock

pytestmark = pytest.mark.commits
APART = timedelta(seconds=1)  # far more than either clock is wrong, far less than nobody would see


class Asked:
    """A session that counts how often the database is asked."""

    def __init__(self, session) -> None:
        self.session = session
        self.times = 0

    async def instant(self):
        self.times += 1
        return await self.session.instant()


@pytest.fixture
async def asked(db):
    async with db.unit_of_work() as unit:
        yield Asked(unit.session)


async def test_what_is_billed_asks_each_time(asked) -> None:
    clock = DatabaseClock()
    first, second = await clock.now(asked), await clock.now(asked)
    assert first < second
    assert asked.times == 2


async def test_what_is_shown_asks_once_in_a_while(asked, monkeypatch) -> None:
    clock = DatabaseClock()
    monkeypatch.setattr(clock, "EXACT_SECONDS", 60)
    told = [await clock.now(asked), *[await clock.about_now(asked) for _ in range(5)], await clock.now(asked)]
    assert told == sorted(told)
    assert asked.times == 2


async def test_an_answer_is_carried_on_for_seconds_only(asked, monkeypatch) -> None:
    clock = DatabaseClock()
    monkeypatch.setattr(clock, "EXACT_SECONDS", 60)
    await clock.now(asked)
    monkeypatch.setattr(clock, "KEPT_SECONDS", 0)
    assert await clock.about_now(asked) - await asked.session.instant() < APART
    assert asked.times == 2


async def test_an_answer_that_took_long_is_not_carried_on(asked, monkeypatch) -> None:
    clock = DatabaseClock()
    monkeypatch.setattr(clock, "EXACT_SECONDS", -1)
    await clock.now(asked)
    await clock.about_now(asked)
    assert asked.times == 2
