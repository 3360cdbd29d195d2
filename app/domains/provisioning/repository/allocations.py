"""SQL about allocations and the external effects they asked for."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domains.provisioning.contracts import AllocationView
from app.shared.authz import ProjectScope, TenantScope
from app.shared.errors import NotFound
from app.shared.ids import new_id

SELECT = """
    SELECT id, tenant_id, project_id, user_id, name, sku_id, sku_code, gpus, whole, slots, image_code,
           currency, rate_micro, price_version_id, hold_micro, login, uid, gecos, state, state_changed_at,
           cancel_requested, node_id, deployment_id, attempt, failure_code, failure_text, correlation_id,
           requested_at, active_at, release_requested_at, release_reason, ended_at, version
    FROM provisioning.allocations"""
INSERT = text("""
    INSERT INTO provisioning.allocations
           (id, tenant_id, project_id, user_id, name, sku_id, sku_code, gpus, whole, slots, image_code,
           currency, rate_micro, price_version_id, hold_micro, login, uid, gecos, state, state_changed_at,
           cancel_requested, node_id, deployment_id, attempt, failure_code, failure_text, correlation_id,
           requested_at, active_at, release_requested_at, release_reason, ended_at, version)
    VALUES (:id, :tenant_id, :project_id, :user_id, :name, :sku_id, :sku_code, :gpus, :whole, :slots,
            :image_code, :currency, :rate_micro, :price_version_id, :hold_micro, :login, :uid, :gecos, :state,
            :state_changed_at, :cancel_requested, :node_id, :deployment_id, :attempt, :failure_code,
            :failure_text, :correlation_id, :requested_at, :active_at, :release_requested_at, :release_reason,
            :ended_at, :version)
""")
BY_ID = text(SELECT + " WHERE id = :id")
LOCK = text(SELECT + " WHERE id = :id FOR UPDATE")
IN_PROJECT = text(SELECT + " WHERE id = :id AND tenant_id = :tenant_id AND project_id = :project_id")
LOCK_IN_PROJECT = text(SELECT + " WHERE id = :id AND tenant_id = :tenant_id AND project_id = :project_id FOR UPDATE")
PAGE = text(
    SELECT
    + """
    WHERE tenant_id = :tenant_id AND project_id = :project_id AND (CAST(:before AS uuid) IS NULL OR id < :before)
      AND (NOT :live OR ended_at IS NULL)
    ORDER BY id DESC LIMIT :limit
    """
)
NAMED = text(
    SELECT
    + """
    WHERE tenant_id = :tenant_id AND project_id = :project_id
      AND (strpos(name, lower(:text)) > 0 OR right(replace(CAST(id AS text), '-', ''), length(:text)) = lower(:text))
    ORDER BY (ended_at IS NOT NULL), id DESC LIMIT :limit
    """
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
LOCK_FREE = text(SELECT + " WHERE tenant_id = :tenant_id AND id = ANY(:ids) ORDER BY id FOR UPDATE SKIP LOCKED")
BY_IDS = text(SELECT + " WHERE id = ANY(:ids)")
STUCK = text("""
    SELECT stuck.id FROM provisioning.allocations stuck
    WHERE ended_at IS NULL AND state <> 'active' AND state_changed_at < :before
      AND NOT EXISTS (SELECT FROM provisioning.outbox_intents asked
                      WHERE asked.allocation_id = stuck.id AND asked.created_at >= :before)
    ORDER BY state_changed_at, id LIMIT 100
""")
NAMES = text("""
    SELECT name FROM provisioning.allocations
    WHERE tenant_id = :tenant_id AND project_id = :project_id AND ended_at IS NULL
""")
USED = text("""
    SELECT count(*) AS machines, COALESCE(sum(gpus), 0) AS gpus FROM provisioning.allocations
    WHERE tenant_id = :tenant_id AND project_id = :project_id AND ended_at IS NULL
""")
CHANGE = text("""
    UPDATE provisioning.allocations
    SET state = :state, version = version + 1,
        state_changed_at = CASE WHEN state = :state THEN state_changed_at ELSE :now END,
        node_id = :node_id, deployment_id = :deployment_id, attempt = :attempt, failure_code = :failure_code,
        failure_text = :failure_text, active_at = :active_at, release_requested_at = :release_requested_at,
        release_reason = :release_reason, ended_at = :ended_at, cancel_requested = :cancel_requested,
        login = :login, uid = :uid
    WHERE id = :id AND version = :version RETURNING version, state_changed_at
""")
CHANGEABLE = (
    "state", "node_id", "deployment_id", "attempt", "failure_code", "failure_text", "active_at",
    "release_requested_at", "release_reason", "ended_at", "cancel_requested", "login", "uid",
)  # fmt: skip
INTENT = text("""
    INSERT INTO provisioning.outbox_intents (id, tenant_id, project_id, allocation_id, effect, workflow_id, outbox_id,
                                             created_at)
    VALUES (:id, :tenant_id, :project_id, :allocation_id, :effect, :workflow_id, :outbox_id, :now)
