"""The relay against real PostgreSQL, NATS and Valkey."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from app.shared.ids import new_id
from app.shared.manifest import Domain
from app.shared.outbox.feed import Feed, News
from app.shared.outbox.lease import Leases
from app.shared.outbox.marks import Marks
from app.shared.outbox.pool import RelayPool, open_pool
from app.shared.outbox.row import OutboxRow, Unusable, VendorDown
from app.shared.outbox.writer import OutboxKind
from tests.fixtures.postgres import DatabaseUrls
from tests.fixtures.relay import (
    CounterNoted,
    Ledger,
    event_senders,
    move,
    recorder,
    running,
    until,
)
from workers.consumers import Consumers
from workers.relay import Relay

pytestmark = pytest.mark.commits


def relay_of(runtime: Runtime, **options: object) -> Relay:
    return Relay(runtime.settings.database.url, runtime.valkey, event_senders(runtime.settings.nats_url), **options)  # type: ignore[arg-type]


class Noted:
    """A sender that writes down what it was given; `refuse` fails or goes down for some rows."""

    kind = OutboxKind.EVENT
    at_once = 16

    def __init__(self, refuse: dict[UUID, int] | None = None, down_for: int = 0) -> None:
        self.order: list[tuple[UUID, int]] = []
        self.refuse = refuse or {}
        self.down_for = down_for

    async def prepare(self) -> bool:
        if self.down_for:
            self.down_for -= 1
            raise VendorDown("as the test wants")
        return False

    async def send(self, row: OutboxRow) -> "asyncio.Future[int | None]":
        return asyncio.ensure_future(self._take(row))

    async def _take(self, row: OutboxRow) -> None:
        if self.refuse.get(row.aggregate_id, 0) > 0:
            self.refuse[row.aggregate_id] -= 1
            raise Unusable("refused by ada@acme.example")
        self.order.append((row.aggregate_id, row.version))

    async def close(self) -> None: ...


async def test_a_committed_change_reaches_its_consumer_once(runtime: Runtime, ledger: Ledger) -> None:
    counter = uuid4()
    domain = Domain(name="probe", consumers=[recorder()])
    async with running(relay_of(runtime), Consumers(runtime, [domain])):
        await move(runtime, counter, 1, 2, 3)
        await until(lambda: _has(ledger, counter, [1, 2, 3]))
    assert await ledger.pending() == 0
    sequences = await ledger.rows("SELECT stream_sequence FROM shared.outbox_events ORDER BY id")
    assert sequences == [(1,), (2,), (3,)]


async def _has(ledger: Ledger, counter: UUID, steps: list[int], consumer: str = "probe.recorder") -> bool:
    return await ledger.steps(consumer, counter) == steps


async def test_what_was_rolled_back_never_leaves(runtime: Runtime, ledger: Ledger) -> None:
    async def change() -> None:
        async with runtime.context(SYSTEM) as ctx:
            await ctx.emit(CounterNoted(counter_id=uuid4(), text="never"), version=1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await change()
    assert await ledger.rows("SELECT 1 FROM shared.outbox_events") == []


async def test_rows_that_commit_late_leave_at_once(runtime: Runtime, ledger: Ledger) -> None:
    early, later = uuid4(), uuid4()
    async with running(relay_of(runtime)):
        async with runtime.context(SYSTEM) as ctx:
            await ctx.emit(CounterNoted(counter_id=early, text="older id"), version=1)
            await ctx.session.flush()
            await move(runtime, later, *range(1, 200))
            await until(lambda: _sent(ledger, later, 199))
            await asyncio.sleep(
                1.2
            )  # outlasts a cursor that trails: the row is older than anything that a cursor would still look at
        await until(ledger.relayed, 1)
    ids = await ledger.rows("SELECT aggregate_id FROM shared.outbox_events ORDER BY stream_sequence DESC LIMIT 1")
    assert ids == [(early,)]


async def test_a_signal_between_two_pages_is_not_forgotten(
    runtime: Runtime, ledger: Ledger, database: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.relay.RARE_POLL_SECONDS", 3600)
    monkeypatch.setattr("workers.relay.POLL_SECONDS", 3600)
    monkeypatch.setattr("workers.dispatcher.PAGE", 5)
    monkeypatch.setattr("app.shared.outbox.feed.PER_SHARD", 5)
    counter = uuid4()
    await move(runtime, counter, *range(1, 13))
    pages: list[int] = []

    def write_once(point: str, rows: Sequence[OutboxRow]) -> None:
        if point == "scanned":
            pages.append(len(rows))
            if len(pages) == 1:
                with psycopg.connect(database.superuser) as connection:
                    connection.execute(
                        "INSERT INTO shared.outbox_events (id, kind, name, aggregate_id, shard, version, payload,"
                        " correlation_id) SELECT uuidv7(), kind, name, aggregate_id, shard, 13, payload, 'test'"
                        " FROM shared.outbox_events WHERE version = 12"
                    )
                relay.wake()

    noted = Noted()
    relay = Relay(runtime.settings.database.url, runtime.valkey, lambda pool: (noted,), hook=write_once)
    async with running(relay):
        await until(ledger.relayed, 20)
    assert pages == [5, 5, 2, 1]
    assert noted.order == [(counter, version) for version in range(1, 14)]


async def test_an_open_transaction_delays_nobody_and_costs_a_page_nothing(
    runtime: Runtime, ledger: Ledger, database: DatabaseUrls
) -> None:
    counter = uuid4()
    with psycopg.connect(database.superuser) as idle:
        idle.execute("SELECT pg_current_xact_id()")
        async with running(relay_of(runtime)):
            await move(runtime, counter, *range(1, 50))
            await until(lambda: _sent(ledger, counter, 49))
            async with open_pool(runtime.settings.database.url, "test") as pool:
                assert await News(pool).read() == []
                feed = Feed(pool, OutboxKind.EVENT, range(16))
                assert await feed.read(100) == []
                await move(runtime, counter, 50)
                await until(lambda: _sent(ledger, counter, 50))
                assert await _entries(pool, feed) <= 2


async def _entries(pool: RelayPool, feed: Feed) -> int:
    """How many rows, dead ones included, the feed's next read looks at."""
    assert feed._since is not None
    async with pool.connection() as connection:
        query = (
            "EXPLAIN (ANALYZE, FORMAT JSON, COSTS off, TIMING off) SELECT FROM shared.outbox_events"
            " WHERE published_at IS NULL AND xid >= %(xmax)s::xid8"
        )
        (plan,) = await (await connection.execute(query, {"xmax": feed._since.xmax}, prepare=False)).fetchone()
    text = json.dumps(plan)
    assert "Seq Scan" not in text
    return sum(node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in _nodes(plan[0]["Plan"]))


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from _nodes(inner)


