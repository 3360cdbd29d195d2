"""What a domain says about a kind of batch, and one batch as its row."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from app.shared.context import Context
from app.shared.manifest import Queue

SIZE = 50  # things per step: a second or so of work, and no lock held for longer


class BatchItem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to be worked on, by its place in the order: the highest rank first, then by id."""

    id: UUID
    rank: int = 0


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """One batch. `passed` things of this round could not be done yet; `step` is what the next job must name."""

    id: UUID
    name: str
    subject_id: UUID
    tenant_id: UUID | None
    arguments: dict[str, object]
    total: int
    done: int
    passed: int
    round: int
    step: int
    idle: int
    position: BatchItem | None
    started_at: datetime
    correlation_id: str


class BatchRef(msgspec.Struct, frozen=True, kw_only=True):
    """What the job carries: a batch, the step that it is to make, and the story that it belongs to."""

    id: UUID
    step: int
    correlation_id: str


async def _goes_on(ctx: Context, batch: Batch) -> str:
    return ""


class BatchSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of batch. `name` is also the job's name; `title` is what operators read.

    `find` answers the next things after a place (None: from the first one), in order, at most as many as it is told,
    without locking them. `act` does the work for some of them in the step's transaction and answers the ids of those
    that are settled; it leaves out what somebody else has locked (SKIP LOCKED). It must be safe to repeat. `ends` is
    asked before each step: a reason ends the batch, nothing lets it go on.
    """

    name: str
    title: str
    queue: Queue
    find: Callable[[Context, Batch, BatchItem | None, int], Awaitable[Sequence[BatchItem]]]
    act: Callable[[Context, Batch, Sequence[BatchItem]], Awaitable[Collection[UUID]]]
    ends: Callable[[Context, Batch], Awaitable[str]] = _goes_on
    size: int = SIZE
