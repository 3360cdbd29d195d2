"""The operator's list of nodes: one statement for the rows with their slots, one for the counts; none per row."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Row, text

from app.domains.inventory.contracts import FleetNode, NodeId, NodeState
from app.shared.authz import PlatformScope
from app.shared.db.repository import Repository

PAGE = text("""
    SELECT n.id, n.system_id, n.hostname, n.zone, n.state, n.state_reason, n.cordoned_at, n.cordon_reason,
           n.sku_problem, n.deployed_shared, n.maas_state, n.maas_message, n.maas_seen_at, n.address, n.version,
           k.code AS sku_code,
           ARRAY(SELECT s.allocation_id FROM inventory.node_resource_slots s
                 WHERE s.node_id = n.id ORDER BY s.slot_index) AS holders
    FROM inventory.nodes n LEFT JOIN inventory.sku_catalog k ON k.id = n.sku_id
    WHERE (CAST(:after AS text) IS NULL OR (n.hostname, n.id) > (CAST(:after AS text), CAST(:after_id AS uuid)))
      AND (CAST(:state AS text) IS NULL OR n.state = :state)
      AND (NOT :cordoned OR n.cordoned_at IS NOT NULL)
      AND (CAST(:sku AS text) IS NULL OR k.code = :sku)
      AND (CAST(:search AS text) IS NULL OR strpos(lower(n.hostname), :search) > 0
           OR strpos(n.system_id, :search) > 0)
    ORDER BY n.hostname, n.id LIMIT :limit
""")
COUNTS = text("""
    SELECT count(*) AS nodes, count(*) FILTER (WHERE n.state = 'ready') AS ready,
           count(*) FILTER (WHERE n.state = 'quarantined') AS quarantined,
           count(*) FILTER (WHERE n.state = 'maintenance') AS maintenance,
           count(*) FILTER (WHERE n.state = 'missing') AS missing,
           count(*) FILTER (WHERE n.state = 'retired') AS retired,
           count(*) FILTER (WHERE n.cordoned_at IS NOT NULL) AS cordoned,
           count(*) FILTER (WHERE n.sku_id IS NULL) AS unmatched,
           coalesce(sum(held.total), 0)::bigint AS slots, coalesce(sum(held.taken), 0)::bigint AS taken,
           max(n.maas_seen_at) AS seen_at
    FROM inventory.nodes n
    LEFT JOIN (SELECT s.node_id, count(*) AS total, count(s.allocation_id) AS taken
               FROM inventory.node_resource_slots s GROUP BY s.node_id) held ON held.node_id = n.id
""")
FLEET = text("""
    SELECT n.id, n.system_id, n.hostname, n.zone, k.code AS sku_code, k.title AS sku_title, n.state, n.state_reason,
           n.state_since, n.cordoned_at, n.cordon_reason, n.drain_since, n.drain_deadline, n.maas_state, n.power_state,
           n.deployed_shared AS deployed_as_shared, w.ends_at AS maintenance_until, held.holders
    FROM inventory.nodes n
    LEFT JOIN inventory.sku_catalog k ON k.id = n.sku_id
    JOIN (SELECT s.node_id, array_agg(s.allocation_id ORDER BY s.slot_index) AS holders
          FROM inventory.node_resource_slots s GROUP BY s.node_id) held ON held.node_id = n.id
    LEFT JOIN (SELECT node_id, max(ends_at) AS ends_at FROM inventory.maintenance_windows
               WHERE closed_at IS NULL AND starts_at <= now() AND now() < ends_at GROUP BY node_id) w
           ON w.node_id = n.id
    WHERE n.state <> 'retired'
    ORDER BY k.gpu_count > 0 DESC NULLS LAST, k.position, k.code NULLS LAST, n.zone, n.hostname, n.id
""")


class NodeFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What the list shows. `search` looks in host names and system ids; `after` is where the page before ended."""

    state: str | None = None
    cordoned: bool = False
    sku: str | None = None
    search: str | None = None
    after: tuple[str, UUID] | None = None
    limit: int = 50


class NodeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One node of the list. `holders` has one entry per slot, in order: the allocation that holds it, or None."""

    id: NodeId
    system_id: str
    hostname: str
    zone: str
    state: NodeState
    state_reason: str | None
    cordoned_at: datetime | None
    cordon_reason: str | None
    sku_code: str | None
    sku_problem: str | None
    deployed_as_shared: bool
    maas_state: str
    maas_message: str
    maas_seen_at: datetime
    address: str | None
    holders: tuple[UUID | None, ...]
    version: int


class FleetCounts(msgspec.Struct, frozen=True, kw_only=True):
    """The whole fleet in figures."""

    nodes: int
    ready: int
    quarantined: int
    maintenance: int
    missing: int
    retired: int
    cordoned: int
    unmatched: int
    slots: int
    taken: int
    seen_at: datetime | None


class FleetRepository(Repository):
    """The operator's list: no statement per row."""

    async def page_nodes(self, scope: PlatformScope, wanted: NodeFilter) -> Sequence[NodeRow]:
        """At most `limit` nodes, by host name."""
        after, after_id = wanted.after or (None, None)
        values = {
            "after": after,
            "after_id": after_id,
            "state": wanted.state,
            "cordoned": wanted.cordoned,
            "sku": wanted.sku,
            "search": wanted.search,
            "limit": wanted.limit,
        }
        return [_row(row) for row in await self._session.execute(PAGE, values)]

    async def count_nodes(self, scope: PlatformScope) -> FleetCounts:
        """The fleet in figures."""
        row = (await self._session.execute(COUNTS)).one()
        return FleetCounts(**row._mapping)

    async def list_fleet(self, scope: PlatformScope) -> list[FleetNode]:
        """Every node that is not retired, by type, zone and name."""
        rows = await self._session.execute(FLEET)
        return [FleetNode(**(dict(row._mapping) | {"holders": tuple(row.holders)})) for row in rows]


def _row(row: Row[tuple[object, ...]]) -> NodeRow:
    return NodeRow(
        id=NodeId(row.id),
        system_id=row.system_id,
        hostname=row.hostname,
        zone=row.zone,
        state=row.state,
        state_reason=row.state_reason,
        cordoned_at=row.cordoned_at,
        cordon_reason=row.cordon_reason,
        sku_code=row.sku_code,
        sku_problem=row.sku_problem,
        deployed_as_shared=row.deployed_shared,
        maas_state=row.maas_state,
        maas_message=row.maas_message,
        maas_seen_at=row.maas_seen_at,
        address=row.address,
        holders=tuple(row.holders),
        version=row.version,
    )
