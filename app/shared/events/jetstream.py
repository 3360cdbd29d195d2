"""The connection to JetStream and what stands there: one stream, one durable pull consumer per ConsumerSpec.

Owns names and settings of stream and consumers. Refuses to decide what happens with a message.
"""

import asyncio
import contextlib
import json
import time

import nats
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from app.shared.events.wire import REDRIVE_PREFIX, durable_name, redrive_subject
from app.shared.manifest import ConsumerSpec
from app.shared.outbox.row import VendorDown

STREAM = "EVENTS"
SUBJECTS = ["berth.v1.>", REDRIVE_PREFIX + ">"]
MAX_AGE = 14 * 86_400.0  # seconds; outbox rows are kept for seven days, inbox rows for twenty-one
DUPLICATE_WINDOW = 120.0  # seconds in which the broker itself drops a second message of one id
ACK_WAIT = 30.0  # seconds until an unanswered message is delivered again
REQUEST_SECONDS = 4.0
CONNECT_SECONDS = 3.0
ACKNOWLEDGED_AT = "$JS.ACK."  # where a message of a stream is answered; what the broker itself says has no such place

log = structlog.get_logger("jetstream")


class JetStream:
    """One connection, made when first asked for and repaired behind the scenes. `epoch` grows with every (re)connect:
    whoever sees a new one must not rely on what the server said before."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        self._client: Client | None = None
        self._connecting = asyncio.Lock()
        self.epoch = 0

    async def ready(self) -> Client:
        """The connected client. Raises VendorDown when the server cannot be reached now."""
        async with self._connecting:  # all consumers ask at once, and share one connection
            client = self._client = self._client or await self._connect()
        if client.is_closed:
            self._client = None
            raise VendorDown("NATS: the connection was closed")
        if not client.is_connected:
            raise VendorDown("NATS: not connected")
        return client

    async def _connect(self) -> Client:
        client = Client()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await client.connect(
                    self._url,
                    name=self._name,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=0.25,  # type: ignore[arg-type]  # seconds; the client sleeps for it
                    ping_interval=10,
                    max_outstanding_pings=2,
                    reconnected_cb=self._reconnected,
                    error_cb=self._error,
                )
        except (NatsError, OSError, TimeoutError) as error:
            await _close(client)
            raise VendorDown(f"NATS: {type(error).__name__}") from error
        self.epoch += 1
        return client

    async def _reconnected(self) -> None:
        self.epoch += 1

    async def _error(self, error: Exception) -> None:
        log.debug("the connection to NATS had an error", error=str(error))

    async def ensure_stream(self) -> int:
        """Make or update the stream. Returns its last sequence. Raises VendorDown."""
        client = await self.ready()
        config = StreamConfig(
            name=STREAM,
            subjects=SUBJECTS,
            storage=StorageType.FILE,
            max_age=MAX_AGE,
            duplicate_window=DUPLICATE_WINDOW,
            allow_direct=True,
        )
        manager = client.jsm(timeout=REQUEST_SECONDS)
        try:
            try:
                info = await manager.update_stream(config)
            except NotFoundError:
                info = await manager.add_stream(config)
        except (NatsError, TimeoutError) as error:
            raise VendorDown(f"JetStream: {error}") from error
        return info.state.last_seq

    async def ensure_consumer(self, spec: ConsumerSpec) -> None:
        """Make or update the durable consumer of `spec`. It delivers for as long as it takes: what has failed often
        enough is ended by us, so that nothing disappears at the broker in silence. Raises VendorDown."""
        client = await self.ready()
        config = ConsumerConfig(
            durable_name=durable_name(spec.name),
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT,
            max_deliver=-1,
            max_ack_pending=1_000,
            filter_subjects=[*(cls.SUBJECT for cls in spec.events), redrive_subject(spec.name)],
        )
        try:
            await client.jsm(timeout=REQUEST_SECONDS).add_consumer(STREAM, config)
        except (NatsError, TimeoutError) as error:
            raise VendorDown(f"JetStream: {error}") from error

    async def figures(self, spec: ConsumerSpec) -> tuple[int, int, int]:
        """Of the durable consumer of `spec`: messages not yet delivered, not yet answered, delivered again. Raises
        VendorDown."""
        client = await self.ready()
        try:
            info = await client.jsm(timeout=REQUEST_SECONDS).consumer_info(STREAM, durable_name(spec.name))
        except (NatsError, TimeoutError) as error:
            raise VendorDown(f"JetStream: {error}") from error
        return info.num_pending or 0, info.num_ack_pending or 0, info.num_redelivered or 0

    async def pull(self, spec: ConsumerSpec) -> "Pull":
        """A pull subscription to the durable consumer of `spec`. Raises VendorDown."""
        client = await self.ready()
        inbox = client.new_inbox()
        return Pull(client, await client.subscribe(inbox), inbox, durable_name(spec.name))

    async def close(self) -> None:
        if self._client is not None:
            await _close(self._client)
            self._client = None


async def _close(client: Client) -> None:
    with contextlib.suppress(NatsError, OSError, TimeoutError):
        await client.close()


class Pull:
    """Keeps one lingering request at the broker and hands out what came, at once: the library's own fetch waits for a
    full batch or its time-out."""

    def __init__(self, client: Client, subscription: Subscription, inbox: str, durable: str) -> None:
        self._client = client
        self._subscription = subscription
        self._inbox = inbox
        self._request = f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{durable}"
        self._open = 0
        self._expires = 0.0

    async def fetch(self, batch: int, wait: float) -> list[Msg]:
        """Up to `batch` messages; an empty list after `wait` seconds without any."""
        if self._open <= 0 or time.monotonic() >= self._expires:
            body = {"batch": batch, "expires": int(wait * 1e9)}
            self._open, self._expires = batch, time.monotonic() + wait
            await self._client.publish(self._request, json.dumps(body).encode(), self._inbox)
        messages: list[Msg] = []
        try:
            self._take(await self._subscription.next_msg(timeout=wait), messages)
        except (nats.errors.TimeoutError, TimeoutError):
            self._open = 0
            return messages
        while self._subscription.pending_msgs and len(messages) < batch:
            self._take(await self._subscription.next_msg(timeout=0.1), messages)
        return messages

    def _take(self, message: Msg, messages: list[Msg]) -> None:
        if not message.reply.startswith(ACKNOWLEDGED_AT):  # it is no message of the stream, whatever its headers say
            self._open = 0  # the request ran out, or the consumer is gone: ask again
            return
        self._open -= 1
        messages.append(message)

    async def close(self) -> None:
        """Stop listening, and hand back what was delivered and not looked at; the rest comes again by itself."""
        with contextlib.suppress(NatsError, OSError, TimeoutError):
            waiting = self._subscription.pending_msgs
            messages: list[Msg] = []
            while waiting and len(messages) < waiting:
                messages.append(await self._subscription.next_msg(timeout=0.1))
            await self._subscription.unsubscribe()
            for message in messages:
                if message.reply.startswith(ACKNOWLEDGED_AT):
                    await message.nak()
