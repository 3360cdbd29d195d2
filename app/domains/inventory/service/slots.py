"""Slots: candidates for placement, claims, and freeing. Two claims of one slot are ordered by the node's lock; the
second is refused."""

from collections.abc import Iterable
from uuid import UUID

from app.domains.inventory.contracts import NodeView
from app.domains.inventory.errors import NodeNotInService, SlotTaken
from app.domains.inventory.events import NodeDrained, SlotsChanged
from app.domains.inventory.repository.nodes import NodeRepository
from app.domains.inventory.repository.slots import FreedNode, SlotRepository, freed_node
from app.domains.inventory.service.history import note
from app.shared.context import Context
from app.shared.errors import NotFound


async def lock_candidates(
    ctx: Context, sku_id: UUID, slots_wanted: int | None = None, image: str | None = None
) -> list[NodeView]:
    """Lock the nodes of a type that could take `slots_wanted` slots (None: the whole machine), in the order of their
    ids, until the end of the transaction; then read what is free of them. What does not fit is neither locked nor
    given, so launches that cannot meet do not wait for one another. Nothing is skipped: a locked node is waited for,
    because it may be the best one. With `image` (a code), shared nodes that run another one are left out."""
    ids = await SlotRepository(ctx.session).lock_fitting(sku_id, slots_wanted, image)
    return await SlotRepository(ctx.session).list_fitting(sku_id, slots_wanted, image, ids) if ids else []


async def list_candidates(
    ctx: Context, sku_id: UUID, slots_wanted: int | None = None, image: str | None = None
) -> list[NodeView]:
    """The same nodes without a lock, for a forecast (`dry_run`, the launch form)."""
    return await SlotRepository(ctx.session).list_fitting(sku_id, slots_wanted, image)


async def claim_slots(ctx: Context, node_id: UUID, slot_indexes: Iterable[int], allocation_id: UUID) -> None:
    """Give slots to an allocation. Safe to repeat. Raises SlotTaken when one of them is not free, NodeNotInService
    when the node is not ready or cordoned, NotFound for an unknown node."""
    wanted = sorted(set(slot_indexes))
    node = await NodeRepository(ctx.session).lock_node(node_id)
    if node is None or not wanted:
        raise NotFound()
    held = (await SlotRepository(ctx.session).list_slots([node_id]))[node_id]
    if [slot.index for slot in held if slot.allocation_id == allocation_id] == wanted:
        return
    if node.state != "ready" or node.cordoned or node.in_window:
        raise NodeNotInService(state=node.state)
    got = await SlotRepository(ctx.session).claim(node_id, wanted, allocation_id, await ctx.now())
    if got != len(wanted):
        raise SlotTaken()
    await note(ctx, node_id, "claimed", _slots(wanted), allocation_id)
    free = sum(slot.allocation_id is None for slot in held) - got
    await _publish_slots(ctx, node_id, free)


async def free_slots(ctx: Context, allocation_id: UUID) -> list[FreedNode]:
    """Free every slot of an allocation. Safe to repeat: an allocation without slots gets an empty list."""
    if not await SlotRepository(ctx.session).lock_nodes_of(allocation_id):
        return []
    freed = await SlotRepository(ctx.session).free(allocation_id)
    left = await SlotRepository(ctx.session).list_slots(list(freed))
    for node_id in sorted(freed):
        await note(ctx, node_id, "freed", _slots(freed[node_id]), allocation_id)
        free = sum(slot.allocation_id is None for slot in left[node_id])
        await _publish_slots(ctx, node_id, free)
        if free == len(left[node_id]):
            await _emptied(ctx, node_id)
    return [freed_node(node_id, freed[node_id], left[node_id]) for node_id in sorted(freed)]


async def slots_of(ctx: Context, allocation_id: UUID) -> tuple[int, ...]:
    """The slots an allocation has now, in order; empty when it has none. Nothing else says who has a slot."""
    return await SlotRepository(ctx.session).list_held(allocation_id)


async def _emptied(ctx: Context, node_id: UUID) -> None:
    """No allocation is on the node any more: a drain has completed."""
    node = await NodeRepository(ctx.session).lock_node(node_id)
    if node is not None and node.is_draining:
        await note(ctx, node_id, "drained")
        await ctx.emit(NodeDrained(node_id=node_id), version=node.version)


def _slots(indexes: Iterable[int]) -> str:
    listed = sorted(indexes)
    return f"slot {listed[0]}" if len(listed) == 1 else "slots " + ", ".join(map(str, listed))


async def _publish_slots(ctx: Context, node_id: UUID, free: int) -> None:
    changed = await NodeRepository(ctx.session).touch(node_id)
    event = SlotsChanged(node_id=node_id, sku_id=changed.sku_id, free_slots=free)
    await ctx.emit(event, version=changed.version)
