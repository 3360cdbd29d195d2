"""Runs the durable consumers of all domains: at least once on the wire, exactly once in effect.

The effect and its record in the inbox are one transaction. A failing message comes again with growing delays and, of an
ordered consumer, holds back later ones of its aggregate: the database knows that it waits, whoever holds the consumer.
After eight failures it becomes a dead letter. The database being down is nobody's failure.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from functools import partial

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from app.shared.clock import process_now
from app.shared.context import Runtime
from app.shared.events import inbox
from app.shared.events.jetstream import ACK_WAIT, JetStream
from app.shared.ids import new_id
from app.shared.manifest import Domain
from app.shared.outbox.report import ConsumerFigures, ConsumersSeen, keep_figures
from app.shared.outbox.row import VendorDown
from workers.consumer import Consumer

NEVER = float("inf")
AT_ONCE = 8  # transactions of all consumers of this process together; the pool has more
LEASE_SECONDS = 8.0
FIGURES_EVERY = 10.0  # seconds between two looks at how far behind the consumers are

log = structlog.get_logger("consumers")


class Consumers:
    """All consumers of the registry in one process. `run()` until `stop()`."""

    def __init__(
        self, runtime: Runtime, domains: Iterable[Domain], hook: Callable[[str], None] = lambda point: None
    ) -> None:
        self._runtime = runtime
        self._owner = str(new_id())
        self._stream = JetStream(runtime.settings.nats_url, "berth-consumers")
        self._stopping = asyncio.Event()
        slots = asyncio.Semaphore(AT_ONCE)
        self._consumers = [
            Consumer(runtime, self._stream, spec, slots, hook, self._stopping)
            for domain in domains
            for spec in domain.consumers
        ]
        self._ours: dict[str, float] = {}  # ordered consumer that we hold -> when we may begin
        self._ours_until = 0.0

    def stop(self) -> None:
        """Ask `run()` to finish what is in hand and return (within about a second)."""
        self._stopping.set()

    async def run(self) -> None:
        """Consume until stopped. What is left unanswered comes again after `ACK_WAIT`; whoever finds our leases run out
        instead of given back waits for it."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_leases())
                tasks.create_task(self._keep_figures())
                for consumer in self._consumers:
                    tasks.create_task(self._loop(consumer))
            if not any(consumer.left_unanswered for consumer in self._consumers):
                with contextlib.suppress(DBAPIError, PoolExhausted, OSError):
                    async with self._runtime.database.unit_of_work() as unit:
                        await inbox.release_consumers(unit.session, self._owner)
        finally:
            for consumer in self._consumers:
                consumer.abandon()
            await self._stream.close()

    async def _loop(self, consumer: Consumer) -> None:
        if consumer.spec.ordered:
            consumer.holds = partial(self._holds, consumer.spec.name)
        stopped = asyncio.create_task(self._stopping.wait())
        while not self._stopping.is_set():
            if not consumer.holds():
                await consumer.close()
                await self._pause(0.2)
                continue
            try:
                await consumer.step(stopped)
            except VendorDown as error:
                log.warning("a consumer waits for a vendor", consumer=consumer.spec.name, error=str(error))
                await self._pause(0.5)
        await consumer.close()

    def _holds(self, name: str) -> bool:
        now = time.monotonic()
        return now < self._ours_until and now >= self._ours.get(name, NEVER)

    async def _keep_leases(self) -> None:
        names = [consumer.spec.name for consumer in self._consumers if consumer.spec.ordered]
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                async with self._runtime.database.unit_of_work() as unit:
                    held = await inbox.claim_consumers(unit.session, self._owner, names, LEASE_SECONDS)
                self._ours = {
                    name: started + ACK_WAIT if taken_over else self._ours.get(name, started)
                    for name, taken_over in held.items()
                }
                self._ours_until = started + LEASE_SECONDS - 1
            except (DBAPIError, PoolExhausted, OSError) as error:
                log.warning("consumer leases were not renewed", error=str(error))
            await self._pause(LEASE_SECONDS / 4)

    async def _keep_figures(self) -> None:
        """Say every few seconds how far behind the consumers are: the web process does not speak to the broker."""
        while not self._stopping.is_set():
            await self._pause(FIGURES_EVERY)
            try:
                found = [
                    (consumer.spec.name, await self._stream.figures(consumer.spec)) for consumer in self._consumers
                ]
                figures = tuple(
                    ConsumerFigures(name=name, pending=pending, unanswered=unanswered, redelivered=again)
                    for name, (pending, unanswered, again) in found
                )
                await keep_figures(self._runtime.valkey, ConsumersSeen(at=process_now(), consumers=figures))
            except (VendorDown, RedisError, OSError) as error:
                log.debug("the consumers were not counted", error=str(error))

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
