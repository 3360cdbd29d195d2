"""How fast what was committed leaves: drain (B1), commit to consumer (B2), cost to the writer (B3), idle writer (B4).

Ours and a lean reference run in turns on one throw-away PostgreSQL and NATS, median of three. The reference is what one
would write in an afternoon: read a thousand rows by id, publish them, await the acks, mark them; it keeps no order
within an aggregate, fences nothing, loses rows that commit late and knows no failure. `python -m bench.relay [ROW …]`.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from uuid import UUID

import psycopg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from psycopg.types.json import Jsonb
from redis.asyncio import Redis

from app.shared.events.jetstream import STREAM, JetStream
from app.shared.events.publisher import EventSender
from app.shared.ids import new_id
from app.shared.outbox.marks import rewind
from app.shared.outbox.row import OutboxRow
from app.shared.rdb import WAKE_CHANNEL, connect
from devstack.services.nats import throwaway_nats
from devstack.services.postgres import throwaway_cluster
from devstack.services.valkey import throwaway_valkey
from tests.fixtures.postgres import DatabaseUrls, TestCluster
from workers.relay import Relay

ROUNDS = 3
ROWS = 20_000
AGGREGATES = 2_000
SUBJECT = "berth.v1.bench.counter.moved"
TABLES = """
    CREATE TABLE public.lean (id uuid PRIMARY KEY, subject text NOT NULL, payload text NOT NULL,
                              published_at timestamptz);
    CREATE INDEX lean_pending ON public.lean (id) WHERE published_at IS NULL;
    CREATE TABLE public.accounts (id int PRIMARY KEY, balance bigint NOT NULL);
    INSERT INTO public.accounts SELECT n, 0 FROM generate_series(0, 1999) n;
    CREATE TABLE public.entries (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account_id int, amount bigint);
    CREATE FUNCTION public.debit(account int, amount bigint) RETURNS void LANGUAGE sql AS $$
        UPDATE public.accounts SET balance = balance - amount WHERE id = account;
        INSERT INTO public.entries (account_id, amount) VALUES (account, amount);
    $$;
    CREATE FUNCTION public.debit_and_tell(account int, amount bigint) RETURNS void LANGUAGE sql AS $$
        SELECT public.debit(account, amount);
        INSERT INTO shared.outbox_events (id, kind, name, aggregate_id, shard, version, payload, correlation_id)
        SELECT uuidv7(), 'event', 'berth.v1.bench.counter.moved', uuidv7(), account % 16, 1,
               '{"counter_id": "00000000-0000-0000-0000-000000000001", "amount": 12345, "note": "bench"}', 'bench';
    $$;
    GRANT ALL ON ALL TABLES IN SCHEMA public TO berth_app;
"""
FILL = """
    INSERT INTO shared.outbox_events (id, kind, name, aggregate_id, shard, version, payload, tenant_id, project_id,
                                      correlation_id)
    SELECT uuidv7(), 'event', 'berth.v1.bench.counter.moved', a.id, ('x' || right(a.id::text, 1))::bit(4)::int, n,
           jsonb_build_object('counter_id', a.id, 'amount', n, 'note', repeat('x', 150)), uuidv7(), uuidv7(), 'bench'
    FROM generate_series(1, %(rows)s) n
    JOIN (SELECT row_number() OVER () AS k, uuidv7() AS id FROM generate_series(1, %(aggregates)s)) a
      ON a.k = 1 + n %% %(aggregates)s
"""
FILL_LEAN = """
    INSERT INTO public.lean (id, subject, payload)
    SELECT uuidv7(), 'berth.v1.bench.counter.moved', jsonb_build_object('envelope', jsonb_build_object(
        'id', uuidv7(), 'name', 'berth.v1.bench.counter.moved', 'version', n, 'correlation_id', 'bench', 'tenant_id',
        uuidv7(), 'project_id', uuidv7()), 'data', jsonb_build_object('counter_id', uuidv7(), 'amount', n, 'note',
        repeat('x', 150)))::text
    FROM generate_series(1, %(rows)s) n
