"""One outbox row as the relay sees it, and what became of it. Knows no database and no vendor."""

from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

import msgspec

from app.shared.outbox.writer import OutboxKind

MAX_TRIES = 12  # with the delays below: about twenty minutes before a row becomes a dead letter
LONGEST_DELAY = 300.0  # seconds


class OutboxRow(NamedTuple):
    """A pending row; `payload` is JSON text."""

    id: UUID
    created_at: datetime
    name: str
    aggregate_id: UUID
    shard: int
    version: int
    payload: str
    tenant_id: UUID | None
    project_id: UUID | None
    correlation_id: str
    causation_id: str | None
    attempts: int


class VendorDown(Exception):
    """The other side does not answer: nobody's row is to blame, so no attempt is counted."""


class Report(msgspec.Struct):
    """What a sender did with a batch. Rows it does not name were not tried and stay pending.

    `sent` maps a row's id to its place in the stream (events only); `failed` maps it to the reason; `down` says why
    the sender stopped before the end of the batch.
    """

    sent: dict[UUID, int | None] = msgspec.field(default_factory=dict)
    failed: dict[UUID, str] = msgspec.field(default_factory=dict)
    down: str | None = None


class Sender(Protocol):
    """One way out of the outbox."""

    kind: OutboxKind

    async def prepare(self) -> bool:
        """Called before each scan. True: rows became pending again, scan from the beginning. Raises VendorDown."""
        ...

    async def send(self, rows: list[OutboxRow]) -> Report:
        """Hand `rows` (in order) to the vendor. After a row that fails, later rows of its aggregate are not tried."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


def retry_delay(attempts: int) -> float:
    """Seconds before the next try of a row that failed `attempts` times: doubling, at most five minutes."""
    return min(LONGEST_DELAY, 0.5 * float(2 ** min(attempts, 12)))
