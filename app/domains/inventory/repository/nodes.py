"""Nodes: what MAAS reports, the state we gave them, and the lists for operators."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

import msgspec
from sqlalchemy import Row, text

from app.domains.inventory.contracts import Disk, Gpu, ImageId, NodeDetail, NodeId, NodeState, SkuId, WarmImage
from app.domains.inventory.repository.maintenance import MaintenanceRepository
from app.domains.inventory.repository.slots import SlotRepository
from app.shared.db.repository import Repository

LOCK = text("""
    SELECT n.id, n.sku_id, n.state, n.cordoned_at, n.deployed_shared, n.maas_state, n.version, n.drain_since,
           EXISTS (SELECT FROM inventory.maintenance_windows w
                   WHERE w.node_id = n.id AND w.closed_at IS NULL
                     AND w.starts_at <= now() AND now() < w.ends_at) AS in_window
    FROM inventory.nodes n WHERE n.id = :id FOR UPDATE OF n
""")
NODE = text("""
    SELECT n.*, k.code AS sku_code, i.code AS deployed_image FROM inventory.nodes n
    LEFT JOIN inventory.sku_catalog k ON k.id = n.sku_id LEFT JOIN inventory.os_images i ON i.id = n.deployed_image_id
    WHERE n.id = :id
""")
WARM_ON = text("""
    SELECT c.image_id, i.code, c.warmed_at, c.last_used_at FROM inventory.node_image_cache c
    JOIN inventory.os_images i ON i.id = c.image_id WHERE c.node_id = :id ORDER BY c.last_used_at DESC
""")
BY_SYSTEM_ID = text("SELECT id FROM inventory.nodes WHERE system_id = :system_id")
NAMES = text("SELECT id, hostname FROM inventory.nodes WHERE id = ANY(:ids)")
TOUCH = text("UPDATE inventory.nodes SET version = version + 1 WHERE id = :id RETURNING version, sku_id")
SET_STATE = text("""
    UPDATE inventory.nodes SET state = :state, state_reason = :reason, state_since = :now, version = version + 1
    WHERE id = :id RETURNING version, sku_id
""")
SET_CORDON = text("""
    UPDATE inventory.nodes
    SET cordoned_at = :at, cordon_reason = :reason, drain_since = NULL, drain_deadline = NULL, version = version + 1
    WHERE id = :id RETURNING version, sku_id
""")
SET_DRAIN = text("""
    UPDATE inventory.nodes
    SET cordoned_at = coalesce(cordoned_at, :now), cordon_reason = :reason, drain_since = coalesce(drain_since, :now),
        drain_deadline = :deadline, version = version + 1
    WHERE id = :id RETURNING version, sku_id
""")
SET_SHARED = text("""
    UPDATE inventory.nodes
    SET deployed_shared = :shared, deployed_image_id = :image_id, deployed_tenant_id = CAST(:tenant_id AS uuid),
        version = version + 1
    WHERE id = :id RETURNING version, sku_id
""")
OBSERVE = text("""
    UPDATE inventory.nodes
    SET maas_state = :maas_state, address = :address, maas_seen_at = greatest(maas_seen_at, :now), version = version + 1
    WHERE id = :id RETURNING version, sku_id
""")
# An import reads MAAS first and writes later: what provisioning saw in between is newer and stays.
KNOWN = text("""
    SELECT id, system_id, hostname, zone, sku_id, sku_problem, state, state_reason, maas_state, maas_message, address,
           power_state, hardware, gpus FROM inventory.nodes
""")
LOCK_KNOWN = text("""
    SELECT id, system_id, hostname, zone, sku_id, sku_problem, state, state_reason, maas_state, maas_message, address,
           power_state, hardware, gpus FROM inventory.nodes
    WHERE system_id = ANY(:system_ids) AND maas_seen_at <= :seen_from ORDER BY id FOR UPDATE
""")
INSERT_NODE = text("""
    INSERT INTO inventory.nodes (id, system_id, hostname, sku_id, sku_problem, zone, state, state_since, address,
        maas_state, maas_message, maas_seen_at, power_state, hardware, cpu_count, memory_mib, gpus, disks, imported_at)
    VALUES (:id, :system_id, :hostname, :sku_id, :sku_problem, :zone, 'ready', :seen_at, :address,
        :maas_state, :maas_message, :seen_at, :power_state, :hardware, :cpu_count, :memory_mib, CAST(:gpus AS jsonb),
        CAST(:disks AS jsonb), :seen_at)
    ON CONFLICT (system_id) DO NOTHING RETURNING id