"""
WRITES = {
    "ours": """
        INSERT INTO shared.outbox_events (id, kind, name, aggregate_id, shard, version, payload, correlation_id)
        VALUES (%(id)s, 'event', 'berth.v1.bench.counter.moved', %(aggregate)s, %(shard)s, 1, %(payload)s, 'bench')
    """,
    "lean": """
        INSERT INTO public.lean (id, subject, payload)
        VALUES (%(id)s, 'berth.v1.bench.counter.moved', %(payload)s::jsonb::text)
    """,
}
Figures = dict[str, float]


class World:
    """Where everything is, and a relay of ours that counts what it marks."""

    def __init__(self, urls: DatabaseUrls, nats: str, valkey: str) -> None:
        self.urls, self.nats, self.valkey_url = urls, nats, valkey
        self.marked = 0
        self.goal = 0
        self.reached = asyncio.Event()

    def _count(self, point: str, rows: Sequence[OutboxRow]) -> None:
        if point == "marked":
            self.marked += len(rows)
            if self.marked >= self.goal:
                self.reached.set()

    @asynccontextmanager
    async def relay(self) -> AsyncIterator[None]:
        valkey: Redis = connect(self.valkey_url)

        def senders(pool: object) -> tuple[EventSender]:
            stream = JetStream(self.nats, "bench-relay")
            return (EventSender(stream, lambda last, seconds: rewind(pool, last, seconds)),)  # type: ignore[arg-type]

        relay = Relay(self.urls.app, valkey, senders, hook=self._count)
        task = asyncio.create_task(relay.run())
        try:
            yield
        finally:
            relay.stop()
            await task
            await valkey.aclose()

    async def wait_for(self, rows: int) -> None:
        self.marked, self.goal = 0, rows
        self.reached.clear()
        await asyncio.wait_for(self.reached.wait(), 120)


def execute(url: str, *statements: str, **values: object) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode(), values or None)


def execute_all(url: str, script: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(script.encode())


async def timed(work: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Seconds, and CPU seconds of this process."""
    begun, cpu = time.perf_counter(), time.process_time()
    await work()
    return time.perf_counter() - begun, time.process_time() - cpu


QUERY = "SELECT id, subject, payload FROM public.lean WHERE published_at IS NULL ORDER BY id LIMIT 1000"
MARK = "UPDATE public.lean SET published_at = clock_timestamp() WHERE id = ANY(%s)"


class Lean:
    """The reference."""

    def __init__(
        self, connection: "psycopg.AsyncConnection[tuple[UUID, str, str]]", publisher: JetStreamContext
    ) -> None:
        self._connection = connection
        self._publisher = publisher

    @classmethod
    @asynccontextmanager
    async def open(cls, world: World) -> "AsyncIterator[Lean]":
        stream = JetStream(world.nats, "bench-lean")
        client = await stream.ready()
        await stream.ensure_stream()
        publisher = client.jetstream(publish_async_max_pending=4_000)
        options = "-c synchronous_commit=off"
        async with await psycopg.AsyncConnection.connect(
            world.urls.app, autocommit=True, options=options
        ) as connection:
            yield cls(connection, publisher)
        await stream.close()

    async def drain(self) -> None:
        """Until nothing is left."""
        while rows := await (await self._connection.execute(QUERY)).fetchall():
            acks = [
                await self._publisher.publish_async(subject, payload.encode(), headers={"Nats-Msg-Id": str(row_id)})
                for row_id, subject, payload in rows
            ]
            await asyncio.gather(*acks)
            await self._connection.execute(MARK, ([row[0] for row in rows],))

    async def follow(self, valkey_url: str) -> None:
        """Drain at each signal."""
        valkey = connect(valkey_url)
        async with valkey.pubsub(ignore_subscribe_messages=True) as signals:
            await signals.subscribe(WAKE_CHANNEL)
            while True:
                if await signals.get_message(timeout=1.0) is not None:
                    await self.drain()


