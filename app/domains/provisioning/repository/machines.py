"""SQL about machines in use: their deployments, the claims that tie allocations to them, the record of placements."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from app.domains.provisioning.contracts import DeploymentView
from app.domains.provisioning.models import Allocation
from app.shared.db.repository import Repository
from app.shared.errors import NotFound
from app.shared.ids import new_id

SELECT = """
    SELECT id, tenant_id, node_id, system_id, hostname, image_code, shared, state, address
    FROM provisioning.node_deployments"""
INSERT = text("""
    INSERT INTO provisioning.node_deployments (id, tenant_id, node_id, system_id, hostname, image_code, shared, state,
                                               address, created_at)
    VALUES (:id, :tenant_id, :node_id, :system_id, :hostname, :image_code, :shared, 'live', NULL, :now)
    RETURNING id, tenant_id, node_id, system_id, hostname, image_code, shared, state, address
""")
BY_ID = text(SELECT + " WHERE id = :id")
LOCK = text(SELECT + " WHERE id = :id FOR UPDATE")
LOCK_OPEN = text(SELECT + " WHERE node_id = :node_id AND state <> 'ended' FOR UPDATE")
ALL_OPEN = text(SELECT + " WHERE state <> 'ended' ORDER BY hostname")
LATEST = text("""
    SELECT id, tenant_id, node_id, system_id, hostname, image_code, shared, state, address
    FROM (SELECT *, row_number() OVER (PARTITION BY system_id ORDER BY created_at DESC) AS age
          FROM provisioning.node_deployments WHERE system_id = ANY(:system_ids)) AS numbered
    WHERE age <= 10 ORDER BY system_id, age
""")
ADDRESS = text("""
    UPDATE provisioning.node_deployments SET address = :address, version = version + 1
    WHERE id = :id AND address IS DISTINCT FROM :address
""")
CLOSE = text("""
    UPDATE provisioning.node_deployments SET state = 'closing', version = version + 1 WHERE id = :id AND state = 'live'
""")
FINISH = text("""
    UPDATE provisioning.node_deployments SET state = 'ended', ended_at = :now, version = version + 1
    WHERE id = :id AND state <> 'ended'
""")
CLAIM = text("""
    INSERT INTO provisioning.allocation_resource_claims (id, tenant_id, project_id, allocation_id, deployment_id,
                                                         node_id, slot_index, claimed_at)
    VALUES (:id, :tenant_id, :project_id, :allocation_id, :deployment_id, :node_id, :slot_index, :now)
""")
CLOSE_CLAIMS = text("""
    UPDATE provisioning.allocation_resource_claims SET freed_at = :now
    WHERE allocation_id = :allocation_id AND freed_at IS NULL
""")
OTHERS = text("""
    SELECT count(DISTINCT allocation_id) FROM provisioning.allocation_resource_claims
    WHERE deployment_id = :deployment_id AND allocation_id <> :allocation_id AND freed_at IS NULL
""")
ACCOUNTS = text("""
    SELECT DISTINCT a.login, a.uid FROM provisioning.allocation_resource_claims c
    JOIN provisioning.allocations a ON a.id = c.allocation_id
    WHERE c.deployment_id = :deployment_id AND c.allocation_id <> :allocation_id
      AND (c.freed_at IS NULL OR (a.deployment_id = :deployment_id AND a.ended_at IS NULL))
""")
OPEN_CLAIM = text("""
    SELECT EXISTS (SELECT FROM provisioning.allocation_resource_claims
                   WHERE allocation_id = :allocation_id AND freed_at IS NULL)
""")
PLACED = text("""
    INSERT INTO provisioning.allocation_placements (id, tenant_id, project_id, allocation_id, attempt, node_id,
                                                    node_name, slots, candidates, reason, placed_at)
    VALUES (:id, :tenant_id, :project_id, :allocation_id, :attempt, :node_id, :node_name, :slots, :candidates, :reason,
            :now)
    ON CONFLICT (allocation_id, attempt) DO NOTHING
