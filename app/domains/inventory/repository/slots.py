"""Slots: which are free, and which allocation holds which. A node's row is always locked before its slots change."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Row, text

from app.domains.inventory.contracts import Availability, Gpu, NodeId, NodeView, SlotView
from app.shared.db.repository import Repository


class FreedNode(msgspec.Struct, frozen=True):
    """A node after slots of it were freed; `is_empty` when none of its slots is held."""

    node_id: NodeId
    slots: tuple[int, ...]
    is_empty: bool


# What fits: `inventory.node_capacity` says what is whole and what is shared. Shared nodes of another image do not fit.
LOCK_FITTING = text("""
    SELECT n.id FROM inventory.nodes n JOIN inventory.node_capacity c ON c.node_id = n.id
    WHERE c.sku_id = :sku_id AND coalesce(CAST(:wanted AS bigint), 0) <= c.free
      AND (c.is_whole OR (c.is_shared AND CAST(:wanted AS bigint) IS NOT NULL
                          AND coalesce(CAST(:image AS text), c.deployed_image) = c.deployed_image))
    ORDER BY n.id FOR UPDATE OF n
""")
FITTING = text("""
    SELECT n.id, n.hostname, n.system_id, n.state, n.deployed_shared, n.cordoned_at, k.code AS sku,
           c.deployed_image, c.total,
           ARRAY(SELECT s.slot_index FROM inventory.node_resource_slots s
                 WHERE s.node_id = n.id AND s.allocation_id IS NULL ORDER BY s.slot_index) AS free_slots,
           ARRAY(SELECT w.code FROM inventory.node_image_cache h JOIN inventory.os_images w ON w.id = h.image_id
                 WHERE h.node_id = n.id) AS warm
    FROM inventory.nodes n JOIN inventory.node_capacity c ON c.node_id = n.id
    JOIN inventory.sku_catalog k ON k.id = n.sku_id
    WHERE c.sku_id = :sku_id AND coalesce(CAST(:wanted AS bigint), 0) <= c.free
      AND (c.is_whole OR (c.is_shared AND CAST(:wanted AS bigint) IS NOT NULL
                          AND coalesce(CAST(:image AS text), c.deployed_image) = c.deployed_image))
      AND (CAST(:ids AS uuid[]) IS NULL OR n.id = ANY(:ids))
    ORDER BY n.id
""")
SLOTS_OF = text("""
    SELECT node_id, slot_index, allocation_id, claimed_at, gpu FROM inventory.node_resource_slots
    WHERE node_id = ANY(:ids) ORDER BY node_id, slot_index
""")
CLAIM = text("""
    UPDATE inventory.node_resource_slots SET allocation_id = :allocation_id, claimed_at = :now
    WHERE node_id = :node_id AND slot_index = ANY(:indexes) AND allocation_id IS NULL RETURNING slot_index
""")
OF_ALLOCATION = text("""
    SELECT slot_index FROM inventory.node_resource_slots WHERE allocation_id = :allocation_id ORDER BY slot_index
""")
NODES_OF_ALLOCATION = text("""
    SELECT id FROM inventory.nodes
    WHERE id IN (SELECT node_id FROM inventory.node_resource_slots WHERE allocation_id = :allocation_id)
    ORDER BY id FOR UPDATE
""")
FREE = text("""
    UPDATE inventory.node_resource_slots SET allocation_id = NULL, claimed_at = NULL
    WHERE allocation_id = :allocation_id RETURNING node_id, slot_index
""")
DROP_SLOTS = text("DELETE FROM inventory.node_resource_slots WHERE node_id = :node_id")
INSERT_SLOTS = text("""
    INSERT INTO inventory.node_resource_slots (node_id, slot_index, gpu, pci_address)
    SELECT :node_id, (slot ->> 'index')::integer, nullif(slot -> 'gpu', 'null'::jsonb), slot #>> '{gpu,pci_address}'
    FROM jsonb_array_elements(CAST(:slots AS jsonb)) AS slot
""")
AVAILABILITY = text("""
    SELECT c.sku_id, count(*) AS total, count(*) FILTER (WHERE c.is_whole AND k.sells_whole) AS free_whole,
           coalesce(sum(c.free) FILTER (WHERE (c.is_whole OR c.is_shared) AND k.sells_slots), 0)::bigint AS free_slots,
           coalesce(max(c.free) FILTER (WHERE (c.is_whole OR c.is_shared) AND k.sells_slots), 0) AS max_together
    FROM inventory.node_capacity c JOIN inventory.sku_catalog k ON k.id = c.sku_id
    WHERE c.state = 'ready' GROUP BY c.sku_id