@asynccontextmanager
async def following(world: World) -> AsyncIterator[None]:
    """The reference, woken by the same signal as ours."""
    async with Lean.open(world) as lean:
        task = asyncio.create_task(lean.follow(world.valkey_url))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def drain(world: World) -> Figures:
    """B1."""
    ours, lean = [], []
    for _ in range(ROUNDS):
        execute(world.urls.superuser, FILL_LEAN, rows=ROWS)
        execute_all(world.urls.superuser, "VACUUM ANALYZE public.lean")
        async with Lean.open(world) as reference:
            lean.append(await timed(reference.drain))
        async with world.relay():  # up, with its leases, before there is work
            await asyncio.sleep(1)
            execute(world.urls.superuser, FILL, rows=ROWS, aggregates=AGGREGATES)
            ours.append(await timed(lambda: world.wait_for(ROWS)))
        execute_all(world.urls.superuser, "VACUUM ANALYZE shared.outbox_events")
    seconds, floor = statistics.median(row[0] for row in ours), statistics.median(row[0] for row in lean)
    return {
        "B1 rows/s": ROWS / seconds,
        "B1 lean rows/s": ROWS / floor,
        "B1 ratio (target 0.8)": statistics.median(a[0] / b[0] for a, b in zip(lean, ours, strict=True)),
        "B1 CPU-us/row": statistics.median(row[1] for row in ours) / ROWS * 1e6,
        "B1 lean CPU-us/row": statistics.median(row[1] for row in lean) / ROWS * 1e6,
    }


async def write(url: str, valkey_url: str, statement: str, per_second: float, seconds: float) -> None:
    """A process of its own: commits one row at a time, and prints when each was committed."""
    valkey = connect(valkey_url)
    async with await psycopg.AsyncConnection.connect(url) as connection:
        begun = time.monotonic()
        for number in range(int(per_second * seconds)):
            await asyncio.sleep(max(0.0, begun + number / per_second - time.monotonic()))
            row_id, aggregate = new_id(), new_id()
            values = {"id": row_id, "aggregate": aggregate, "shard": aggregate.int % 16, "payload": Jsonb({})}
            await connection.execute(WRITES[statement].encode(), values)
            await connection.commit()
            print(row_id, time.monotonic())
            await valkey.publish(WAKE_CHANNEL, b"1")
    await valkey.aclose()


async def arrivals(world: World, statement: str, per_second: float, seconds: float) -> list[float]:
    """Milliseconds from the end of a commit to its arrival at a consumer of the stream."""
    came: dict[UUID, float] = {}
    stream = JetStream(world.nats, "bench-consumer")
    client = await stream.ready()
    await stream.ensure_stream()
    inbox = client.new_inbox()

    async def take(message: object) -> None:
        came[UUID(message.headers["Nats-Msg-Id"])] = time.monotonic()  # type: ignore[attr-defined]

    await client.subscribe(inbox, cb=take)
    config = ConsumerConfig(deliver_subject=inbox, ack_policy=AckPolicy.NONE, deliver_policy=DeliverPolicy.NEW)
    await client.jsm().add_consumer(STREAM, config)
    command = [sys.executable, "-m", "bench.relay", "--write", world.urls.app, world.valkey_url, statement]
    child = await asyncio.create_subprocess_exec(*command, str(per_second), str(seconds), stdout=subprocess.PIPE)
    output, _ = await child.communicate()
    committed = {UUID(line.split()[0]): float(line.split()[1]) for line in output.decode().splitlines()}
    until = time.monotonic() + 30
    while not committed.keys() <= came.keys() and time.monotonic() < until:  # noqa: ASYNC110 - they come one by one
        await asyncio.sleep(0.05)
    await stream.close()
    return [max(0.0, came[row_id] - at) * 1000 for row_id, at in list(committed.items())[int(per_second / 2) :]]


