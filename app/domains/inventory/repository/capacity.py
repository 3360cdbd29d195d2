"""What is free, and where: `inventory.free_capacity` has one row for each node, kept by triggers on nodes and slots.

A choice looks at shapes (so much free, shared or not), of which a fleet has a handful, then locks one node of the best:
both by index, so that the cost does not grow with the fleet. The statements are put together from constants.
"""

from collections.abc import Collection
from uuid import UUID

import msgspec
from sqlalchemy import text

from app.domains.inventory.contracts import Availability, CapacityRequest, FreeNode, FreeShape
from app.shared.db.repository import Repository

# Nodes in a maintenance window are passed over by the clock; everything else is in `inventory.free_capacity`.
BUSY = """ c.node_id <> ALL(ARRAY(SELECT w.node_id FROM inventory.maintenance_windows w
                               WHERE w.closed_at IS NULL AND w.starts_at <= now() AND now() < w.ends_at))"""
PASSED = " c.node_id <> ALL(CAST(:passed_over AS uuid[])) AND"
WHOLE = " c.sku_id = :sku_id AND c.placeable AND NOT c.shared AND c.free = size.free AND" + PASSED + BUSY
IMAGE = """ c.sku_id = :sku_id AND c.placeable AND c.shared AND c.free = size.free
         AND c.image_id = (SELECT i.id FROM inventory.os_images i WHERE i.code = :image) AND"""
SHARED = IMAGE + PASSED + BUSY
# The tenant's own, and those of whom a process of the release before did not say whose they are.
OWN = " AND c.tenant_id IN (:tenant_id, '00000000-0000-0000-0000-000000000000')"
SHAPES = """
    SELECT size.free, found.shared, found.nodes
    FROM generate_series(
        coalesce(CAST(:slots AS integer), 1),
        (SELECT greatest(1, k.gpu_count) FROM inventory.sku_catalog k WHERE k.id = :sku_id)
    ) size (free)
    CROSS JOIN LATERAL (
        SELECT false AS shared, count(*) AS nodes FROM (
            SELECT FROM inventory.free_capacity c WHERE"""
SHAPES_SHARED = """
            ORDER BY c.hostname LIMIT :max_nodes) c
        UNION ALL
        SELECT true, count(*) FROM (
            SELECT FROM inventory.free_capacity c WHERE CAST(:slots AS integer) IS NOT NULL AND"""
SHAPES_END = """
            ORDER BY c.hostname LIMIT :max_nodes) c
    ) found
    WHERE found.nodes > 0
"""
# The first 16 by name are looked at, a warm one first; a node that somebody else has locked is passed over, or the
# first one is waited for. The capacity is joined again to be locked with its node: what changed meanwhile is read anew.
NEAR = """
    SELECT n.id AS node_id, n.hostname, n.system_id, near.warm AS is_warm,
           c.placeable AND c.shared = :shared AND c.free >= coalesce(CAST(:slots AS integer), c.total) AS still_fits
    FROM (
        SELECT c.node_id, c.hostname, EXISTS (SELECT FROM inventory.node_image_cache h
                                              JOIN inventory.os_images i ON i.id = h.image_id
                                              WHERE h.node_id = c.node_id AND i.code = :image) AS warm
        FROM inventory.free_capacity c, (SELECT CAST(:free AS integer)) size (free)
        WHERE"""
ORDERED = """
        ORDER BY c.hostname, c.node_id LIMIT"""
LOCKED = """
    ) near
    JOIN inventory.nodes n ON n.id = near.node_id JOIN inventory.free_capacity c ON c.node_id = near.node_id
    ORDER BY near.warm DESC, near.hostname, near.node_id LIMIT 1 FOR UPDATE OF n, c"""