async def _sent(ledger: Ledger, aggregate: UUID, count: int) -> bool:
    query = """SELECT count(*) FROM shared.outbox_events
               WHERE aggregate_id = %(aggregate)s AND published_at IS NOT NULL"""
    return (await ledger.rows(query, aggregate=aggregate))[0][0] == count


async def test_a_failing_row_holds_back_its_aggregate_and_nothing_else(runtime: Runtime, ledger: Ledger) -> None:
    bad, good = UUID(int=16), UUID(int=32)  # the same shard
    noted = Noted(refuse={bad: 1})
    await move(runtime, bad, 1, 2, 3)
    await move(runtime, good, 1, 2, 3)
    relay = Relay(runtime.settings.database.url, runtime.valkey, lambda pool: (noted,))
    async with running(relay):
        await until(lambda: _sent(ledger, good, 3))
        (failed,) = await ledger.rows("SELECT attempts, last_error FROM shared.outbox_events WHERE attempts > 0")
        await until(ledger.relayed)
    assert [version for aggregate, version in noted.order if aggregate == bad] == [1, 2, 3]
    assert noted.order.index((good, 3)) < noted.order.index((bad, 1))
    assert failed[0] == 1
    assert "refused" in str(failed[1])
    assert "ada@acme.example" not in str(failed[1])


async def test_a_vendor_that_is_down_costs_no_attempt(runtime: Runtime, ledger: Ledger) -> None:
    noted = Noted(down_for=3)
    await move(runtime, uuid4(), 1)
    async with running(Relay(runtime.settings.database.url, runtime.valkey, lambda pool: (noted,))):
        await until(ledger.relayed)
    assert await ledger.rows("SELECT attempts FROM shared.outbox_events") == [(0,)]


async def test_a_row_that_always_fails_becomes_a_dead_letter_and_lets_the_next_pass(
    runtime: Runtime, ledger: Ledger, database: DatabaseUrls
) -> None:
    counter = uuid4()
    await move(runtime, counter, 1, 2)
    with psycopg.connect(database.app) as connection:
        connection.execute("UPDATE shared.outbox_events SET attempts = 11 WHERE version = 1")
    noted = Noted(refuse={counter: 1})
    async with running(Relay(runtime.settings.database.url, runtime.valkey, lambda pool: (noted,))):
        await until(ledger.relayed)
    assert noted.order == [(counter, 2)]
    letters = await ledger.rows("SELECT source, name, attempts FROM shared.dead_letters")
    assert letters == [("relay", "berth.v1.probe.counter.moved", 12)]


async def test_order_within_an_aggregate_is_kept_by_many_writers_and_two_relays(
    runtime: Runtime, ledger: Ledger
) -> None:
    counters = [uuid4() for _ in range(12)]
    first, second = relay_of(runtime, lease_seconds=2.0), relay_of(runtime, lease_seconds=2.0)
    async with running(first, second):
        await asyncio.gather(*(move(runtime, counter, *range(1, 31)) for counter in counters))
        await until(ledger.relayed)
        owners = await ledger.rows("SELECT count(DISTINCT owner) FROM shared.outbox_leases")
    for counter in counters:
        query = "SELECT version FROM shared.outbox_events WHERE aggregate_id = %(id)s ORDER BY stream_sequence"
        assert [row[0] for row in await ledger.rows(query, id=counter)] == list(range(1, 31))
    assert owners == [(2,)]


