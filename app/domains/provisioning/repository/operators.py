"""SQL about the allocations of all tenants, for operators: every read wants the platform's scope."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import bindparam, text

from app.domains.provisioning.models import Allocation
from app.domains.provisioning.repository.allocations import ALL, BY_ID, LOCK, one
from app.shared.authz import PlatformScope
from app.shared.db.repository import Repository
from app.shared.ids import new_id

LIVE = text("""
    SELECT id, tenant_id, project_id, name, sku_id, sku_code, state, state_changed_at, cancel_requested, node_id,
           failure_text
    FROM provisioning.allocations WHERE ended_at IS NULL ORDER BY id
""")
UNDER_WAY = text("""
    SELECT DISTINCT ON (allocation_id) allocation_id, step, detail FROM provisioning.allocation_events
    WHERE allocation_id = ANY(:ids) AND state = 'in_progress' ORDER BY allocation_id, started_at DESC
""")
# The middle of each type's last twenty runs, whatever the image.
USUAL_BY_TYPE = text("""
    SELECT sku.id AS sku_id, e.step,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM e.finished_at - e.started_at)) AS seconds
    FROM unnest(CAST(:sku_ids AS uuid[])) AS sku (id)
    CROSS JOIN LATERAL (SELECT a.id FROM provisioning.allocations a
                        WHERE a.sku_id = sku.id AND a.active_at IS NOT NULL
                        ORDER BY a.requested_at DESC LIMIT 20) runs
    JOIN provisioning.allocation_events e ON e.allocation_id = runs.id
    WHERE e.state = 'active' AND e.finished_at IS NOT NULL GROUP BY sku.id, e.step
""")
PAGE = (
    ALL.where(
        text("(CAST(:before AS uuid) IS NULL OR id < :before)"),
        text("(NOT :live OR ended_at IS NULL)"),
        text("(CAST(:state AS text) IS NULL OR state = :state)"),
        text("(CAST(:sku AS text) IS NULL OR sku_code = :sku)"),
        text("(CAST(:tenant_id AS uuid) IS NULL OR tenant_id = :tenant_id)"),
        text("(CAST(:project_id AS uuid) IS NULL OR project_id = :project_id)"),
        text("(CAST(:node_id AS uuid) IS NULL OR node_id = :node_id)"),
        text("(CAST(:ids AS uuid[]) IS NULL OR id = ANY(:ids))"),
        text("(CAST(:search AS text) IS NULL OR strpos(name, :search) > 0 OR strpos(id::text, :search) > 0)"),
    )
    .order_by(Allocation.id.desc())
    .limit(bindparam("limit"))
)
ON_NODE = ALL.where(Allocation.node_id == bindparam("node_id"), Allocation.ended_at.is_(None)).order_by(Allocation.id)
PLACEMENTS = text("""
    SELECT attempt, node_id, node_name, slots, candidates, reason, placed_at FROM provisioning.allocation_placements
    WHERE allocation_id = :id ORDER BY attempt
""")
REQUESTS = text("""
    SELECT DISTINCT ON (allocation_id) allocation_id, effect, workflow_id, outbox_id, created_at
    FROM provisioning.outbox_intents WHERE allocation_id = ANY(:ids) ORDER BY allocation_id, created_at DESC, id DESC
""")
NOTE = text("""
    INSERT INTO provisioning.operator_notes (id, tenant_id, project_id, allocation_id, action, reason, actor_id,
                                             created_at)
    VALUES (:id, :tenant_id, :project_id, :allocation_id, :action, :reason, :actor_id, :now)
""")
NOTES = text("""
    SELECT allocation_id, action, reason, actor_id, created_at FROM provisioning.operator_notes
    WHERE allocation_id = ANY(:ids) ORDER BY id
""")


class LiveAllocation(msgspec.Struct, frozen=True, kw_only=True):
    """What the fleet map and the watch over what is stuck need of an allocation that has not ended."""

    id: UUID
    tenant_id: UUID
    project_id: UUID
    name: str
    sku_id: UUID
    sku_code: str
    state: str
    state_changed_at: datetime
    cancel_requested: bool
    node_id: UUID | None
    failure_text: str | None


class AllocationFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator's list shows; `ids` narrows it to these."""

    live: bool = False
    state: str | None = None
    sku: str | None = None
    tenant_id: UUID | None = None
    project_id: UUID | None = None
    node_id: UUID | None = None
    ids: Sequence[UUID] | None = None
    search: str | None = None
    before: UUID | None = None
    limit: int = 50


class PlacementRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Why an allocation went to a node, as it was decided then."""

    attempt: int
    node_id: UUID
    node_name: str
    slots: tuple[int, ...]
    candidates: int
    reason: str
    placed_at: datetime


class WorkflowRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The last request of an allocation to Temporal, and the outbox row that carries it."""

    allocation_id: UUID
    effect: str
    workflow_id: str
    outbox_id: UUID
    created_at: datetime


class OperatorNote(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator did to an allocation and why."""

    allocation_id: UUID
    action: str
    reason: str
    actor_id: UUID | None
    created_at: datetime


class OperatorRepository(Repository):
    """For operators: every tenant's."""

    async def list_live(self, scope: PlatformScope) -> list[LiveAllocation]:
        """Everything that has not ended, of all tenants."""
        return [LiveAllocation(**row._mapping) for row in await self._session.execute(LIVE)]

    async def steps_under_way(self, scope: PlatformScope, ids: Sequence[UUID]) -> dict[UUID, tuple[str, str]]:
        """The current step of each of these and its last detail; an allocation without a current step is absent."""
        rows = await self._session.execute(UNDER_WAY, {"ids": list(ids)})
        return {row.allocation_id: (row.step, row.detail) for row in rows}

    async def usual_by_type(self, scope: PlatformScope, sku_ids: Sequence[UUID]) -> dict[UUID, dict[str, float]]:
        """The median seconds of each step by type; what never ran is absent."""
        found: dict[UUID, dict[str, float]] = {}
        for row in await self._session.execute(USUAL_BY_TYPE, {"sku_ids": list(sku_ids)}):
            found.setdefault(row.sku_id, {})[row.step] = float(row.seconds)
        return found

    async def get(self, scope: PlatformScope, allocation_id: UUID, *, lock: bool = False) -> Allocation:
        """Raises NotFound."""
        return one(await self._find(LOCK if lock else BY_ID, id=allocation_id))

    async def page(self, scope: PlatformScope, wanted: AllocationFilter) -> list[Allocation]:
        """Newest first."""
        values = msgspec.structs.asdict(wanted)
        values["ids"] = None if wanted.ids is None else list(wanted.ids)
        return await self._list(PAGE, **values)

    async def list_on_node(self, scope: PlatformScope, node_id: UUID) -> list[Allocation]:
        """Those that are on a node now, or on their way to or from it."""
        return await self._list(ON_NODE, node_id=node_id)

    async def placements(self, scope: PlatformScope, allocation_id: UUID) -> list[PlacementRecord]:
        """Every node it was put on, in order."""
        rows = await self._session.execute(PLACEMENTS, {"id": allocation_id})
        return [PlacementRecord(**(dict(row._mapping) | {"slots": tuple(row.slots)})) for row in rows]

    async def last_requests(self, scope: PlatformScope, ids: Sequence[UUID]) -> dict[UUID, WorkflowRequest]:
        """The last request of each of these to Temporal; an allocation that never made one is absent."""
        rows = await self._session.execute(REQUESTS, {"ids": list(ids)})
        return {row.allocation_id: WorkflowRequest(**row._mapping) for row in rows}

    async def append_note(
        self, allocation: Allocation, action: str, reason: str, actor_id: UUID | None, now: datetime
    ) -> None:
        """Record the reason an operator gave."""
        values = {
            "id": new_id(),
            "tenant_id": allocation.tenant_id,
            "project_id": allocation.project_id,
            "allocation_id": allocation.id,
            "action": action,
            "reason": reason,
            "actor_id": actor_id,
            "now": now,
        }
        await self._session.execute(NOTE, values)

    async def notes(self, ids: Sequence[UUID]) -> dict[UUID, list[OperatorNote]]:
        """Reasons given by operators, oldest first; the caller has checked the permission."""
        found: dict[UUID, list[OperatorNote]] = {}
        for row in await self._session.execute(NOTES, {"ids": list(ids)}):
            found.setdefault(row.allocation_id, []).append(OperatorNote(**row._mapping))
        return found
