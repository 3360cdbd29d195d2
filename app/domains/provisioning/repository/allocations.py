"""Allocations, and the external effects they requested."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import bindparam, select, text, update
from sqlalchemy.dialects.postgresql import insert

from app.domains.provisioning.contracts import AllocationId
from app.domains.provisioning.models import Allocation
from app.shared.authz import ProjectScope, TenantScope
from app.shared.db.repository import Repository
from app.shared.errors import NotFound
from app.shared.ids import ProjectId, TenantId, UserId, new_id


class NewAllocation(msgspec.Struct, frozen=True, kw_only=True):
    """What a launch decides. Without `slots` it is the whole machine; `gpus` is what it pays for, amounts are
    micro-units."""

    id: AllocationId
    tenant_id: TenantId
    project_id: ProjectId
    user_id: UserId
    name: str
    sku_id: UUID
    sku_code: str
    gpus: int
    slots: int | None
    image_code: str
    currency: str
    rate_micro: int
    price_version_id: UUID
    hold_micro: int
    login: str
    uid: int
    gecos: str
    correlation_id: str


class ProjectUse(msgspec.Struct, frozen=True):
    """Live machines of a project, their GPUs, and those of their names that were asked about."""

    machines: int
    gpus: int
    names: frozenset[str]


ALL = select(Allocation)
IN_PROJECT = ALL.where(Allocation.tenant_id == bindparam("tenant_id"), Allocation.project_id == bindparam("project_id"))
BY_ID = ALL.where(Allocation.id == bindparam("id"))
LOCK = BY_ID.with_for_update()
ONE_IN_PROJECT = IN_PROJECT.where(Allocation.id == bindparam("id"))
LOCK_IN_PROJECT = ONE_IN_PROJECT.with_for_update()
BY_IDS = ALL.where(text("id = ANY(:ids)"))
PAGE = (
    IN_PROJECT.where(text("(CAST(:before AS uuid) IS NULL OR id < :before)"), text("(NOT :live OR ended_at IS NULL)"))
    .order_by(Allocation.id.desc())
    .limit(bindparam("limit"))
)
NAMED = (
    IN_PROJECT.where(
        text(
            "(strpos(name, lower(:text)) > 0 "
            "OR right(replace(CAST(id AS text), '-', ''), length(:text)) = lower(:text))"
        )
    )
    .order_by(text("ended_at IS NOT NULL"), Allocation.id.desc())
    .limit(bindparam("limit"))
)
LOCK_FREE = (
    BY_IDS.where(Allocation.tenant_id == bindparam("tenant_id"))
    .order_by(Allocation.id)
    .with_for_update(skip_locked=True)
)
INSERT = (
    insert(Allocation)
    .on_conflict_do_nothing(index_elements=["project_id", "name"], index_where=text("ended_at IS NULL"))
    .returning(Allocation)
)
CHANGE = (
    update(Allocation)
    .where(Allocation.id == bindparam("allocation_id"), Allocation.version == bindparam("known_version"))
    .returning(Allocation)
    .execution_options(synchronize_session=False)
)
STAYING = text("""
    SELECT id, CASE WHEN state = 'active' THEN rate_micro ELSE 0 END AS rank FROM provisioning.allocations
    WHERE tenant_id = :tenant_id AND ended_at IS NULL AND state NOT IN ('releasing', 'release_failed')
      AND NOT cancel_requested
      AND (CAST(:after_id AS uuid) IS NULL
           OR (-CASE WHEN state = 'active' THEN rate_micro ELSE 0 END, id) > (-CAST(:after_rank AS bigint), :after_id))
    ORDER BY CASE WHEN state = 'active' THEN rate_micro ELSE 0 END DESC, id LIMIT :limit
""")
COUNT_STAYING = text("""
    SELECT count(*) FROM provisioning.allocations
    WHERE tenant_id = :tenant_id AND ended_at IS NULL AND state NOT IN ('releasing', 'release_failed')
      AND NOT cancel_requested
""")
STUCK = text("""
    SELECT stuck.id FROM provisioning.allocations stuck
    WHERE ended_at IS NULL AND state <> 'active' AND state_changed_at < :before
      AND NOT EXISTS (SELECT FROM provisioning.outbox_intents asked
                      WHERE asked.allocation_id = stuck.id AND asked.created_at >= :before)
    ORDER BY state_changed_at, id LIMIT 100
""")
USE = text("""
    SELECT count(*) AS machines, COALESCE(sum(gpus), 0)::bigint AS gpus,
           COALESCE(array_agg(name) FILTER (WHERE name = :name OR starts_with(name, :stem)), '{}') AS names
    FROM provisioning.allocations
    WHERE tenant_id = :tenant_id AND project_id = :project_id AND ended_at IS NULL