""")


class AllocationRepository:
    """Bound to one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def append(self, allocation: AllocationView) -> None:
        """Raises IntegrityError when a live allocation of the project has the name."""
        await self._session.execute(INSERT, msgspec.structs.asdict(allocation))

    async def get(self, allocation_id: UUID, *, lock: bool = False) -> AllocationView:
        """For our own workers, which act on an id they were given. Raises NotFound."""
        return one((await self._session.execute(LOCK if lock else BY_ID, {"id": allocation_id})).one_or_none())

    async def get_in(self, scope: ProjectScope, allocation_id: UUID, *, lock: bool = False) -> AllocationView:
        """Raises NotFound also for what belongs to somebody else."""
        place = {"id": allocation_id, "tenant_id": scope.tenant_id, "project_id": scope.project_id}
        rows = await self._session.execute(LOCK_IN_PROJECT if lock else IN_PROJECT, place)
        return one(rows.one_or_none())

    async def page(
        self, scope: ProjectScope, *, before: UUID | None, limit: int, live: bool = False
    ) -> list[AllocationView]:
        """Newest first, from after `before` on."""
        values = {
            "tenant_id": scope.tenant_id, "project_id": scope.project_id, "before": before, "limit": limit, "live": live
        }  # fmt: skip
        return [view(row) for row in await self._session.execute(PAGE, values)]

    async def find_named(self, scope: ProjectScope, text: str, limit: int) -> list[AllocationView]:
        """Those whose name holds `text` or whose id ends with it; live ones first."""
        values = {"tenant_id": scope.tenant_id, "project_id": scope.project_id, "text": text, "limit": limit}
        return [view(row) for row in await self._session.execute(NAMED, values)]

    async def count_staying(self, scope: TenantScope) -> int:
        """How many of a tenant's have neither ended nor been asked to."""
        return int(await self._session.scalar(COUNT_STAYING, {"tenant_id": scope.tenant_id}) or 0)

    async def list_dearest(
        self, scope: TenantScope, after: tuple[int, UUID] | None, limit: int
    ) -> list[tuple[UUID, int]]:
        """The same with what each costs per hour now (0: not running yet), the most expensive first, after a place."""
        rank, allocation_id = after or (None, None)
        values = {"tenant_id": scope.tenant_id, "after_rank": rank, "after_id": allocation_id, "limit": limit}
        return [(row.id, row.rank) for row in await self._session.execute(STAYING, values)]

    async def lock_free(self, scope: TenantScope, ids: Sequence[UUID]) -> list[AllocationView]:
        """Of these those that nobody else has locked, locked."""
        rows = await self._session.execute(LOCK_FREE, {"tenant_id": scope.tenant_id, "ids": list(ids)})
        return [view(row) for row in rows]

    async def list_by_ids(self, ids: Sequence[UUID]) -> list[AllocationView]:
        return [view(row) for row in await self._session.execute(BY_IDS, {"ids": list(ids)})]

    async def list_stuck(self, before: datetime) -> list[AllocationView]:
        """Those that are neither running nor ended, have not changed since `before` and were not asked for since; the
        oldest 100, so that everybody's turn comes."""
        return await self.list_by_ids(list(await self._session.scalars(STUCK, {"before": before})))

    async def live_names(self, scope: ProjectScope) -> set[str]:
        place = {"tenant_id": scope.tenant_id, "project_id": scope.project_id}
        return set(await self._session.scalars(NAMES, place))

    async def used(self, scope: ProjectScope) -> tuple[int, int]:
        """Live machines and their GPUs."""
        row = (await self._session.execute(USED, {"tenant_id": scope.tenant_id, "project_id": scope.project_id})).one()
        return int(row.machines), int(row.gpus)

    async def change(self, allocation: AllocationView, now: datetime, **changes: object) -> AllocationView:
        """Write changed fields; the version goes up by one. The row must be locked by the caller."""
        wanted = msgspec.structs.replace(allocation, **changes)
        values = {field: getattr(wanted, field) for field in CHANGEABLE}
        place = {"id": allocation.id, "version": allocation.version, "now": now}
        row = (await self._session.execute(CHANGE, {**values, **place})).one()
        return msgspec.structs.replace(wanted, version=row.version, state_changed_at=row.state_changed_at)

    async def append_intent(
        self, allocation: AllocationView, effect: str, workflow_id: str, outbox_id: UUID, now: datetime
    ) -> None:
        """Remember an external effect that this allocation asked for."""
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


def view(row: Row[tuple[object, ...]]) -> AllocationView:
    return AllocationView(**row._mapping)


def one(row: Row[tuple[object, ...]] | None) -> AllocationView:
    if row is None:
        raise NotFound()
    return view(row)
