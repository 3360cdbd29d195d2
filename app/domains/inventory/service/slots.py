"""Slots: what fits, claiming, freeing. Two claims of one slot meet at the node's lock; the second one is refused."""

from collections.abc import Iterable
from uuid import UUID

from app.domains.inventory.contracts import Availability, FreedNode, NodeView
from app.domains.inventory.errors import NodeNotInService, SlotTaken
from app.domains.inventory.events import NodeDrained, SlotsChanged
from app.domains.inventory.repository import nodes
from app.domains.inventory.repository import slots as repository
from app.domains.inventory.service.history import note
from app.shared.context import Context
from app.shared.errors import NotFound


async def lock_candidates(ctx: Context, sku_id: UUID, wanted: int | None, image: str | None) -> list[NodeView]:
    """Lock what fits, then read it again: who waited for a lock must see what the other one left."""
    ids = await repository.lock_fitting(ctx.session, sku_id, wanted, image)
    return await repository.list_fitting(ctx.session, sku_id, wanted, image, ids) if ids else []


async def list_candidates(ctx: Context, sku_id: UUID, wanted: int | None, image: str | None) -> list[NodeView]:
    """What fits, without a lock."""
    return await repository.list_fitting(ctx.session, sku_id, wanted, image)


async def claim_slots(ctx: Context, node_id: UUID, slot_indexes: Iterable[int], allocation_id: UUID) -> None:
    """Raises SlotTaken, NodeNotInService, NotFound; a repeat of the same claim is no change."""
    wanted = sorted(set(slot_indexes))
    node = await nodes.lock_node(ctx.session, node_id)
    if node is None or not wanted:
        raise NotFound()
    held = (await repository.slots_of(ctx.session, [node_id]))[node_id]
    if [slot.index for slot in held if slot.allocation_id == allocation_id] == wanted:
        return
    if node.state != "ready" or node.cordoned or node.in_window:
        raise NodeNotInService(state=node.state)
    got = await repository.claim(ctx.session, node_id, wanted, allocation_id, await ctx.now())
    if got != len(wanted):
        raise SlotTaken()
    await note(ctx, node_id, "claimed", _slots(wanted), allocation_id)
    free = sum(slot.allocation_id is None for slot in held) - got
    await _tell(ctx, node_id, free)


async def free_slots(ctx: Context, allocation_id: UUID) -> list[FreedNode]:
    """Take back every slot; a repeat finds none."""
    if not await repository.lock_nodes_of(ctx.session, allocation_id):
        return []
    freed = await repository.free(ctx.session, allocation_id)
    left = await repository.slots_of(ctx.session, list(freed))
    for node_id in sorted(freed):
        await note(ctx, node_id, "freed", _slots(freed[node_id]), allocation_id)
        free = sum(slot.allocation_id is None for slot in left[node_id])
        await _tell(ctx, node_id, free)
        if free == len(left[node_id]):
            await _emptied(ctx, node_id)
    return [repository.freed_node(node_id, freed[node_id], left[node_id]) for node_id in sorted(freed)]


async def slots_of(ctx: Context, allocation_id: UUID) -> tuple[int, ...]:
    """The slots an allocation has now, in order."""
    return await repository.of_allocation(ctx.session, allocation_id)


async def availability(ctx: Context) -> dict[UUID, Availability]:
    """What could be placed now."""
    return await repository.availability(ctx.session)


async def _emptied(ctx: Context, node_id: UUID) -> None:
    """Nobody is on it any more: a drain has come to its end."""
    node = await nodes.lock_node(ctx.session, node_id)
    if node is not None and node.is_draining:
        await note(ctx, node_id, "drained")
        await ctx.emit(NodeDrained(node_id=node_id), version=node.version)


def _slots(indexes: Iterable[int]) -> str:
    listed = sorted(indexes)
    return f"slot {listed[0]}" if len(listed) == 1 else "slots " + ", ".join(map(str, listed))


async def _tell(ctx: Context, node_id: UUID, free: int) -> None:
    changed = await nodes.touch(ctx.session, node_id)
    fact = SlotsChanged(node_id=node_id, sku_id=changed.sku_id, free_slots=free)
    await ctx.emit(fact, version=changed.version)