""")
UPDATE_SEEN = text("""
    UPDATE inventory.nodes
    SET hostname = :hostname, sku_id = :sku_id, sku_problem = :sku_problem, zone = :zone, address = :address,
        state_since = CASE WHEN state = :state THEN state_since ELSE :seen_at END,
        state = :state, state_reason = :state_reason, maas_state = :maas_state, maas_message = :maas_message,
        maas_seen_at = :seen_at, power_state = :power_state, hardware = :hardware,
        cpu_count = :cpu_count, memory_mib = :memory_mib,
        gpus = CAST(:gpus AS jsonb), disks = CAST(:disks AS jsonb), version = version + 1
    WHERE id = :id RETURNING version, sku_id
""")
SEEN_UNCHANGED = text("""
    UPDATE inventory.nodes SET maas_seen_at = :seen_at
    WHERE id = ANY(ARRAY(SELECT id FROM inventory.nodes WHERE id = ANY(:ids) AND maas_seen_at < :seen_at
                         ORDER BY id FOR NO KEY UPDATE SKIP LOCKED))
""")


class LockedNode(msgspec.Struct, frozen=True):
    """What decides over a node, read under its lock."""

    id: NodeId
    sku_id: SkuId | None
    state: NodeState
    cordoned: bool
    deployed_as_shared: bool
    maas_state: str
    version: int
    is_draining: bool = False
    in_window: bool = False


class KnownNode(msgspec.Struct, frozen=True, kw_only=True):
    """What an import compares with what MAAS reports."""

    id: NodeId
    system_id: str
    hostname: str
    zone: str
    sku_id: SkuId | None
    sku_problem: str | None
    state: NodeState
    state_reason: str | None
    maas_state: str
    maas_message: str
    address: str | None
    power_state: str
    hardware: str
    gpus: tuple[Gpu, ...]


class SeenNode(msgspec.Struct, frozen=True, kw_only=True):
    """A row as an import wants it."""

    id: NodeId
    system_id: str
    hostname: str
    zone: str
    sku_id: SkuId | None
    sku_problem: str | None
    address: str | None
    maas_state: str
    maas_message: str
    power_state: str
    hardware: str
    cpu_count: int
    memory_mib: int
    gpus: tuple[Gpu, ...]
    disks: tuple[Disk, ...]


class Changed(msgspec.Struct, frozen=True):
    """A node's version after a change, and its type."""

    version: int
    sku_id: SkuId | None


