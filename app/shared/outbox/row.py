"""One outbox row as the relay sees it, and the ways out of the outbox. Knows no database and no vendor."""

from asyncio import Future
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from app.shared.outbox.writer import OutboxKind

MAX_TRIES = 12  # with the delays below: about twenty minutes before a row becomes a dead letter
LONGEST_DELAY = 300.0  # seconds


class OutboxRow(NamedTuple):
    """A pending row; `payload` is JSON text. `wait`: seconds until it was due when it was read, negative afterwards."""

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
    wait: float = 0.0

    @property
    def is_last_try(self) -> bool:
        """Whether the row becomes a dead letter when it fails now."""
        return self.attempts + 1 >= MAX_TRIES


class VendorDown(Exception):
    """The other side does not answer: nobody's row is to blame, so no attempt is counted."""


class Unusable(Exception):
    """The row itself cannot be carried out; the text says why."""


class Sender(Protocol):
    """One way out of the outbox."""

    kind: OutboxKind
    at_once: int  # rows that may be under way together; of one aggregate it is one

    async def prepare(self) -> bool:
        """Called before rows are read. True: what is under way may be lost, and rows may have become pending again;
        begin anew. Raises VendorDown."""
        ...

    async def send(self, row: OutboxRow) -> "Future[int | None]":
        """Hand `row` to the vendor. The future is done when it has it: with the place in the stream (events), with
        VendorDown, or with the row's own error."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


def retry_delay(attempts: int) -> float:
    """Seconds before the next try of a row that failed `attempts` times: doubling, at most five minutes."""
    return min(LONGEST_DELAY, 0.5 * float(2 ** min(attempts, 12)))
