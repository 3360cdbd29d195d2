"""Closed days sum to what the meters say, whenever and however often the job ran, and they never change."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest

from app.domains.auth import public as auth
from app.domains.billing.jobs import run_days
from app.domains.billing.repository.usage import UsageRepository
from app.domains.billing.rules import periods
from app.domains.billing.rules.periods import Period
from app.domains.billing.rules.usage import UsageCell
from app.domains.billing.service import daily
from app.shared.authz.actor import SYSTEM
from app.shared.authz.scope import system_tenant_scope
from app.shared.formats import zone
from tests.domains.billing.books import USD, Books

if TYPE_CHECKING:
    from tests.fixtures.postgres import DatabaseUrls

pytestmark = pytest.mark.commits
ZONES = ("Europe/Berlin", "Asia/Kathmandu", "America/Havana", "Australia/Lord_Howe")
NOWHERE = "Nowhere/At_All"  # in a calendar that no day was closed in, every figure comes from the meters
CLOSED = "SELECT count(*) FROM billing.daily_usage"


async def _cells(books: Books, period: Period, time_zone: str, closed_in: str) -> list[UsageCell]:
    async with books.runtime.context(SYSTEM) as ctx:
        scope = system_tenant_scope(SYSTEM, books.tenant_id)
        days = periods.day_buckets(period, zone(time_zone))
        now = books.clock.instant.replace(microsecond=0)
        cells = await UsageRepository(ctx.session).list_cells(scope, days, closed_in, now)
    return sorted(cells, key=lambda cell: (cell.day, cell.project_id, cell.sku_id))


def _zoned(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    async def time_zones(_ctx: object, tenant_ids: object) -> dict[object, str]:
        return dict.fromkeys(tenant_ids, name)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(auth, "time_zones", time_zones)


async def _crash(books: Books) -> None:
    async with books.runtime.context(SYSTEM) as ctx:
        await daily.close(ctx, [books.tenant_id])
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("seed", "time_zone"),
    list(enumerate(ZONES)),
)
async def test_closed_days_are_the_same_as_if_computed_anew(
    books: Books, monkeypatch: pytest.MonkeyPatch, seed: int, time_zone: str
) -> None:
    dice = random.Random(seed)
    _zoned(monkeypatch, time_zone)
    begun = books.clock.instant
    await books.open(credit=9_000_000 * USD)
    running = [await books.run(rate=dice.randrange(1, 9 * USD), hold=1)]
    for _ in range(12):
        await books.tick(dice.choice((7, 40_000, 86_400, 200_000, 300_000)))
        for action in dice.choices(("run", "stop", "close", "twice", "crash"), k=2):
            if action == "run":
                running.append(await books.run(rate=dice.randrange(1, 9 * USD), hold=1))
            elif action == "stop" and running:
                await books.stop(running.pop(dice.randrange(len(running))))
            elif action == "close":
                await run_days(books.runtime, {})
            elif action == "twice":
                await asyncio.gather(*(run_days(books.runtime, {}) for _ in range(3)))
            elif action == "crash":
                with pytest.raises(ZeroDivisionError):
                    await _crash(books)
    await run_days(books.runtime, {})
    [(closed,)] = await books.rows(CLOSED)
    assert int(str(closed)) > 5
    last = periods.today(books.clock.instant, zone(time_zone)) + timedelta(days=1)
    for _ in range(5):
        first = (begun - timedelta(days=2)).date() + timedelta(days=dice.randrange(40))
        period = Period(first, max(last - timedelta(days=dice.randrange(20)), first + timedelta(days=1)))
        anew = await _cells(books, period, time_zone, NOWHERE)
        assert await _cells(books, period, time_zone, time_zone) == anew
    assert (await books.verify()).ok


async def test_a_day_stays_open_until_every_meter_was_read_past_it(books: Books) -> None:
    await books.open(credit=90_000 * USD)
    await books.run()
    await books.tick(3_600)
    books.clock.advance(2 * 86_400)
    await run_days(books.runtime, {})
    assert await books.rows(CLOSED) == [(0,)]
    await books.tick()
    await run_days(books.runtime, {})
    assert await books.rows(CLOSED) == [(2,)]


async def test_another_time_zone_closes_the_days_of_its_own_calendar(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    await books.open(credit=90_000 * USD)
    await books.run()
    await books.tick(3 * 86_400)
    await run_days(books.runtime, {})
    period = Period(books.clock.instant.date() - timedelta(days=5), books.clock.instant.date() + timedelta(days=1))
    for name in ("Asia/Kathmandu", "America/Havana"):
        assert await _cells(books, period, name, name) == await _cells(books, period, name, NOWHERE)
        _zoned(monkeypatch, name)
        books.clock.advance(86_400)
        await books.tick()
        await run_days(books.runtime, {})
        assert await _cells(books, period, name, name) == await _cells(books, period, name, NOWHERE)
        assert (await books.verify()).ok


async def test_a_closed_day_is_never_changed_and_can_be_made_again(books: Books, database: DatabaseUrls) -> None:
    await books.open(credit=90_000 * USD)
    await books.run()
    await books.tick(3 * 86_400)
    await run_days(books.runtime, {})
    before = await books.rows("SELECT * FROM billing.daily_usage ORDER BY day")
    for url in (database.app, database.owner):
        with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("UPDATE billing.daily_usage SET amount = amount")
    with psycopg.connect(database.app) as connection:
        connection.execute("DELETE FROM billing.daily_usage")
        connection.execute(
            "UPDATE billing.daily_usage_progress SET open_from = NULL, open_at = NULL, closes_at = '1970-01-01 00:00Z'"
        )
    await run_days(books.runtime, {})
    assert await books.rows("SELECT * FROM billing.daily_usage ORDER BY day") == before


async def test_an_organisation_without_machines_costs_a_row_and_nothing_else(books: Books) -> None:
    await books.open()
    for _ in range(3):
        books.clock.advance(86_400)
        await run_days(books.runtime, {})
    assert await books.rows(CLOSED) == [(0,)]
    assert await books.rows("SELECT open_from IS NOT NULL FROM billing.daily_usage_progress") == [(True,)]
