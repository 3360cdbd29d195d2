"""Runs the durable consumers of all domains: at least once on the wire, exactly once in effect.

The effect and its record in the inbox are one transaction. A failing message comes again with growing delays and holds
back later ones of its aggregate; after eight failures it becomes a dead letter. The database being down is nobody's
failure.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from uuid import NAMESPACE_OID, UUID, uuid5

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from app.shared.authz.actor import SYSTEM
from app.shared.clock import process_now
from app.shared.context import Runtime
from app.shared.db import database_down
from app.shared.events import inbox
from app.shared.events.base import Envelope, Event
from app.shared.events.jetstream import ACK_WAIT, JetStream, Pull
from app.shared.events.wire import (
    REDRIVE_PREFIX,
    Undecodable,
    UnknownEvent,
    aggregate_of,
    parse,
    unwrap,
)
from app.shared.ids import new_id
from app.shared.manifest import ConsumerSpec, Domain
from app.shared.outbox.dead_letters import DeadMessage, add_dead_letter
from app.shared.outbox.report import ConsumerFigures, ConsumersSeen, keep_figures
from app.shared.outbox.row import VendorDown
from app.shared.telemetry.trace import Trace

MAX_FAILURES = 8
MAX_DELIVERIES = 100  # a message that was never answered so often kills its worker: it is buried unseen
HANDLE_SECONDS = 25.0  # less than the broker's patience
LONGEST_DELAY = 60.0
BATCH = 64
AT_ONCE = 8  # transactions of all consumers of this process together; the pool has more
LEASE_SECONDS = 8.0
FETCH_SECONDS = 1.0
FIGURES_EVERY = 10.0  # seconds between two looks at how far behind the consumers are
RETRIED_AT_ONCE = frozenset({"40P01", "40001"})  # deadlock, serialization failure

log = structlog.get_logger("consumers")


class Arrived:
    """One message with what was understood of it."""

    def __init__(self, message: Msg, subject: str, body: bytes, message_id: UUID) -> None:
        self.message = message
        self.subject = subject
        self.body = body
        self.message_id = message_id
        self.envelope: Envelope | None = None
        self.event: Event | None = None
        self.deliveries = message.metadata.num_delivered or 1
        self.position = message.metadata.sequence.stream

    @classmethod
    def read(cls, message: Msg) -> "Arrived":
        """Unwrap and parse. Raises Undecodable or UnknownEvent with the subject as far as it is known."""
        headers = message.headers or {}
        fallback = uuid5(NAMESPACE_OID, f"{message.metadata.stream}:{message.metadata.sequence.stream}")
        arrived = cls(message, message.subject, message.data, _uuid(headers.get("Nats-Msg-Id"), fallback))
        if message.subject.startswith(REDRIVE_PREFIX):
            with contextlib.suppress(Undecodable):
                inner = unwrap(message.data)
                arrived.subject, arrived.body, arrived.message_id = inner.subject, inner.body, inner.message_id
        return arrived


def _uuid(text: str | None, fallback: UUID) -> UUID:
    try:
        return UUID(text) if text else fallback
    except ValueError:
        return fallback


async def deliver(runtime: Runtime, spec: ConsumerSpec, envelope: Envelope, event: Event) -> bool:
    """Give one event to one consumer, in one transaction with its record. False when it had nothing to do."""
    trace = Trace(envelope.correlation_id, str(envelope.id))
    aggregate = aggregate_of(envelope.name)
    for attempt in (1, 2, 3):
        try:
            async with asyncio.timeout(HANDLE_SECONDS), runtime.context(SYSTEM, trace) as ctx:
                wanted = await inbox.record(
                    ctx.session, spec.name, envelope, aggregate, event.aggregate_id, ordered=spec.ordered
                )
                if wanted:
                    await spec.handle(ctx, event, envelope)
            return wanted
        except DBAPIError as error:
            if attempt == 3 or getattr(error.orig, "sqlstate", None) not in RETRIED_AT_ONCE:
                raise
    return False


class Consumer:
    """One durable consumer in this process."""

    def __init__(
        self,
        runtime: Runtime,
        stream: JetStream,
        spec: ConsumerSpec,
        slots: asyncio.Semaphore,
        hook: Callable[[str], None],
    ) -> None:
        self._runtime = runtime
        self._stream = stream
        self.spec = spec
        self._slots = slots
        self._hook = hook
        self._pull: Pull | None = None
        self._epoch = 0
        self._failures: dict[UUID, int] = {}
        self._held: dict[UUID, dict[int, float]] = {}  # aggregate -> position of what was put off: when it comes again

    async def step(self) -> None:
        """Fetch and handle one batch. Raises VendorDown."""
        pull = await self._open()
        try:
            messages = await pull.fetch(BATCH, FETCH_SECONDS)
        except (NatsError, OSError) as error:
            self._pull = None
            raise VendorDown(f"NATS: {type(error).__name__}") from error
        groups: dict[UUID, list[Arrived]] = {}
        for message in messages:
            arrived = Arrived.read(message)
            if await self._understand(arrived) and arrived.event is not None:
                key = arrived.event.aggregate_id if self.spec.ordered else arrived.message_id
                groups.setdefault(key, []).append(arrived)
        await asyncio.gather(*(self._handle_group(key, group) for key, group in groups.items()))

    async def _open(self) -> Pull:
        await self._stream.ready()
        if self._pull is None or self._epoch != self._stream.epoch:
            epoch = self._stream.epoch
            await self.close()
            await self._stream.ensure_stream()
            await self._stream.ensure_consumer(self.spec)
            self._pull, self._epoch = await self._stream.pull(self.spec), epoch
        return self._pull

    async def close(self) -> None:
        """Stop asking for messages."""
        if self._pull is not None:
            await self._pull.close()
            self._pull = None

    async def _understand(self, arrived: Arrived) -> bool:
        try:
            if arrived.deliveries >= MAX_DELIVERIES:
                raise Undecodable("delivered too often without an answer")
            arrived.envelope, arrived.event = parse(arrived.subject, arrived.body)
            return True
        except UnknownEvent as error:  # a newer process of the fleet may know it
            if arrived.deliveries < MAX_FAILURES * 5 and not arrived.subject.startswith(REDRIVE_PREFIX):
                await _answer(arrived.message.nak(delay=5))
            else:
                await self._give_up(arrived, f"unknown event {error}")
        except Undecodable as error:
            await self._give_up(arrived, str(error))
        return False

    async def _handle_group(self, key: UUID, group: Sequence[Arrived]) -> None:
        """In the order of the stream, whatever order the broker gives put-off messages back in."""
        async with self._slots:
            for arrived in sorted(group, key=lambda one: one.position):
                if self.spec.ordered and (until := self._held_until(key, arrived.position)) is not None:
                    await self._put_off(key, arrived, max(0.0, until - time.monotonic()) + 0.2)
                else:
                    await self._handle(key, arrived)

    def _held_until(self, key: UUID, position: int) -> float | None:
        """When the first of the put-off messages before `position` comes again; None when there is none."""
        held = self._held.get(key, {})
        for gone in [at for at, due in held.items() if due + 2 * ACK_WAIT < time.monotonic()]:
            del held[gone]  # it went to another worker meanwhile
        return min(((at, due) for at, due in held.items() if at < position), default=(0, None))[1]

    async def _put_off(self, key: UUID, arrived: Arrived, delay: float) -> None:
        self._held.setdefault(key, {})[arrived.position] = time.monotonic() + delay
        await _answer(arrived.message.nak(delay=delay))

    async def _handle(self, key: UUID, arrived: Arrived) -> None:
        assert arrived.envelope is not None and arrived.event is not None  # noqa: S101 - parsed in step()
        try:
            await deliver(self._runtime, self.spec, arrived.envelope, arrived.event)
        except Exception as error:
            await self._failed(key, arrived, error)
            return
        self._forget(key, arrived)
        self._hook("committed")
        await _answer(arrived.message.ack_sync(timeout=2))

    async def _failed(self, key: UUID, arrived: Arrived, error: Exception) -> None:
        if database_down(error):
            log.warning("a consumer waits for the database", consumer=self.spec.name, error=str(error))
            delay = 1.0
        else:
            failures = self._failures.get(arrived.message_id, 0) + 1
            self._failures[arrived.message_id] = failures
            log.warning(
                "a consumer failed", consumer=self.spec.name, subject=arrived.subject, failures=failures, exc_info=error
            )
            if failures >= MAX_FAILURES:
                if await self._give_up(arrived, f"{type(error).__name__}: {error}", failures):
                    self._forget(key, arrived)
                return
            delay = min(LONGEST_DELAY, 0.25 * 2**failures)
        await self._put_off(key, arrived, delay)

    def _forget(self, key: UUID, arrived: Arrived) -> None:
        self._failures.pop(arrived.message_id, None)
        held = self._held.get(key, {})
        held.pop(arrived.position, None)
        if not held:
            self._held.pop(key, None)

    async def _give_up(self, arrived: Arrived, reason: str, failures: int = 1) -> bool:
        """Keep the message as a dead letter and end it at the broker. False when the database did not take it."""
        dead = DeadMessage(
            consumer=self.spec.name,
            subject=arrived.subject,
            message_id=arrived.message_id,
            body=arrived.body,
            error=reason,
            attempts=failures,
            correlation_id=arrived.envelope.correlation_id if arrived.envelope else None,
        )
        try:
            async with self._runtime.context(SYSTEM) as ctx:
                await add_dead_letter(ctx.session, dead)
        except (DBAPIError, PoolExhausted, OSError):
            await _answer(arrived.message.nak(delay=2))
            return False
        log.error("a message became a dead letter", consumer=self.spec.name, subject=arrived.subject, reason=reason)
        await _answer(arrived.message.term())
        return True


async def _answer(sending: Awaitable[object]) -> None:
    """Tell the broker; when it does not hear us the message simply comes again and the inbox knows it."""
    with contextlib.suppress(NatsError, OSError, TimeoutError):
        await sending


class Consumers:
    """All consumers of the registry in one process. `run()` until `stop()`."""

    def __init__(
        self, runtime: Runtime, domains: Iterable[Domain], hook: Callable[[str], None] = lambda point: None
    ) -> None:
        self._runtime = runtime
        self._owner = str(new_id())
        self._stream = JetStream(runtime.settings.nats_url, "berth-consumers")
        slots = asyncio.Semaphore(AT_ONCE)
        self._consumers = [
            Consumer(runtime, self._stream, spec, slots, hook) for domain in domains for spec in domain.consumers
        ]
        self._ours: set[str] = set()
        self._ours_until = 0.0
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Ask `run()` to finish what is in hand and return (within about a second)."""
        self._stopping.set()

    async def run(self) -> None:
        """Consume until stopped."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_leases())
                tasks.create_task(self._keep_figures())
                for consumer in self._consumers:
                    tasks.create_task(self._loop(consumer))
        finally:
            with contextlib.suppress(DBAPIError, PoolExhausted, OSError):
                async with self._runtime.database.unit_of_work() as unit:
                    await inbox.release_consumers(unit.session, self._owner)
            await self._stream.close()

    async def _loop(self, consumer: Consumer) -> None:
        while not self._stopping.is_set():
            if consumer.spec.ordered and not self._holds(consumer.spec.name):
                await consumer.close()
                await self._pause(0.2)
                continue
            try:
                await consumer.step()
            except VendorDown as error:
                log.warning("a consumer waits for a vendor", consumer=consumer.spec.name, error=str(error))
                await self._pause(0.5)
        await consumer.close()

    def _holds(self, name: str) -> bool:
        return name in self._ours and time.monotonic() < self._ours_until

    async def _keep_leases(self) -> None:
        names = [consumer.spec.name for consumer in self._consumers if consumer.spec.ordered]
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                async with self._runtime.database.unit_of_work() as unit:
                    self._ours = await inbox.claim_consumers(unit.session, self._owner, names, LEASE_SECONDS)
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
