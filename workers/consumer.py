"""One durable consumer in this process: fetches, handles in order, and keeps what failed in the inbox."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from uuid import NAMESPACE_OID, UUID, uuid5

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from app.shared.authz.actor import SYSTEM
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
from app.shared.manifest import ConsumerSpec
from app.shared.outbox.dead_letters import DeadMessage, add_dead_letter
from app.shared.outbox.row import VendorDown
from app.shared.outbox.tracing import receiving
from app.shared.telemetry.trace import Trace

MAX_FAILURES = 8
MAX_DELIVERIES = 100  # a message that was never answered so often kills its worker: it becomes a dead letter unseen
HANDLE_SECONDS = 25.0  # less than `ACK_WAIT`
FIRST_DELAY = 0.5  # seconds before a message that failed is tried again, doubled with each failure
LONGEST_DELAY = 60.0
LOST_AFTER = LONGEST_DELAY + 2 * ACK_WAIT
BATCH = 64
FETCH_SECONDS = 5.0
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


async def deliver(
    runtime: Runtime, spec: ConsumerSpec, envelope: Envelope, event: Event, lost_after: float | None = None
) -> inbox.Verdict:
    """Give one event to one consumer, in one transaction with its record."""
    trace = Trace(envelope.correlation_id, str(envelope.id))
    aggregate = aggregate_of(envelope.name)
    for attempt in (1, 2, 3):
        try:
            with receiving(f"process {spec.name}", trace, envelope.id):
                async with asyncio.timeout(HANDLE_SECONDS), runtime.context(SYSTEM, trace) as ctx:
                    verdict = await inbox.record(
                        ctx.session,
                        spec.name,
                        envelope,
                        aggregate,
                        event.aggregate_id,
                        ordered=spec.ordered,
                        lost_after=lost_after,
                    )
                    if verdict.wanted:
                        await spec.handle(ctx, event, envelope)
            return verdict
        except DBAPIError as error:
            if attempt == 3 or getattr(error.orig, "sqlstate", None) not in RETRIED_AT_ONCE:
                raise
    raise AssertionError("the last attempt returns or raises")


class Consumer:
    """One durable consumer in this process. Messages of one aggregate are handled one after the other (of an unordered
    consumer: each by itself), while others are fetched."""

    def __init__(
        self,
        runtime: Runtime,
        stream: JetStream,
        spec: ConsumerSpec,
        slots: asyncio.Semaphore,
        hook: Callable[[str], None],
        stopping: asyncio.Event,
    ) -> None:
        self._runtime = runtime
        self._stream = stream
        self.spec = spec
        self._slots = slots
        self._hook = hook
        self._stopping = stopping
        self._pull: Pull | None = None
        self._epoch = 0
        self._began = 0.0
        self._queues: dict[UUID, list[Arrived]] = {}  # those that a task works on
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_hand = 0
        self._crash: BaseException | None = None
        self._room = asyncio.Event()
        self.holds: Callable[[], bool] = lambda: True
        self.left_unanswered = False  # a message in hand was neither handled nor handed back

    async def step(self, stopped: "asyncio.Task[object]") -> None:
        """Fetch a batch, unless `stopped` ends first, and begin to handle it. Raises VendorDown."""
        if self._crash is not None:
            raise self._crash
        for message in await self._fetch(await self._open(), stopped):
            arrived = Arrived.read(message)
            if await self._understand(arrived) and arrived.event is not None:
                self._begin(arrived.event.aggregate_id if self.spec.ordered else arrived.message_id, arrived)
        while self._in_hand >= BATCH:
            self._room.clear()
            await self._room.wait()

    async def _fetch(self, pull: Pull, stopped: "asyncio.Task[object]") -> list[Msg]:
        fetch = asyncio.ensure_future(pull.fetch(BATCH - self._in_hand, FETCH_SECONDS))
        try:
            await asyncio.wait({fetch, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            fetch.cancel()
        try:
            return await fetch
        except asyncio.CancelledError:
            if not stopped.done():
                raise
            return []
        except (NatsError, OSError) as error:
            self._pull = None
            raise VendorDown(f"NATS: {type(error).__name__}") from error

    def _begin(self, key: UUID, arrived: Arrived) -> None:
        self._in_hand += 1
        queue = self._queues.setdefault(key, [])
        queue.append(arrived)
        queue.sort(key=lambda one: one.position)  # whatever order the broker gives deferred messages back in
        if len(queue) == 1:
            task = asyncio.create_task(self._work(key, queue))
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    async def _work(self, key: UUID, queue: list[Arrived]) -> None:
        while queue:
            async with self._slots:
                arrived = queue[0]
                await self._handle(arrived)
            queue.remove(arrived)
            self._in_hand -= 1
            self._room.set()
        del self._queues[key]

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            self._crash = self._crash or task.exception()

    async def _open(self) -> Pull:
        await self._stream.ready()
        if self._pull is None or self._epoch != self._stream.epoch:
            epoch = self._stream.epoch
            await self.close()
            await self._stream.ensure_stream()
            await self._stream.ensure_consumer(self.spec)
            self._pull, self._epoch = await self._stream.pull(self.spec), epoch
            self._began = time.monotonic()
        return self._pull

    async def close(self) -> None:
        """Finish what is in hand, and hand back what was not looked at yet."""
        await asyncio.gather(*self._tasks)
        if self._pull is not None:
            await self._pull.close()
            self._pull = None

    def abandon(self) -> None:
        """Leave what is in hand as it is; it comes again."""
        for task in self._tasks:
            task.cancel()

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

    def _lost_after(self) -> float | None:
        """What was due so long ago will not come again, once the broker had the time to bring it."""
        return LOST_AFTER if time.monotonic() - self._began > LOST_AFTER else None

    async def _handle(self, arrived: Arrived) -> None:
        envelope, event = arrived.envelope, arrived.event
        assert envelope is not None and event is not None  # noqa: S101 - parsed in step()
        while self.holds():
            try:
                verdict = await deliver(self._runtime, self.spec, envelope, event, self._lost_after())
            except Exception as error:
                if database_down(error):
                    log.warning("a consumer waits for the database", consumer=self.spec.name, error=str(error))
                elif await self._failed(arrived, error):
                    return
                if not await self._waited(arrived):
                    break
                continue
            if verdict.held is not None:
                await _answer(arrived.message.nak(delay=verdict.held + 0.05))
                return
            self._hook("committed")
            await _answer(arrived.message.ack_sync(timeout=2))
            return
        self.left_unanswered = True

    async def _waited(self, arrived: Arrived) -> bool:
        """The database is away: the message stays in hand, so that nothing later passes it. False: no more time."""
        await _answer(arrived.message.in_progress())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), 1)
        return not self._stopping.is_set()

    async def _failed(self, arrived: Arrived, error: Exception) -> bool:
        """Keep that it failed, and when it is tried again. False when the database did not take that either."""
        envelope, event = arrived.envelope, arrived.event
        assert envelope is not None and event is not None  # noqa: S101 - parsed in step()
        try:
            async with self._runtime.context(SYSTEM) as ctx:
                deferred = await inbox.defer(
                    ctx.session,
                    self.spec.name,
                    envelope,
                    aggregate_of(envelope.name),
                    event.aggregate_id,
                    first=FIRST_DELAY,
                    longest=LONGEST_DELAY,
                )
        except (DBAPIError, PoolExhausted, OSError):
            return False
        log.warning(
            "a consumer failed",
            consumer=self.spec.name,
            subject=arrived.subject,
            failures=deferred.failures,
            exc_info=error,
        )
        if deferred.failures >= MAX_FAILURES:
            await self._give_up(arrived, f"{type(error).__name__}: {error}", deferred.failures)
        else:
            await _answer(arrived.message.nak(delay=deferred.wait))
        return True

    async def _give_up(self, arrived: Arrived, reason: str, failures: int = 1) -> None:
        """Keep the message as a dead letter and end it at the broker; it comes again when the database is away."""
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
                if arrived.envelope is not None:
                    await inbox.forget(ctx.session, self.spec.name, arrived.envelope.id)
        except (DBAPIError, PoolExhausted, OSError):
            await _answer(arrived.message.nak(delay=2))
            return
        log.error("a message became a dead letter", consumer=self.spec.name, subject=arrived.subject, reason=reason)
        await _answer(arrived.message.term())


async def _answer(sending: Awaitable[object]) -> None:
    """Tell the broker; when it does not hear us the message simply comes again and the inbox knows it."""
    with contextlib.suppress(NatsError, OSError, TimeoutError):
        await sending