""")
INTENT = text("""
    INSERT INTO provisioning.outbox_intents (id, tenant_id, project_id, allocation_id, effect, workflow_id, outbox_id,
                                             created_at)
    VALUES (:id, :tenant_id, :project_id, :allocation_id, :effect, :workflow_id, :outbox_id, :now)
""")


class AllocationRepository(Repository):
    """Every entity is a snapshot; `change` answers the next one."""

    async def append(self, new: NewAllocation, now: datetime) -> Allocation | None:
        """None when a live allocation of the project has the name; one that is being launched is waited for."""
        values = msgspec.structs.asdict(new) | {"whole": new.slots is None, "requested_at": now}
        return await self._find(INSERT, **values, state="requested", state_changed_at=now)

    async def get(self, allocation_id: UUID, *, lock: bool = False) -> Allocation:
        """For our own workers, which act on an id they were given. Raises NotFound."""
        return one(await self._find(LOCK if lock else BY_ID, id=allocation_id))

    async def get_in(self, scope: ProjectScope, allocation_id: UUID, *, lock: bool = False) -> Allocation:
        """Raises NotFound also for an allocation of another project."""
        place = {"tenant_id": scope.tenant_id, "project_id": scope.project_id}
        return one(await self._find(LOCK_IN_PROJECT if lock else ONE_IN_PROJECT, id=allocation_id, **place))

    async def page(
        self, scope: ProjectScope, *, before: UUID | None, limit: int, live: bool = False
    ) -> list[Allocation]:
        """Newest first, from after `before` on."""
        values = {
            "tenant_id": scope.tenant_id, "project_id": scope.project_id, "before": before, "limit": limit, "live": live
        }  # fmt: skip
        return await self._list(PAGE, **values)

    async def find_named(self, scope: ProjectScope, text: str, limit: int) -> list[Allocation]:
        """Those whose name holds `text` or whose id ends with it; live ones first."""
        values = {"tenant_id": scope.tenant_id, "project_id": scope.project_id, "text": text, "limit": limit}
        return await self._list(NAMED, **values)

    async def count_staying(self, scope: TenantScope) -> int:
        """How many allocations of a tenant have neither ended nor been asked to end."""
        return int(await self._session.scalar(COUNT_STAYING, {"tenant_id": scope.tenant_id}) or 0)

    async def list_dearest(
        self, scope: TenantScope, after: tuple[int, UUID] | None, limit: int
    ) -> list[tuple[UUID, int]]:
        """The same with what each costs per hour now (0: not running yet), the most expensive first, after a place."""
        rank, allocation_id = after or (None, None)
        values = {"tenant_id": scope.tenant_id, "after_rank": rank, "after_id": allocation_id, "limit": limit}
        return [(row.id, row.rank) for row in await self._session.execute(STAYING, values)]

    async def lock_free(self, scope: TenantScope, ids: Sequence[UUID]) -> list[Allocation]:
        """Lock those of these that nobody else has locked, and return them."""
        return await self._list(LOCK_FREE, tenant_id=scope.tenant_id, ids=list(ids))

    async def list_by_ids(self, ids: Sequence[UUID]) -> list[Allocation]:
        return await self._list(BY_IDS, ids=list(ids))

    async def list_stuck(self, before: datetime) -> list[Allocation]:
        """The oldest 100 that are neither active nor ended, have not changed since `before`, and for which no workflow
        was requested since."""
        return await self.list_by_ids(list(await self._session.scalars(STUCK, {"before": before})))

    async def get_use(self, scope: ProjectScope, name: str, stem: str) -> ProjectUse:
        """What the project has now, and which of its names are `name` or begin with `stem`."""
        values = {"tenant_id": scope.tenant_id, "project_id": scope.project_id, "name": name, "stem": stem}
        row = (await self._session.execute(USE, values)).one()
        return ProjectUse(row.machines, row.gpus, frozenset(row.names))

    async def change(self, allocation: Allocation, now: datetime, **changes: object) -> Allocation:
        """Write changed fields; the version goes up by one. The row must be locked by the caller."""
        if changes.get("state", allocation.state) != allocation.state:
            changes["state_changed_at"] = now
        statement = CHANGE.values(**changes, version=Allocation.version + 1)
        changed = await self._find(statement, allocation_id=allocation.id, known_version=allocation.version)
        return one(changed)

    async def append_intent(
        self, allocation: Allocation, effect: str, workflow_id: str, outbox_id: UUID, now: datetime
    ) -> None:
        """Record an external effect that the allocation requested."""
        values = {
            "id": new_id(),
            "tenant_id": allocation.tenant_id,
            "project_id": allocation.project_id,
            "allocation_id": allocation.id,
            "effect": effect,
            "workflow_id": workflow_id,
            "outbox_id": outbox_id,
            "now": now,
        }
        await self._session.execute(INTENT, values)


def one(found: Allocation | None) -> Allocation:
    """Raises NotFound."""
    if found is None:
        raise NotFound()
    return found