WAIT = ORDERED + " 1" + LOCKED
SKIP = ORDERED + " 16 OFFSET :offset" + LOCKED + " SKIP LOCKED"
LIST_SHAPES = {
    True: text(SHAPES + WHOLE + SHAPES_SHARED + SHARED + OWN + SHAPES_END),
    False: text(SHAPES + WHOLE + SHAPES_SHARED + SHARED + SHAPES_END),
}
LOCK_WHOLE = {True: text(NEAR + WHOLE + WAIT), False: text(NEAR + WHOLE + SKIP)}
LOCK_OWN = {True: text(NEAR + SHARED + OWN + WAIT), False: text(NEAR + SHARED + OWN + SKIP)}
LOCK_ANY = {True: text(NEAR + SHARED + WAIT), False: text(NEAR + SHARED + SKIP)}
COUNT_WARM = text("""
    SELECT count(*) FROM (
        SELECT FROM inventory.free_capacity c
        JOIN inventory.os_images i ON i.code = :image
        JOIN inventory.node_image_cache h ON h.node_id = c.node_id AND h.image_id = i.id
        WHERE c.sku_id = :sku_id AND c.placeable AND c.free >= coalesce(CAST(:slots AS integer), 1)
          AND (NOT c.shared OR (CAST(:slots AS integer) IS NOT NULL AND c.image_id = i.id AND
               (CAST(:tenant_id AS uuid) IS NULL
                OR c.tenant_id IN (:tenant_id, '00000000-0000-0000-0000-000000000000'))))
        LIMIT :max_nodes
    ) warm
""")
AVAILABILITY = """
    SELECT c.sku_id, count(*) AS total, count(*) FILTER (WHERE c.placeable AND NOT c.shared AND k.sells_whole
                                                           AND NOT w.busy) AS free_whole,
           coalesce(sum(c.free) FILTER (WHERE c.placeable AND k.sells_slots AND NOT w.busy), 0) AS free_slots,
           coalesce(max(c.free) FILTER (WHERE c.placeable AND k.sells_slots AND NOT w.busy), 0) AS max_together
    FROM inventory.free_capacity c JOIN inventory.sku_catalog k ON k.id = c.sku_id
    CROSS JOIN LATERAL (SELECT NOT ("""
AVAILABLE = text(AVAILABILITY + BUSY + ") AS busy) w WHERE c.in_service GROUP BY c.sku_id")


class CapacityRepository(Repository):
    """What could be placed on now."""

    async def list_shapes(
        self, wanted: CapacityRequest, passed_over: Collection[UUID], max_nodes: int
    ) -> list[FreeShape]:
        """What fits, by how much is free; at most `max_nodes` nodes of a shape are counted."""
        values = msgspec.structs.asdict(wanted) | {"passed_over": list(passed_over), "max_nodes": max_nodes}
        rows = await self._session.execute(LIST_SHAPES[wanted.tenant_id is not None], values)
        return [FreeShape(row.shared, row.free, row.nodes) for row in rows]

    async def lock_node(
        self, wanted: CapacityRequest, shape: FreeShape, passed_over: Collection[UUID], offset: int, *, wait: bool
    ) -> FreeNode | None:
        """Lock one node of this shape, of the 16 after `offset` one that nobody has locked; or wait for the first."""
        statements = LOCK_WHOLE if not shape.shared else LOCK_ANY if wanted.tenant_id is None else LOCK_OWN
        values = msgspec.structs.asdict(wanted) | {
            "free": shape.free, "shared": shape.shared, "passed_over": list(passed_over), "offset": offset
        }  # fmt: skip
        return await self._find_view(FreeNode, statements[wait], **values)

    async def count_warm(self, wanted: CapacityRequest, max_nodes: int) -> int:
        """How many of the nodes that fit have the image warm; `max_nodes` when there are more."""
        values = msgspec.structs.asdict(wanted) | {"max_nodes": max_nodes}
        return int(await self._session.scalar(COUNT_WARM, values) or 0)

    async def list_availability(self) -> dict[UUID, Availability]:
        """What could be placed now, by type."""
        return {
            row.sku_id: Availability(row.free_whole, row.free_slots, row.total, row.max_together)
            for row in await self._session.execute(AVAILABLE)
        }
