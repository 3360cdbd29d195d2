"""B1-B3: the outbox drained to JetStream, from commit to consumer, and what writing an event costs a transaction."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from uuid import uuid4

import psycopg
from sqlalchemy import text

from app.shared.authz.actor import SYSTEM
from app.shared.context import Context, Runtime
from app.shared.events import Envelope, Event
from app.shared.events.jetstream import JetStream
from app.shared.manifest import ConsumerSpec, Domain
from bench.figure import Figure, interleaved, quantile, rate
from devstack.services.nats import throwaway_nats
from devstack.services.valkey import throwaway_valkey
from tests.fixtures.postgres import DatabaseUrls, copied_cluster
from tests.fixtures.relay import (
    CounterMoved,
    CounterNoted,
    event_senders,
    message,
    probe_runtime,
    probe_settings,
    running,
    until,
)
from workers.consumers import Consumers
from workers.relay import Relay

ROWS, COUNTERS, PACE, SAMPLES, CLIENTS = 8_000, 400, 50, 250, 16
WRITE = """
    CREATE TABLE public.written (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int);
    GRANT ALL ON public.written TO berth_app
"""


async def measure() -> list[Figure]:
    async with _services() as (runtime, urls, nats):
        ours, lean = await interleaved(partial(_drain, runtime, urls, nats), partial(_lean, nats))
        waits = await _commit_to_consumer(runtime, urls, nats)
        with_event, without = await interleaved(
            partial(rate, partial(_write, runtime, True), CLIENTS, 3.0),
            partial(rate, partial(_write, runtime, False), CLIENTS, 3.0),
        )
    return [
        Figure(row="B1", what=f"drain of {ROWS:,} rows to JetStream, acknowledged", ours=ours, unit="1/s",
               reference=lean, reference_name="lean publisher, 256 in flight", target=">= 0.8x", limit=0.8, less=False),
        Figure(row="B2", what="commit to consumer at 50/s, p50", ours=quantile(waits, 0.5), unit="ms",
               target="<= 3 ms", limit=3),
        Figure(row="B2", what="commit to consumer at 50/s, p99", ours=quantile(waits, 0.99), unit="ms",
               target="<= 15 ms", limit=15),
        Figure(row="B3", what="transactions with an event, 16 clients", ours=with_event, unit="1/s",
               reference=without, reference_name="without", target=">= 0.85x", limit=0.85, less=False),
    ]  # fmt: skip


@asynccontextmanager
async def _services() -> AsyncIterator[tuple[Runtime, DatabaseUrls, str]]:
    with copied_cluster() as cluster, cluster.clone("bench") as urls, throwaway_valkey() as valkey:
        with throwaway_nats() as nats, psycopg.connect(urls.superuser) as connection:
            connection.execute(WRITE)
            connection.commit()
            async with probe_runtime(probe_settings(urls.app, valkey.url, nats.url)) as runtime:
                yield runtime, urls, nats.url


async def _drain(runtime: Runtime, urls: DatabaseUrls, nats: str) -> float:
    """Rows a second, from the start of the relay to the last row marked."""
    counters = [uuid4() for _ in range(COUNTERS)]
    for step in range(1, ROWS // COUNTERS + 1):
        async with runtime.context(SYSTEM) as ctx:
            for counter in counters:
                await ctx.emit(CounterNoted(counter_id=counter, text="moved"), version=step)
    relay = Relay(urls.app, runtime.valkey, event_senders(nats))
    async with await psycopg.AsyncConnection.connect(urls.superuser, autocommit=True) as looking:

        async def drained() -> bool:
            left = "SELECT NOT EXISTS (SELECT FROM shared.outbox_events WHERE published_at IS NULL)"
            return bool((await (await looking.execute(left)).fetchone() or (False,))[0])

        began = time.perf_counter()
        async with running(relay):
            await until(drained, 120)
            return ROWS / (time.perf_counter() - began)


async def _lean(nats: str) -> float:
    """The same messages published with 256 unacknowledged at a time; no database."""
    stream = JetStream(nats, "bench-lean")
    client = await stream.ready()
    await stream.ensure_stream()
    context, room = client.jetstream(), asyncio.Semaphore(256)
    body, subject = message(uuid4(), 1), CounterNoted.SUBJECT

    async def publish() -> None:
        async with room:
            await context.publish(subject, body)

    try:
        began = time.perf_counter()
        await asyncio.gather(*(publish() for _ in range(ROWS)))
        return ROWS / (time.perf_counter() - began)
    finally:
        await stream.close()


async def _commit_to_consumer(runtime: Runtime, urls: DatabaseUrls, nats: str) -> list[float]:
    """Milliseconds from the end of the committing block to the consumer's handler, sorted."""
    committed: dict[int, float] = {}
    waits: list[float] = []
    counter = uuid4()

    async def handle(_ctx: Context, fact: Event, _envelope: Envelope) -> None:
        if isinstance(fact, CounterMoved) and fact.counter_id == counter:
            waits.append((time.perf_counter() - committed.get(fact.to, time.perf_counter())) * 1000)

    async def awake() -> bool:
        return bool(waits)

    spec = ConsumerSpec(name="bench.waits", events=(CounterMoved,), handle=handle, ordered=False)
    consumers = Consumers(runtime, [Domain(name="bench", consumers=(spec,))])
    relay = Relay(urls.app, runtime.valkey, event_senders(nats))
    async with running(relay, consumers):
        async with runtime.context(SYSTEM) as ctx:
            await ctx.emit(CounterMoved(counter_id=counter, to=0), version=1)
        await until(awake, 60)
        waits.clear()
        for step in range(1, SAMPLES + 1):
            async with runtime.context(SYSTEM) as ctx:
                await ctx.emit(CounterMoved(counter_id=counter, to=step), version=step + 1)
            committed[step] = time.perf_counter()
            await asyncio.sleep(1 / PACE)

        async def all_there() -> bool:
            return len(waits) >= SAMPLES

        await until(all_there, 60)
    return sorted(waits[SAMPLES // 10 :])


async def _write(runtime: Runtime, with_event: bool, client: int) -> None:
    async with runtime.context(SYSTEM) as ctx:
        await ctx.session.execute(text("INSERT INTO public.written (n) VALUES (:n)"), {"n": client})
        if with_event:
            await ctx.emit(CounterNoted(counter_id=uuid4(), text="written"), version=1)
