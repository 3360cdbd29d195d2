"""The relay's way to JetStream: publish with the row's id, wait for the acks, notice when the stream lost its tail.

Within a batch at most one message per aggregate is in the air at a time: an ack that never comes can then not be
overtaken by a later fact of the same aggregate.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError
from nats.js.api import PubAck
from nats.js.client import JetStreamContext
from nats.js.errors import APIError, NoStreamResponseError

from app.shared.events.jetstream import JetStream
from app.shared.events.wire import encode
from app.shared.outbox.row import OutboxRow, Report, VendorDown
from app.shared.outbox.writer import OutboxKind

ACK_SECONDS = 5.0
REPLAY_SECONDS = 10.0  # what was marked so recently may be unsynced at the broker; more than twice its sync interval
CHECK_SECONDS = 10.0
FULL = frozenset({10023, 10047, 10077})  # no resources, no storage left, stream at its limit: not the row's fault
Rewind = Callable[[int, float], Awaitable[int]]


class EventSender:
    """Sends event rows. `rewind(last sequence, seconds)` makes rows pending again that the stream does not hold."""

    kind = OutboxKind.EVENT

    def __init__(self, stream: JetStream, rewind: Rewind) -> None:
        self._stream = stream
        self._rewind = rewind
        self._epoch = 0
        self._highest = 0
        self._next_check = 0.0
        self._context: JetStreamContext | None = None

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
        rewound = await self._rewind(last, REPLAY_SECONDS)
        self._context = client.jetstream(publish_async_max_pending=4_000)
        self._epoch, self._highest = epoch, last
        return rewound > 0

    async def send(self, rows: list[OutboxRow]) -> Report:
        report = Report()
        stuck: set[object] = set()
        for wave in waves(rows):
            await self._send_wave([row for row in wave if row.aggregate_id not in stuck], report, stuck)
            if report.down:
                self._next_check = 0.0
                break
        self._highest = max([self._highest, *(sequence or 0 for sequence in report.sent.values())])
        return report

    async def _send_wave(self, wave: list[OutboxRow], report: Report, stuck: set[object]) -> None:
        if self._context is None:
            raise VendorDown("JetStream: not prepared")
        flying: dict[asyncio.Future[PubAck], OutboxRow] = {}  # fewer than the client allows, so no publish waits
        for row in wave:
            try:
                future = await self._context.publish_async(row.name, encode(row), headers={"Nats-Msg-Id": str(row.id)})
            except (MaxPayloadError, ValueError) as error:
                report.failed[row.id] = f"{type(error).__name__}: {error}"
                stuck.add(row.aggregate_id)
            except (NatsError, OSError) as error:
                report.down = f"NATS: {type(error).__name__}"
                break
            else:
                flying[future] = row
        if flying:
            await asyncio.wait(flying, timeout=ACK_SECONDS)
        for future, row in flying.items():
            self._read_ack(future, row, report, stuck)

    def _read_ack(self, future: asyncio.Future[PubAck], row: OutboxRow, report: Report, stuck: set[object]) -> None:
        if not future.done():
            future.cancel()
            report.down = "JetStream: no acknowledgement in time"
            return
        error = future.exception()
        if error is None:
            report.sent[row.id] = future.result().seq
        elif isinstance(error, NoStreamResponseError):
            report.down = "JetStream: no stream answers"
        elif isinstance(error, APIError) and (error.code == 503 or error.err_code in FULL):
            report.down = f"JetStream: {error.description}"
        else:
            report.failed[row.id] = str(error)
            stuck.add(row.aggregate_id)

    async def close(self) -> None:
        await self._stream.close()


def waves(rows: list[OutboxRow]) -> list[list[OutboxRow]]:
    """`rows` in groups that hold each aggregate once; its rows keep their order from group to group."""
    groups: list[list[OutboxRow]] = []
    seen: dict[object, int] = {}
    for row in rows:
        index = seen.get(row.aggregate_id, 0)
        seen[row.aggregate_id] = index + 1
        if index == len(groups):
            groups.append([])
        groups[index].append(row)
    return groups
