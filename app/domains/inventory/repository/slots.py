"""Slots: which are free, and which allocation holds which. A node's row is always locked before its slots change."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from sqlalchemy import Row, text

from app.domains.inventory.contracts import (
    Gpu,
    NodeId,
    SkuId,
    SlotView,
)
from app.shared.db.repository import Repository
from app.shared.ids import new_id


class FreedNode(msgspec.Struct, frozen=True, kw_only=True):
    """A node after slots of it were freed; `free` of its `total` slots are free now."""

    node_id: NodeId
    slots: tuple[int, ...]
    free: int
    total: int
    version: int
    sku_id: SkuId | None
    is_draining: bool

    @property
    def is_empty(self) -> bool:
        """Whether nobody is on it."""
        return self.free == self.total


SLOTS_OF = text("""
    SELECT node_id, slot_index, allocation_id, claimed_at, gpu FROM inventory.node_resource_slots
    WHERE node_id = ANY(:ids) ORDER BY node_id, slot_index
""")
# One statement: the node and the slots are locked, and taken when the node is in service and all of them are free.
CLAIM = text("""
    WITH node AS MATERIALIZED (
        SELECT n.id, n.state, n.state = 'ready' AND n.cordoned_at IS NULL AND NOT EXISTS (
                   SELECT FROM inventory.maintenance_windows w WHERE w.node_id = n.id AND w.closed_at IS NULL
                      AND w.starts_at <= now() AND now() < w.ends_at) AS in_service
        FROM inventory.nodes n WHERE n.id = :node_id FOR UPDATE OF n
    ), free AS MATERIALIZED (
        SELECT s.slot_index FROM inventory.node_resource_slots s JOIN node ON node.id = s.node_id AND node.in_service
        WHERE s.allocation_id IS NULL
          AND (CAST(:indexes AS integer[]) IS NULL OR s.slot_index = ANY(CAST(:indexes AS integer[])))
        ORDER BY s.slot_index LIMIT CAST(:slots AS integer) FOR UPDATE OF s
    ), claimed AS (
        UPDATE inventory.node_resource_slots s SET allocation_id = :allocation_id, claimed_at = :now FROM free
        WHERE s.node_id = :node_id AND s.slot_index = free.slot_index AND (SELECT count(*) FROM free) = coalesce(
            CAST(:slots AS integer), (SELECT count(*) FROM inventory.node_resource_slots a WHERE a.node_id = :node_id))
        RETURNING s.slot_index
    ), taken AS (
        SELECT array_agg(slot_index ORDER BY slot_index) AS slots FROM claimed HAVING count(*) > 0
    ), changed AS (
        UPDATE inventory.nodes n
        SET version = n.version + 1, deployed_shared = n.deployed_shared OR :shares,
            deployed_image_id = CASE WHEN :shares THEN (SELECT i.id FROM inventory.os_images i WHERE i.code = :image)
                                     ELSE n.deployed_image_id END,
            deployed_tenant_id = CASE WHEN :shares THEN CAST(:tenant_id AS uuid) ELSE n.deployed_tenant_id END
        FROM taken WHERE n.id = :node_id RETURNING n.version, n.sku_id
    ), noted AS (
        INSERT INTO inventory.node_history (id, node_id, occurred_at, kind, detail, allocation_id, actor_kind, actor_id)
        SELECT :entry_id, :node_id, :now, 'claimed', CASE cardinality(slots) WHEN 1 THEN 'slot ' ELSE 'slots ' END
               || array_to_string(slots, ', '), :allocation_id, :actor_kind, CAST(:actor_id AS uuid) FROM taken
    )
    SELECT node.state, node.in_service, taken.slots AS taken, changed.version, changed.sku_id,
           (SELECT count(*) FROM inventory.node_resource_slots a WHERE a.node_id = :node_id AND a.allocation_id IS NULL)
               - cardinality(taken.slots) AS free,
           ARRAY(SELECT a.slot_index FROM inventory.node_resource_slots a
                 WHERE a.node_id = :node_id AND a.allocation_id = :allocation_id ORDER BY a.slot_index) AS held
    FROM node LEFT JOIN taken ON true LEFT JOIN changed ON true
""")
OF_ALLOCATION = text("""
    SELECT slot_index FROM inventory.node_resource_slots WHERE allocation_id = :allocation_id ORDER BY slot_index
""")
LOCK_NODES = text("""
    SELECT id FROM inventory.nodes
    WHERE id IN (SELECT node_id FROM inventory.node_resource_slots WHERE allocation_id = :allocation_id)
    ORDER BY id FOR UPDATE