async def test_a_holder_that_was_taken_over_can_mark_nothing(runtime: Runtime, ledger: Ledger) -> None:
    await move(runtime, UUID(int=5), 1)
    async with open_pool(runtime.settings.database.url, "test") as pool:
        old, new = Leases(pool, new_id(), 60), Leases(pool, new_id(), 60)
        await old.tick(1)
        stale = Marks(pool, old, old.tokens())
        rows = await Feed(pool, OutboxKind.EVENT, old.tokens()).read(10)
        await pool_execute(pool, "UPDATE shared.outbox_leases SET expires_at = '-infinity'")
        await new.tick(1)
        await stale.published([(rows[0], 1)])
        await stale.failed(rows[0], "too late")
        assert await ledger.pending() == 1
        rows = await Feed(pool, OutboxKind.EVENT, new.tokens()).read(10)
        assert rows[0].attempts == 0
        await Marks(pool, new, new.tokens()).published([(rows[0], 1)])
    assert await ledger.pending() == 0


async def pool_execute(pool: object, statement: str) -> None:
    async with pool.connection() as connection:  # type: ignore[attr-defined]
        await connection.execute(statement)


async def test_an_expired_lease_sends_no_rows(runtime: Runtime, ledger: Ledger) -> None:
    await move(runtime, uuid4(), 1)
    noted = Noted()
    everything_is_margin = Relay(
        runtime.settings.database.url, runtime.valkey, lambda pool: (noted,), lease_seconds=1.0
    )
    async with running(everything_is_margin):
        await until(lambda: _held(ledger, everything_is_margin))
        await asyncio.sleep(0.3)  # outlasts a poll
    assert noted.order == []
    assert await ledger.pending() == 1


async def _held(ledger: Ledger, relay: Relay) -> bool:
    held = await ledger.rows("SELECT count(*) FROM shared.outbox_leases WHERE owner = %(me)s", me=str(relay.owner))
    return held == [(16,)]


async def test_shards_are_shared_out_and_given_back(runtime: Runtime) -> None:
    async with open_pool(runtime.settings.database.url, "test") as pool:
        first, second = Leases(pool, new_id()), Leases(pool, new_id())
        await first.tick(1)
        assert len(first.tokens()) == 16
        with first.working_on([15]):
            await first.tick(2)
            assert len(first.tokens()) == 8
            await second.tick(2)
            assert len(second.tokens()) == 7  # one is still being worked on
        await first.tick(2)
        await second.tick(2)
        assert len(second.tokens()) == 8
        await second.release_all()
        await first.tick(1)
        assert len(first.tokens()) == 16


async def test_a_row_whose_time_has_not_come_waits_and_holds_back_nobody(runtime: Runtime, ledger: Ledger) -> None:
    counter = uuid4()
    await move(runtime, counter, 1, 2)
    ledger_rows: Sequence[object] = await ledger.rows(
        "UPDATE shared.outbox_events SET due_at = clock_timestamp() + interval '1 hour' WHERE version = 1 RETURNING 1"
    )
    assert ledger_rows
    noted = Noted()
    async with running(Relay(runtime.settings.database.url, runtime.valkey, lambda pool: (noted,))):
        await until(lambda: _sent(ledger, counter, 1))
        await ledger.rows("UPDATE shared.outbox_events SET due_at = clock_timestamp() WHERE version = 1 RETURNING 1")
    assert noted.order == [(counter, 2)]
    async with running(Relay(runtime.settings.database.url, runtime.valkey, lambda pool: (noted,))):
        await until(ledger.relayed)
    assert noted.order == [(counter, 2), (counter, 1)]


async def test_a_row_leaves_when_its_time_comes(runtime: Runtime, ledger: Ledger) -> None:
    counter = uuid4()
    await move(runtime, counter, 1)
    await ledger.rows("UPDATE shared.outbox_events SET due_at = clock_timestamp() + interval '1 second' RETURNING 1")
    async with running(Relay(runtime.settings.database.url, runtime.valkey, lambda pool: (Noted(),))):
        await until(ledger.relayed, 4)
    late = await ledger.rows(
        "SELECT published_at - due_at < interval '200 ms', published_at >= due_at FROM shared.outbox_events"
    )
    assert late == [(True, True)]


async def test_rows_read_under_a_lease_that_ran_out_are_not_sent(runtime: Runtime, ledger: Ledger) -> None:
    await move(runtime, uuid4(), 1)
    noted = Noted()
    expired: list[int] = []

    def expire(point: str, rows: Sequence[OutboxRow]) -> None:
        if point == "scanned" and not expired:
            expired.append(len(noted.order))
            relay._leases._valid_until = 0.0
        elif point == "sent" and len(expired) == 1:
            expired.append(len(noted.order))

    relay = Relay(runtime.settings.database.url, runtime.valkey, lambda pool: (noted,), lease_seconds=2.0, hook=expire)
    scans: list[float] = []
    async with running(relay):
        await until(ledger.relayed)
        scans.append(relay._leases._valid_until)
    assert expired == [0, 1]
    assert scans[0] > 0  # it was sent under a lease that had been renewed
