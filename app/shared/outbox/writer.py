"""Writes outbox rows inside the caller's transaction. Three kinds share one table and one relay.

`event` rows go to JetStream, `job` rows become SAQ jobs, `workflow` rows become Temporal calls. Payloads are encoded
and decoded again here, so that a bad one fails at its call site and not in the relay.
"""

from datetime import datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.shared.events.base import Event
from app.shared.ids import new_id
from app.shared.telemetry.spans import Kind, span
from app.shared.telemetry.trace import Trace

SHARDS = 16


class OutboxKind(StrEnum):
    EVENT = "event"
    JOB = "job"
    WORKFLOW = "workflow"


class WorkflowCall(msgspec.Struct, frozen=True, kw_only=True):
    """One call to Temporal. `start` with an id that already runs is success; a signal to a finished one is done."""

    verb: Literal["start", "signal", "cancel"]
    workflow_id: str
    workflow: str = ""  # type name, for start
    signal: str = ""  # signal name, for signal
    argument: dict[str, object] | None = None


INSERT = text("""
    INSERT INTO shared.outbox_events (id, kind, name, aggregate_id, shard, version, payload, tenant_id, project_id,
                                      correlation_id, causation_id, due_at, created_at)
    VALUES (:id, :kind, :name, :aggregate_id, :shard, :version, CAST(:payload AS jsonb), :tenant_id, :project_id,
            :correlation_id, :causation_id, COALESCE(CAST(:due_at AS timestamptz), clock_timestamp()),
            clock_timestamp())
""")


def shard_of(aggregate_id: UUID) -> int:
    """Which of the 16 shards keeps the order of this aggregate."""
    return aggregate_id.int % SHARDS


class Outbox:
    """Bound to one unit of work and one trace."""

    def __init__(self, session: AsyncSession, correlation_id: str, causation_id: str | None) -> None:
        self._session = session
        self._correlation_id = correlation_id
        self._causation_id = causation_id
        self.written = 0

    async def event(self, event: Event, *, version: int, tenant_id: UUID | None, project_id: UUID | None) -> UUID:
        """Add a fact. `version` is the aggregate's version after the change: consumers ignore older ones."""
        payload = msgspec.json.encode(event)
        msgspec.json.decode(payload, type=type(event))
        return await self._add(
            OutboxKind.EVENT, event.SUBJECT, event.aggregate_id, version, payload, tenant_id, project_id, None
        )

    async def job(
        self, name: str, arguments: msgspec.Struct, *, aggregate_id: UUID, due_at: datetime | None = None
    ) -> UUID:
        """Ask for a background job by its registered name. A job is a hint: a sweeper can rebuild it."""
        payload = msgspec.json.encode(arguments)
        return await self._add(OutboxKind.JOB, name, aggregate_id, 0, payload, None, None, due_at)

    async def workflow(self, call: WorkflowCall, *, aggregate_id: UUID) -> UUID:
        """Ask for a Temporal call with a deterministic workflow id."""
        payload = msgspec.json.encode(call)
        return await self._add(OutboxKind.WORKFLOW, call.workflow_id, aggregate_id, 0, payload, None, None, None)

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
        row_id = new_id()
        with span(f"outbox {kind}", Kind.PRODUCER, Trace(self._correlation_id), mark=f"outbox:{row_id}"):
            await self._session.execute(
                INSERT,
                {
                    "id": row_id,
                    "kind": kind.value,
                    "name": name,
                    "aggregate_id": aggregate_id,
                    "shard": shard_of(aggregate_id),
                    "version": version,
                    "payload": payload.decode(),
                    "tenant_id": tenant_id,
                    "project_id": project_id,
                    "correlation_id": self._correlation_id,
                    "causation_id": self._causation_id,
                    "due_at": due_at,
                },
            )
        self.written += 1
        return row_id
