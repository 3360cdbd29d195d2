"""Slots: what is free, who holds what. A node's row is always locked before its slots change."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domains.inventory.contracts import Availability, FreedNode, GpuFact, NodeId, NodeView, SlotView

# A whole machine: nobody on it, not shared, and MAAS would deploy it now. Slots: room on a shared node that runs (or
# soon runs) the image wanted, or a whole machine that could become one.
FITS = """
    n.sku_id = :sku_id AND n.state = 'ready' AND n.cordoned_at IS NULL
    AND CASE WHEN n.deployed_shared
        THEN CAST(:wanted AS integer) <= held.free AND n.maas_state IN ('ready', 'deploying', 'deployed')
             AND (CAST(:image AS text) IS NULL OR i.code = :image)
        ELSE held.free = held.total AND n.maas_state = 'ready' AND coalesce(CAST(:wanted AS integer), 0) <= held.total END
"""
HELD = """
    LEFT JOIN inventory.os_images i ON i.id = n.deployed_image_id
    CROSS JOIN LATERAL (SELECT count(*) AS total, count(*) FILTER (WHERE s.allocation_id IS NULL) AS free
                        FROM inventory.node_resource_slots s WHERE s.node_id = n.id) held
"""
LOCK_FITTING = text("SELECT n.id FROM inventory.nodes n" + HELD + "WHERE" + FITS + "ORDER BY n.id FOR UPDATE OF n")
FITTING = text("""
    SELECT n.id, n.hostname, n.system_id, n.state, n.deployed_shared, n.cordoned_at, k.code AS sku,
           i.code AS deployed_image, held.total,
           ARRAY(SELECT s.slot_index FROM inventory.node_resource_slots s
                 WHERE s.node_id = n.id AND s.allocation_id IS NULL ORDER BY s.slot_index) AS free_slots,
           ARRAY(SELECT w.code FROM inventory.node_image_cache c JOIN inventory.os_images w ON w.id = c.image_id
                 WHERE c.node_id = n.id) AS warm
    FROM inventory.nodes n JOIN inventory.sku_catalog k ON k.id = n.sku_id
""" + HELD + "WHERE (CAST(:ids AS uuid[]) IS NULL OR n.id = ANY(:ids)) AND" + FITS + "ORDER BY n.id")  # fmt: skip
SLOTS_OF = text("""
    SELECT node_id, slot_index, allocation_id, gpu FROM inventory.node_resource_slots
    WHERE node_id = ANY(:ids) ORDER BY node_id, slot_index
""")
CLAIM = text("""
    UPDATE inventory.node_resource_slots SET allocation_id = :allocation_id, claimed_at = :now
    WHERE node_id = :node_id AND slot_index = ANY(:indexes) AND allocation_id IS NULL RETURNING slot_index
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
    WITH per_node AS (
        SELECT n.sku_id, count(*) AS total, count(*) FILTER (WHERE s.allocation_id IS NULL) AS free,
               NOT n.deployed_shared AND n.cordoned_at IS NULL AND n.maas_state = 'ready' AS may_be_whole,
               n.deployed_shared AND n.cordoned_at IS NULL
                   AND n.maas_state IN ('ready', 'deploying', 'deployed') AS is_shared
        FROM inventory.nodes n JOIN inventory.node_resource_slots s ON s.node_id = n.id
        WHERE n.sku_id IS NOT NULL AND n.state = 'ready' GROUP BY n.id
    ), judged AS (
        SELECT sku_id, free, may_be_whole AND free = total AS is_whole,
               is_shared OR (may_be_whole AND free = total) AS has_slots
        FROM per_node
    )
    SELECT j.sku_id, count(*) AS total, count(*) FILTER (WHERE is_whole AND k.sells_whole) AS free_whole,
           coalesce(sum(free) FILTER (WHERE has_slots AND k.sells_slots), 0)::bigint AS free_slots,
           coalesce(max(free) FILTER (WHERE has_slots AND k.sells_slots), 0) AS most_together
    FROM judged j JOIN inventory.sku_catalog k ON k.id = j.sku_id GROUP BY j.sku_id
""")


async def lock_fitting(session: AsyncSession, sku_id: UUID, wanted: int | None, image: str | None) -> list[UUID]:
    """Lock, in the order of their ids, the nodes that fit as far as one can see before the lock."""
    rows = await session.execute(LOCK_FITTING, {"sku_id": sku_id, "wanted": wanted, "image": image})
    return [row.id for row in rows]


async def list_fitting(
    session: AsyncSession, sku_id: UUID, wanted: int | None, image: str | None, ids: Sequence[UUID] | None = None
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
        for row in await session.execute(FITTING, values)
    ]


async def slots_of(session: AsyncSession, node_ids: Sequence[UUID]) -> dict[UUID, list[SlotView]]:
    """All slots of the nodes, by node, in order."""
    found: dict[UUID, list[SlotView]] = {node_id: [] for node_id in node_ids}
    for row in await session.execute(SLOTS_OF, {"ids": list(node_ids)}):
        found[row.node_id].append(_slot(row))
    return found


async def claim(
    session: AsyncSession, node_id: UUID, indexes: Sequence[int], allocation_id: UUID, now: datetime
) -> int:
    """Give free ones of these slots to the allocation; how many it got."""
    values = {"node_id": node_id, "indexes": list(indexes), "allocation_id": allocation_id, "now": now}
    return len((await session.execute(CLAIM, values)).all())


async def lock_nodes_of(session: AsyncSession, allocation_id: UUID) -> list[UUID]:
    """Lock the nodes an allocation holds slots of."""
    return [row.id for row in await session.execute(NODES_OF_ALLOCATION, {"allocation_id": allocation_id})]


async def free(session: AsyncSession, allocation_id: UUID) -> dict[UUID, list[int]]:
    """Free all slots of an allocation; which they were, by node."""
    freed: dict[UUID, list[int]] = {}
    for row in await session.execute(FREE, {"allocation_id": allocation_id}):
        freed.setdefault(row.node_id, []).append(row.slot_index)
    return freed


async def replace_slots(session: AsyncSession, node_id: UUID, gpus: Sequence[GpuFact]) -> None:
    """Give a node that nobody holds one slot per GPU, or one without a GPU."""
    await session.execute(DROP_SLOTS, {"node_id": node_id})
    await append_slots(session, node_id, gpus)


async def append_slots(session: AsyncSession, node_id: UUID, gpus: Sequence[GpuFact]) -> None:
    """The slots of a new node."""
    slots = [{"index": index, "gpu": gpu} for index, gpu in enumerate(gpus)] or [{"index": 0, "gpu": None}]
    await session.execute(INSERT_SLOTS, {"node_id": node_id, "slots": msgspec.json.encode(slots).decode()})


async def availability(session: AsyncSession) -> dict[UUID, Availability]:
    """What could be placed now, by type."""
    return {
        row.sku_id: Availability(row.free_whole, row.free_slots, row.total, row.most_together)
        for row in await session.execute(AVAILABILITY)
    }


def freed_node(node_id: UUID, freed: Sequence[int], slots: Sequence[SlotView]) -> FreedNode:
    """What is left on a node after `freed` slots of it were freed."""
    is_empty = all(slot.allocation_id is None for slot in slots)
    return FreedNode(NodeId(node_id), tuple(sorted(freed)), is_empty)


def _slot(row: Row[tuple[object, ...]]) -> SlotView:
    gpu = None if row.gpu is None else msgspec.convert(row.gpu, GpuFact)
    return SlotView(row.slot_index, row.allocation_id, gpu)
