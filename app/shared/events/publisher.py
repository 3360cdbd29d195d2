"""The relay's way to JetStream: publish with the row's id, take the acks as they come, notice when the stream lost its
tail."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError

from app.shared.events.jetstream import JetStream
from app.shared.events.wire import encode
from app.shared.outbox.row import OutboxRow, Unusable, VendorDown
from app.shared.outbox.tracing import sending
from app.shared.outbox.writer import OutboxKind
from app.shared.telemetry.spans import traceparent

ACK_SECONDS = 5.0
AT_ONCE = 1_000
REPLAY_SECONDS = 10.0  # what was marked so recently may be unsynced at the broker; more than twice its sync interval
CHECK_SECONDS = 10.0
FULL = frozenset({10023, 10047, 10077})  # no resources, no storage left, stream at its limit: not the row's fault
Rewind = Callable[[int, float], Awaitable[int]]


class _Refusal(msgspec.Struct):
    code: int = 0
    err_code: int = 0
    description: str = ""


class _Ack(msgspec.Struct):
    seq: int = 0
    error: _Refusal | None = None


_decode = msgspec.json.Decoder(_Ack).decode


class EventSender:
    """Sends event rows. `rewind(last sequence, seconds)` makes rows pending again that the stream does not hold."""

    kind = OutboxKind.EVENT
    at_once = AT_ONCE

    def __init__(self, stream: JetStream, rewind: Rewind) -> None:
        self._stream = stream
        self._rewind = rewind
        self._epoch = 0
        self._highest = 0
        self._next_check = 0.0
        self._client: Client | None = None
        self._acks: Subscription | None = None
        self._inbox = ""
        self._sent = 0
        self._flying: dict[int, tuple[asyncio.Future[int | None], float]] = {}  # in the order of their deadlines
        self._timer: asyncio.TimerHandle | None = None

    async def prepare(self) -> bool:
        """After every (re)connect the stream may have lost what it had acknowledged: then those rows go out again."""
        client = await self._stream.ready()
        epoch = self._stream.epoch
        if epoch == self._epoch and time.monotonic() < self._next_check:
            return False
        last = await self._stream.ensure_stream()
        self._next_check = time.monotonic() + CHECK_SECONDS
        if epoch == self._epoch and last >= self._highest:
            return False
        await self._rewind(last, REPLAY_SECONDS)
        await self._listen(client)
        self._epoch, self._highest = epoch, last
        return True

    async def _listen(self, client: Client) -> None:
        if self._client is not client:
            self._inbox = client.new_inbox()
            self._acks = await client.subscribe(f"{self._inbox}.*", cb=self._acknowledged)
            self._client = client

    async def send(self, row: OutboxRow) -> "asyncio.Future[int | None]":
        loop = asyncio.get_running_loop()
        future: asyncio.Future[int | None] = loop.create_future()
        if self._client is None:
            raise VendorDown("JetStream: not prepared")
        self._sent = number = self._sent + 1
        self._flying[number] = future, loop.time() + ACK_SECONDS
        if self._timer is None:
            self._timer = loop.call_later(ACK_SECONDS, self._expire)
        try:
            with sending(row, self.kind):
                headers = {"Nats-Msg-Id": str(row.id)} | traceparent()
                await self._client.publish(row.name, encode(row), f"{self._inbox}.{number}", headers=headers)
        except (MaxPayloadError, ValueError) as error:
            self._finish(number, Unusable(f"{type(error).__name__}: {error}"))
        except (NatsError, OSError) as error:
            self._finish(number, self._down(f"NATS: {type(error).__name__}"))
        return future

    async def _acknowledged(self, message: Msg) -> None:
        number = int(message.subject.rpartition(".")[2])
        if not message.data:
            self._finish(number, self._down("JetStream: no stream answers"))
            return
        ack = _decode(message.data)
        refusal = ack.error
        if refusal is None:
            self._highest = max(self._highest, ack.seq)
            self._finish(number, None, ack.seq)
        elif refusal.code == 503 or refusal.err_code in FULL:
            self._finish(number, self._down(f"JetStream: {refusal.description}"))
        else:
            self._finish(number, Unusable(f"JetStream: {refusal.description}"))

    def _finish(self, number: int, error: Exception | None, sequence: int | None = None) -> None:
        future, _ = self._flying.pop(number, (None, 0.0))
        if future is None or future.done():
            return
        if error is None:
            future.set_result(sequence)
        else:
            future.set_exception(error)

    def _down(self, reason: str) -> VendorDown:
        self._next_check = 0.0
        return VendorDown(reason)

    def _expire(self) -> None:
        """An ack that did not come in time: nobody knows whether the stream has the message."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._flying:
            number, (_, deadline) = next(iter(self._flying.items()))
            if deadline > now:
                self._timer = loop.call_at(deadline, self._expire)
                return
            self._finish(number, self._down("JetStream: no acknowledgement in time"))
        self._timer = None

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._stream.close()