""")
TRIED = text("SELECT node_id FROM provisioning.allocation_placements WHERE allocation_id = :allocation_id")


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """These slots of this node. `candidates` nodes were as good, as far as they were counted; `reason` explains it."""

    node_id: UUID
    hostname: str
    slots: tuple[int, ...]
    candidates: int
    reason: str


class MachineRepository(Repository):
    """Bound to one unit of work."""

    async def open_deployment(
        self, allocation: Allocation, node_id: UUID, system_id: str, hostname: str, now: datetime
    ) -> DeploymentView:
        """Start a deployment of this machine. Raises IntegrityError when it has an open one."""
        values = {
            "id": new_id(),
            "tenant_id": allocation.tenant_id,
            "node_id": node_id,
            "system_id": system_id,
            "hostname": hostname,
            "image_code": allocation.image_code,
            "shared": not allocation.whole,
            "now": now,
        }
        return (await self._list_views(DeploymentView, INSERT, **values))[0]

    async def get_deployment(self, deployment_id: UUID | None, *, lock: bool = False) -> DeploymentView:
        """Raises NotFound."""
        deployment = await self._find_view(DeploymentView, LOCK if lock else BY_ID, id=deployment_id)
        if deployment is None:
            raise NotFound()
        return deployment

    async def lock_open(self, node_id: UUID) -> DeploymentView | None:
        """The deployment that this node has now, locked; lock the node first."""
        return await self._find_view(DeploymentView, LOCK_OPEN, node_id=node_id)

    async def list_all_open(self) -> list[DeploymentView]:
        """Every deployment that has not ended, of all tenants: for the comparison with MAAS."""
        return await self._list_views(DeploymentView, ALL_OPEN)

    async def list_latest(self, system_ids: Sequence[str]) -> dict[str, list[DeploymentView]]:
        """The last deployments of each of these machines, newest first; at most 10 of one."""
        latest: dict[str, list[DeploymentView]] = {}
        for deployment in await self._list_views(DeploymentView, LATEST, system_ids=list(system_ids)):
            latest.setdefault(deployment.system_id, []).append(deployment)
        return latest

    async def set_address(self, deployment_id: UUID, address: str) -> None:
        await self._session.execute(ADDRESS, {"id": deployment_id, "address": address})

    async def close_deployment(self, deployment_id: UUID) -> None:
        """No further tenant may join; the machine will be returned."""
        await self._session.execute(CLOSE, {"id": deployment_id})

    async def end_deployment(self, deployment_id: UUID, now: datetime) -> None:
        """The machine is not ours any more."""
        await self._session.execute(FINISH, {"id": deployment_id, "now": now})

    async def claim(
        self, allocation: Allocation, deployment: DeploymentView, slots: Sequence[int], now: datetime
    ) -> None:
        """Make the allocation a tenant of the deployment. `slots` are for the record: the inventory says who has them.

        Raises IntegrityError when one of them has an open claim."""
        rows = [
            {
                "id": new_id(),
                "tenant_id": allocation.tenant_id,
                "project_id": allocation.project_id,
                "allocation_id": allocation.id,
                "deployment_id": deployment.id,
                "node_id": deployment.node_id,
                "slot_index": slot,
                "now": now,
            }
            for slot in slots
        ]
        await self._session.execute(CLAIM, rows)

    async def close_claims(self, allocation_id: UUID, now: datetime) -> None:
        """The allocation leaves its deployment. Safe to repeat."""
        await self._session.execute(CLOSE_CLAIMS, {"allocation_id": allocation_id, "now": now})

    async def count_others(self, deployment_id: UUID, allocation_id: UUID) -> int:
        """How many other allocations are tenants of this deployment. The node must be locked by the caller."""
        place = {"deployment_id": deployment_id, "allocation_id": allocation_id}
        return int(await self._session.scalar(OTHERS, place) or 0)

    async def accounts_on(self, deployment_id: UUID, allocation_id: UUID) -> dict[str, int]:
        """Logins and uids of the other tenants of this deployment, including those whose accounts are about to be
        removed by name."""
        place = {"deployment_id": deployment_id, "allocation_id": allocation_id}
        return {row.login: row.uid for row in await self._session.execute(ACCOUNTS, place)}

    async def has_open_claim(self, allocation_id: UUID) -> bool:
        """Whether the allocation is a tenant of a deployment and has not left it."""
        return bool(await self._session.scalar(OPEN_CLAIM, {"allocation_id": allocation_id}))

    async def append_placement(self, allocation: Allocation, placement: Placement, attempt: int, now: datetime) -> None:
        """Record where the attempt went; a repeat keeps the first."""
        values = {
            "id": new_id(),
            "tenant_id": allocation.tenant_id,
            "project_id": allocation.project_id,
            "allocation_id": allocation.id,
            "attempt": attempt,
            "node_id": placement.node_id,
            "node_name": placement.hostname,
            "slots": list(placement.slots),
            "candidates": placement.candidates,
            "reason": placement.reason,
            "now": now,
        }
        await self._session.execute(PLACED, values)

    async def tried_nodes(self, allocation_id: UUID) -> set[UUID]:
        """Every node that this allocation was placed on so far."""
        return set(await self._session.scalars(TRIED, {"allocation_id": allocation_id}))