async def latency(world: World) -> Figures:
    """B2. Ours and the reference in turns; of each the best of three, because a busy machine delays both."""
    figures: Figures = {}
    for per_second, seconds in ((50, 8), (2_000, 3)):
        found: dict[str, list[list[float]]] = {"ours": [], "lean": []}
        for _ in range(ROUNDS):
            async with world.relay():
                await asyncio.sleep(1)
                found["ours"].append(sorted(await arrivals(world, "ours", per_second, seconds)))
            async with following(world):
                found["lean"].append(sorted(await arrivals(world, "lean", per_second, seconds)))
        for name, rounds in found.items():
            for percent in (50, 99):
                best = min(times[len(times) * percent // 100] for times in rounds)
                figures[f"B2 {name} at {per_second}/s p{percent} ms"] = best
    return figures


async def writers(url: str, function: str, seconds: float) -> float:
    """Transactions a second of 32 clients."""
    counts = [0] * 32

    async def client(number: int) -> None:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                account = (number * 61 + counts[number] * 7) % 2000
                await connection.execute(f"SELECT public.{function}(%s, 5)".encode(), (account,))
                counts[number] += 1

    await asyncio.gather(*(client(number) for number in range(32)))
    return sum(counts) / seconds


async def cost(world: World) -> Figures:
    """B3."""
    bare, told = [], []
    for _ in range(ROUNDS):
        bare.append(await writers(world.urls.app, "debit", 2))
        told.append(await writers(world.urls.app, "debit_and_tell", 2))
    execute_all(world.urls.superuser, "TRUNCATE shared.outbox_events")
    return {
        "B3 tps without": statistics.median(bare),
        "B3 tps with": statistics.median(told),
        "B3 ratio (target 0.85)": statistics.median(b / a for a, b in zip(bare, told, strict=True)),
    }


async def idle_writer(world: World, seconds: float) -> Figures:
    """B4: a transaction that wrote stays open while rows are written and drained all the time."""
    rates: list[list[float]] = [[], []]
    async with world.relay():
        await asyncio.sleep(1)
        for held in (False, True):
            with psycopg.connect(world.urls.superuser) as idle:
                if held:
                    idle.execute("SELECT pg_current_xact_id()")
                until = time.monotonic() + (seconds if held else seconds / 3)
                while time.monotonic() < until:
                    execute(world.urls.superuser, FILL, rows=5_000, aggregates=500)
                    took, _ = await timed(lambda: world.wait_for(5_000))
                    rates[held].append(5_000 / took)
    quiet, last = statistics.median(rates[0]), statistics.median(rates[1][-5:])
    return {"B4 rows/s": quiet, "B4 rows/s at the end": last, "B4 ratio (target 0.95)": last / quiet}


async def measure(urls: DatabaseUrls, nats: str, valkey: str, wanted: Sequence[str], held: float) -> Figures:
    world = World(urls, nats, valkey)
    figures: Figures = {}
    parts = {"B1": drain, "B2": latency, "B3": cost, "B4": partial(idle_writer, seconds=held)}
    for name in wanted:
        figures |= await parts[name](world)
    return figures


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser("bench.relay")
    parser.add_argument("rows", nargs="*", default=["B1", "B2", "B3", "B4"])
    parser.add_argument("--held", type=float, default=60, help="seconds that B4's transaction stays open")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", nargs=5, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.write:
        url, valkey, statement, per_second, seconds = asked.write
        asyncio.run(write(url, valkey, statement, float(per_second), float(seconds)))
        return
    with throwaway_cluster() as server, throwaway_nats() as nats, throwaway_valkey() as valkey:
        with TestCluster(server).clone("bench") as urls:
            execute_all(urls.superuser, TABLES)
            figures = asyncio.run(measure(urls, nats.url, valkey.url, asked.rows, asked.held))
    print(
        json.dumps(figures) if asked.json else "\n".join(f"{name:28} {value:,.2f}" for name, value in figures.items())
    )


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