""")


class SlotRepository(Repository):
    """A node's row is locked before its slots change."""

    async def lock_fitting(self, sku_id: UUID, wanted: int | None, image: str | None) -> list[UUID]:
        """Lock, in the order of their ids, the nodes that fit as far as one can see before the lock."""
        rows = await self._session.execute(LOCK_FITTING, {"sku_id": sku_id, "wanted": wanted, "image": image})
        return [row.id for row in rows]

    async def list_fitting(
        self, sku_id: UUID, wanted: int | None, image: str | None, ids: Sequence[UUID] | None = None
    ) -> list[NodeView]:
        """The nodes that fit now, of `ids` when given."""
        values = {"sku_id": sku_id, "wanted": wanted, "image": image, "ids": None if ids is None else list(ids)}
        return [
            NodeView(
                node_id=NodeId(row.id),
                name=row.hostname,
                sku=row.sku,
                state=row.state,
                free_slots=tuple(row.free_slots),
                total_slots=row.total,
                warm_images=frozenset(row.warm),
                deployed_as_shared=row.deployed_shared,
                cordoned=row.cordoned_at is not None,
                system_id=row.system_id,
                deployed_image=row.deployed_image,
            )
            for row in await self._session.execute(FITTING, values)
        ]

    async def list_slots(self, node_ids: Sequence[UUID]) -> dict[UUID, list[SlotView]]:
        """All slots of the nodes, by node, in order."""
        found: dict[UUID, list[SlotView]] = {node_id: [] for node_id in node_ids}
        for row in await self._session.execute(SLOTS_OF, {"ids": list(node_ids)}):
            found[row.node_id].append(_slot(row))
        return found

    async def claim(self, node_id: UUID, indexes: Sequence[int], allocation_id: UUID, now: datetime) -> int:
        """Give free ones of these slots to the allocation; how many it got."""
        values = {"node_id": node_id, "indexes": list(indexes), "allocation_id": allocation_id, "now": now}
        return len((await self._session.execute(CLAIM, values)).all())

    async def list_held(self, allocation_id: UUID) -> tuple[int, ...]:
        """The slots an allocation has, in order."""
        return tuple(await self._session.scalars(OF_ALLOCATION, {"allocation_id": allocation_id}))

    async def lock_nodes_of(self, allocation_id: UUID) -> list[UUID]:
        """Lock the nodes an allocation holds slots of."""
        return [row.id for row in await self._session.execute(NODES_OF_ALLOCATION, {"allocation_id": allocation_id})]

    async def free(self, allocation_id: UUID) -> dict[UUID, list[int]]:
        """Free all slots of an allocation; which they were, by node."""
        freed: dict[UUID, list[int]] = {}
        for row in await self._session.execute(FREE, {"allocation_id": allocation_id}):
            freed.setdefault(row.node_id, []).append(row.slot_index)
        return freed

    async def replace_slots(self, node_id: UUID, gpus: Sequence[Gpu]) -> None:
        """Give a node without allocations one slot per GPU, or one without a GPU."""
        await self._session.execute(DROP_SLOTS, {"node_id": node_id})
        await self.append_slots(node_id, gpus)

    async def append_slots(self, node_id: UUID, gpus: Sequence[Gpu]) -> None:
        """The slots of a new node."""
        slots = [{"index": index, "gpu": gpu} for index, gpu in enumerate(gpus)] or [{"index": 0, "gpu": None}]
        await self._session.execute(INSERT_SLOTS, {"node_id": node_id, "slots": msgspec.json.encode(slots).decode()})

    async def list_availability(self) -> dict[UUID, Availability]:
        """What could be placed now, by type."""
        return {
            row.sku_id: Availability(row.free_whole, row.free_slots, row.total, row.max_together)
            for row in await self._session.execute(AVAILABILITY)
        }


def freed_node(node_id: UUID, freed: Sequence[int], slots: Sequence[SlotView]) -> FreedNode:
    """What is left on a node after `freed` slots of it were freed."""
    is_empty = all(slot.allocation_id is None for slot in slots)
    return FreedNode(NodeId(node_id), tuple(sorted(freed)), is_empty)


def _slot(row: Row[tuple[object, ...]]) -> SlotView:
    gpu = None if row.gpu is None else msgspec.convert(row.gpu, Gpu)
    return SlotView(row.slot_index, row.allocation_id, gpu, row.claimed_at)
