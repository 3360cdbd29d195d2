"""The past as a place to work in: a runtime whose clock is set by hand and whose outbox keeps silent."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import TypeVar
from uuid import UUID

import msgspec

from app.shared.authz import Actor
from app.shared.authz.actor import SYSTEM
from app.shared.clock import FixedClock
from app.shared.context import Context, Runtime
from app.shared.idempotency import IdempotencyKey
from app.shared.ids import new_id
from app.shared.outbox import Outbox
from app.shared.outbox.writer import OutboxKind
from app.shared.telemetry.trace import Trace
from app.shared.use_case import Unprivileged, UseCase, use_case

A = TypeVar("A")
R = TypeVar("R", bound=msgspec.Struct)
SEED, ROUTE = "seed", "history"
OURS = Unprivileged("the history is written by ourselves")


class Done(msgspec.Struct, frozen=True):
    """The result of a step that has none."""


class SilentOutbox(Outbox):
    """What happened long ago is no news: no page is open, nobody waits for a mail, and the workflows that would have
    done this work must not begin now."""

    async def _add(
        self,
        kind: OutboxKind,
        name: str,
        aggregate_id: UUID,
        version: int,
        payload: bytes,
        tenant_id: UUID | None,
        project_id: UUID | None,
        due_at: datetime | None,
    ) -> UUID:
        return new_id()


class Past:
    """Bound to one process's runtime, which itself stays in the present."""

    def __init__(self, runtime: Runtime, at: datetime) -> None:
        self._clock = FixedClock(at)
        self._runtime = replace(runtime, clock=self._clock, outbox=SilentOutbox, _parts={})

    @asynccontextmanager
    async def context(self, at: datetime, actor: Actor = SYSTEM, story: str = "") -> AsyncIterator[Context]:
        """A Context at that instant. `story` ties what belongs together by one correlation id."""
        self._clock.instant = at
        async with self._runtime.context(actor, trace_of(story)) as ctx:
            yield ctx

    async def step(
        self,
        key: str,
        at: datetime,
        actor: Actor,
        change: UseCase[Context, A, R],
        command: A,
        story: str = "",
    ) -> R:
        """One step, done once however often the history is written: its key, its effect and its result commit
        together."""
        self._clock.instant = at
        idempotency = IdempotencyKey(SEED, "", ROUTE, key, sha256(key.encode()).digest())
        async with self._runtime.context(actor, trace_of(story), idempotency=idempotency) as ctx:
            return await change(ctx, command)

    async def work(self, key: str, at: datetime, job: Callable[[Context], Awaitable[None]], story: str = "") -> None:
        """The same for our own workers, whose steps have no command and no result."""

        @use_case(OURS)
        async def run(ctx: Context, _nothing: Done) -> Done:
            await job(ctx)
            return Done()

        await self.step(key, at, SYSTEM, run, Done(), story)


def trace_of(story: str) -> Trace | None:
    """The same story has the same id, however often it is told."""
    return Trace(sha256(f"history {story}".encode()).hexdigest()[:24]) if story else None