""")
FREE = text("""
    WITH freed AS (
        UPDATE inventory.node_resource_slots SET allocation_id = NULL, claimed_at = NULL
        WHERE allocation_id = :allocation_id AND node_id = ANY(:node_ids) RETURNING node_id, slot_index
    ), freed_nodes AS (
        SELECT node_id, array_agg(slot_index ORDER BY slot_index) AS slots FROM freed GROUP BY node_id
    ), changed AS (
        UPDATE inventory.nodes n SET version = n.version + 1 FROM freed_nodes f WHERE n.id = f.node_id
        RETURNING n.id, n.version, n.sku_id, n.drain_since IS NOT NULL AS is_draining
    ), noted AS (
        INSERT INTO inventory.node_history (id, node_id, occurred_at, kind, detail, allocation_id, actor_kind, actor_id)
        SELECT uuidv7(), node_id, :now, 'freed', CASE cardinality(slots) WHEN 1 THEN 'slot ' ELSE 'slots ' END
               || array_to_string(slots, ', '), :allocation_id, :actor_kind, CAST(:actor_id AS uuid) FROM freed_nodes
    )
    SELECT f.node_id, f.slots, c.version, c.sku_id, c.is_draining, left_over.total,
           left_over.free + cardinality(f.slots) AS free
    FROM freed_nodes f JOIN changed c ON c.id = f.node_id
    CROSS JOIN LATERAL (SELECT count(*) AS total, count(*) FILTER (WHERE s.allocation_id IS NULL) AS free
                        FROM inventory.node_resource_slots s WHERE s.node_id = f.node_id) left_over
    ORDER BY f.node_id
""")
DROP_SLOTS = text("DELETE FROM inventory.node_resource_slots WHERE node_id = :node_id")
INSERT_SLOTS = text("""
    INSERT INTO inventory.node_resource_slots (node_id, slot_index, gpu, pci_address)
    SELECT :node_id, (slot ->> 'index')::integer, nullif(slot -> 'gpu', 'null'::jsonb), slot #>> '{gpu,pci_address}'
    FROM jsonb_array_elements(CAST(:slots AS jsonb)) AS slot
""")


class Claim(msgspec.Struct, frozen=True):
    """What a claim found: the node's state, the slots that it took and what is left, or what the allocation has."""

    state: str
    in_service: bool
    taken: tuple[int, ...] | None
    version: int | None
    sku_id: SkuId | None
    free: int | None
    held: tuple[int, ...]


class SlotRepository(Repository):
    """A node's row is locked before its slots change."""

    async def list_slots(self, node_ids: Sequence[UUID]) -> dict[UUID, list[SlotView]]:
        """All slots of the nodes, by node, in order."""
        found: dict[UUID, list[SlotView]] = {node_id: [] for node_id in node_ids}
        for row in await self._session.execute(SLOTS_OF, {"ids": list(node_ids)}):
            found[row.node_id].append(_slot(row))
        return found

    async def claim(self, node_id: UUID, allocation_id: UUID, values: dict[str, object]) -> Claim | None:
        """Take slots of a node and leave a line in its history; None when there is no such node."""
        values = values | {"node_id": node_id, "allocation_id": allocation_id, "entry_id": new_id()}
        row = (await self._session.execute(CLAIM, values)).mappings().one_or_none()
        return None if row is None else msgspec.convert(dict(row), Claim)

    async def list_held(self, allocation_id: UUID) -> tuple[int, ...]:
        """The slots an allocation has, in order."""
        return tuple(await self._session.scalars(OF_ALLOCATION, {"allocation_id": allocation_id}))

    async def free(self, allocation_id: UUID, values: dict[str, object]) -> list[FreedNode]:
        """Lock the nodes of an allocation, free all its slots and leave a line in the nodes' histories."""
        node_ids = list(await self._session.scalars(LOCK_NODES, {"allocation_id": allocation_id}))
        if not node_ids:
            return []
        values = values | {"allocation_id": allocation_id, "node_ids": node_ids}
        return await self._list_views(FreedNode, FREE, **values)

    async def replace_slots(self, node_id: UUID, gpus: Sequence[Gpu]) -> None:
        """Give a node without allocations one slot per GPU, or one without a GPU."""
        await self._session.execute(DROP_SLOTS, {"node_id": node_id})
        await self.append_slots(node_id, gpus)

    async def append_slots(self, node_id: UUID, gpus: Sequence[Gpu]) -> None:
        """The slots of a new node."""
        slots = [{"index": index, "gpu": gpu} for index, gpu in enumerate(gpus)] or [{"index": 0, "gpu": None}]
        await self._session.execute(INSERT_SLOTS, {"node_id": node_id, "slots": msgspec.json.encode(slots).decode()})


def _slot(row: Row[tuple[object, ...]]) -> SlotView:
    gpu = None if row.gpu is None else msgspec.convert(row.gpu, Gpu)
    return SlotView(row.slot_index, row.allocation_id, gpu, row.claimed_at)
