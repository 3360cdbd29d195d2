"""The outbox's weeks: there is a partition before a row needs it, and a week goes when nobody needs any of its rows."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from app.shared.context import Runtime
from tests.fixtures.drain import run_cron
from tests.fixtures.postgres import DatabaseUrls
from tests.fixtures.relay import Ledger, until
from workers.housekeeping import HOUSEKEEPING

pytestmark = pytest.mark.commits
PARTITIONS = "SELECT name::text FROM shared.list_outbox_partitions() ORDER BY until"
WRITE = """
    INSERT INTO shared.outbox_events (id, kind, name, aggregate_id, shard, version, payload, correlation_id, created_at,
                                      published_at)
    VALUES (uuidv7(), 'event', 'berth.v1.probe.counter.moved', uuidv7(), 1, 1, '{}', 'test', %s, %s)
"""
BOUNDS = "ALTER TABLE shared.outbox_events ATTACH PARTITION shared.{name} FOR VALUES FROM ('{first}') TO ('{next}')"
WAITING = "SELECT count(*) FROM pg_locks WHERE relation = 'shared.outbox_events'::regclass AND NOT granted"
PAST = 4  # weeks


@pytest.fixture
def weeks(database: DatabaseUrls) -> list[datetime]:
    """The starts of the last four whole weeks, each with a partition, in an outbox that holds nothing older."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = today - timedelta(days=today.weekday())
    starts = [monday - timedelta(weeks=back) for back in range(PAST, 0, -1)]
    with psycopg.connect(database.owner, autocommit=True) as connection:
        connection.execute("DROP TABLE shared.outbox_events_before")
        for start in starts:
            name = f"outbox_events_{start:%G_%V}"
            connection.execute(f"CREATE TABLE shared.{name} (LIKE shared.outbox_events INCLUDING ALL)".encode())
            bounds = BOUNDS.format(name=name, first=start.isoformat(), next=(start + timedelta(weeks=1)).isoformat())
            connection.execute(bounds.encode())
    return starts


async def names(ledger: Ledger) -> list[str]:
    return [str(row[0]).removeprefix("shared.outbox_events_") for row in await ledger.rows(PARTITIONS)]


async def test_there_is_a_partition_for_each_week_to_come(
    runtime: Runtime, ledger: Ledger, weeks: list[datetime]
) -> None:
    await run_cron(runtime, [HOUSEKEEPING], "shared.prune")
    await run_cron(runtime, [HOUSEKEEPING], "shared.prune")
    coming = [f"{weeks[-1] + timedelta(weeks=1 + ahead):%G_%V}" for ahead in range(4)]
    assert (await names(ledger))[-4:] == coming
    rows = await ledger.rows(
        "INSERT INTO shared.outbox_events (id, kind, name, aggregate_id, shard, version, payload, correlation_id)"
        " VALUES (uuidv7(), 'job', 'x', uuidv7(), 1, 0, '{}', 'test') RETURNING tableoid::regclass::text"
    )
    assert rows == [(f"shared.outbox_events_{coming[0]}",)]


async def test_a_week_goes_when_all_of_it_was_published_a_week_ago(
    runtime: Runtime, ledger: Ledger, weeks: list[datetime], database: DatabaseUrls
) -> None:
    done, pending, late, _ = weeks
    hour, now = timedelta(hours=1), datetime.now(UTC)
    with psycopg.connect(database.app, autocommit=True) as connection:
        for created, published in (
            (done, done + hour),
            (pending, pending + hour),
            (pending + hour, None),
            (late, now - timedelta(days=2)),  # sent again, for example
        ):
            connection.execute(WRITE, (created, published))
    await run_cron(runtime, [HOUSEKEEPING], "shared.prune")
    kept = await names(ledger)
    assert f"{done:%G_%V}" not in kept
    assert {f"{pending:%G_%V}", f"{late:%G_%V}"} <= set(kept)
    assert await ledger.rows("SELECT count(*) FROM shared.outbox_events") == [(3,)]


async def test_a_week_in_use_is_left_to_the_next_run(
    runtime: Runtime, ledger: Ledger, weeks: list[datetime], database: DatabaseUrls
) -> None:
    with psycopg.connect(database.app) as reader:
        reader.execute("SELECT FROM shared.outbox_events LIMIT 1")
        await run_cron(runtime, [HOUSEKEEPING], "shared.prune")
        assert f"{weeks[0]:%G_%V}" in await names(ledger)
    await run_cron(runtime, [HOUSEKEEPING], "shared.prune")
    assert f"{weeks[0]:%G_%V}" not in await names(ledger)


async def test_a_week_whose_rows_are_made_pending_again_meanwhile_stays(
    ledger: Ledger, weeks: list[datetime], database: DatabaseUrls
) -> None:
    done = weeks[0]
    with psycopg.connect(database.app, autocommit=True) as connection:
        connection.execute(WRITE, (done, done + timedelta(hours=1)))

    def drop() -> None:
        with psycopg.connect(database.app, autocommit=True) as connection:
            connection.execute("SELECT shared.drop_outbox_partitions(7)")

    with psycopg.connect(database.app) as relay:
        relay.execute("UPDATE shared.outbox_events SET published_at = NULL WHERE created_at = %s", (done,))
        dropping = asyncio.create_task(asyncio.to_thread(drop))

        async def waits() -> bool:
            return dropping.done() or await ledger.rows(WAITING) != [(0,)]

        await until(waits)
        relay.commit()
        await dropping
    assert await ledger.rows("SELECT count(*) FROM shared.outbox_events WHERE published_at IS NULL") == [(1,)]


async def test_the_product_can_drop_no_week_that_is_needed(database: DatabaseUrls, weeks: list[datetime]) -> None:
    with psycopg.connect(database.app, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            connection.execute("SELECT shared.drop_outbox_partitions(0)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"DROP TABLE shared.outbox_events_{weeks[0]:%G_%V}".encode())