class NodeRepository(Repository):
    """Nodes as MAAS reports them and as we use them."""

    async def lock_node(self, node_id: UUID) -> LockedNode | None:
        """Take the node's row lock."""
        row = (await self._session.execute(LOCK, {"id": node_id})).one_or_none()
        if row is None:
            return None
        state = cast(NodeState, row.state)
        return LockedNode(
            row.id, row.sku_id, state, row.cordoned_at is not None, row.deployed_shared, row.maas_state, row.version,
            row.drain_since is not None, row.in_window,
        )  # fmt: skip

    async def find_node(self, node_id: UUID) -> NodeDetail | None:
        """Everything about one node."""
        row = (await self._session.execute(NODE, {"id": node_id})).one_or_none()
        if row is None:
            return None
        warm = [
            WarmImage(ImageId(item.image_id), item.code, item.warmed_at, item.last_used_at)
            for item in await self._session.execute(WARM_ON, {"id": node_id})
        ]
        held = await SlotRepository(self._session).list_slots([node_id])
        return NodeDetail(
            id=NodeId(row.id),
            system_id=row.system_id,
            hostname=row.hostname,
            sku_id=row.sku_id,
            sku_code=row.sku_code,
            sku_problem=row.sku_problem,
            zone=row.zone,
            state=row.state,
            state_reason=row.state_reason,
            state_since=row.state_since,
            cordoned_at=row.cordoned_at,
            cordon_reason=row.cordon_reason,
            deployed_as_shared=row.deployed_shared,
            deployed_image=row.deployed_image,
            address=row.address,
            maas_state=row.maas_state,
            maas_message=row.maas_message,
            maas_seen_at=row.maas_seen_at,
            cpu_count=row.cpu_count,
            memory_gib=row.memory_mib // 1024,
            disks=msgspec.convert(row.disks, tuple[Disk, ...]),
            slots=tuple(held[node_id]),
            warm=tuple(warm),
            imported_at=row.imported_at,
            version=row.version,
            power_state=row.power_state,
            drain_since=row.drain_since,
            drain_deadline=row.drain_deadline,
            windows=tuple(await MaintenanceRepository(self._session).list_open(node_id)),
        )

    async def find_id(self, system_id: str) -> NodeId | None:
        """The node that MAAS calls so."""
        found: UUID | None = await self._session.scalar(BY_SYSTEM_ID, {"system_id": system_id})
        return None if found is None else NodeId(found)

    async def list_names(self, node_ids: Iterable[UUID]) -> dict[UUID, str]:
        """Host names by id."""
        return {row.id: row.hostname for row in await self._session.execute(NAMES, {"ids": list(node_ids)})}

    async def touch(self, node_id: UUID) -> Changed:
        """Count a change of the node's slots."""
        return _changed((await self._session.execute(TOUCH, {"id": node_id})).one())

    async def set_state(self, node_id: UUID, state: NodeState, reason: str | None, now: datetime) -> Changed:
        """Put the node into `state`; the reason is None only for ready."""
        values = {"id": node_id, "state": state, "reason": reason, "now": now}
        return _changed((await self._session.execute(SET_STATE, values)).one())

    async def set_cordon(self, node_id: UUID, at: datetime | None, reason: str | None) -> Changed:
        """Cordon with both, uncordon with neither."""
        return _changed((await self._session.execute(SET_CORDON, {"id": node_id, "at": at, "reason": reason})).one())

    async def set_drain(self, node_id: UUID, now: datetime, reason: str, deadline: datetime | None) -> Changed:
        """Cordoned, and to be left by those on it."""
        values = {"id": node_id, "now": now, "reason": reason, "deadline": deadline}
        return _changed((await self._session.execute(SET_DRAIN, values)).one())

    async def set_shared(self, node_id: UUID, image_id: UUID | None, tenant_id: UUID | None) -> Changed:
        """Deployed as a shared node with this image, for this tenant; without an image it is not shared."""
        values = {"id": node_id, "shared": image_id is not None, "image_id": image_id, "tenant_id": tenant_id}
        return _changed((await self._session.execute(SET_SHARED, values)).one())

    async def set_observed(self, node_id: UUID, maas_state: str, address: str | None, now: datetime) -> Changed:
        """Record what was just read from MAAS."""
        values = {"id": node_id, "maas_state": maas_state, "address": address, "now": now}
        return _changed((await self._session.execute(OBSERVE, values)).one())

    async def list_known(self) -> dict[str, KnownNode]:
        """Every node by its system_id."""
        return {row.system_id: _known(row) for row in await self._session.execute(KNOWN)}

    async def lock_known(self, seen_from: datetime, system_ids: Sequence[str]) -> dict[str, KnownNode]:
        """Lock those of these nodes that were not read since `seen_from`, in the order of their ids."""
        rows = await self._session.execute(LOCK_KNOWN, {"seen_from": seen_from, "system_ids": list(system_ids)})
        return {row.system_id: _known(row) for row in rows}

    async def append_node(self, seen: SeenNode, seen_at: datetime) -> bool:
        """Whether the node was added; False when another import was faster."""
        return await self._session.scalar(INSERT_NODE, _values(seen, seen_at)) is not None

    async def update_seen(self, seen: SeenNode, state: NodeState, reason: str | None, seen_at: datetime) -> Changed:
        """Write what MAAS reports now."""
        values = _values(seen, seen_at) | {"state": state, "state_reason": reason}
        return _changed((await self._session.execute(UPDATE_SEEN, values)).one())

    async def set_seen(self, node_ids: Sequence[UUID], seen_at: datetime) -> None:
        """MAAS still reports the same of these. Whom somebody works on is left out: the next import comes soon."""
        await self._session.execute(SEEN_UNCHANGED, {"ids": list(node_ids), "seen_at": seen_at})


def _values(seen: SeenNode, seen_at: datetime) -> dict[str, object]:
    values: dict[str, object] = msgspec.structs.asdict(seen)
    as_json = {name: msgspec.json.encode(getattr(seen, name)).decode() for name in ("gpus", "disks")}
    return values | as_json | {"seen_at": seen_at}


def _changed(row: Row[tuple[object, ...]]) -> Changed:
    return Changed(row.version, row.sku_id)


def _known(row: Row[tuple[object, ...]]) -> KnownNode:
    return KnownNode(
        id=NodeId(row.id),
        system_id=row.system_id,
        hostname=row.hostname,
        zone=row.zone,
        sku_id=row.sku_id,
        sku_problem=row.sku_problem,
        state=row.state,
        state_reason=row.state_reason,
        maas_state=row.maas_state,
        maas_message=row.maas_message,
        address=row.address,
        power_state=row.power_state,
        hardware=row.hardware,
        gpus=msgspec.convert(row.gpus, tuple[Gpu, ...]),
    )
