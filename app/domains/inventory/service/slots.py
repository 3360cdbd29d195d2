"""Slots: candidates for placement, claims, and freeing. Two claims of one slot are ordered by the node's lock; the
second is refused."""

from collections.abc import Collection, Iterable
from uuid import UUID

from app.domains.inventory.contracts import Availability, CapacityRequest, FreeNode, FreeShape, NodeId
from app.domains.inventory.errors import NodeNotInService, SlotTaken
from app.domains.inventory.events import NodeDrained, SlotsChanged
from app.domains.inventory.repository.capacity import CapacityRepository
from app.domains.inventory.repository.slots import FreedNode, SlotRepository
from app.domains.inventory.service.history import note
from app.shared.context import Context
from app.shared.errors import NotFound

NEAR = 16  # nodes that one statement looks at
MAX_TRIED = 128  # locked nodes that are passed over before one is waited for


async def free_shapes(
    ctx: Context, wanted: CapacityRequest, max_nodes: int, passed_over: Collection[UUID] = ()
) -> list[FreeShape]:
    """What fits at this moment, by how much is free; at most `max_nodes` nodes of each shape are counted."""
    return await CapacityRepository(ctx.session).list_shapes(wanted, passed_over, max_nodes)


async def count_warm(ctx: Context, wanted: CapacityRequest, max_nodes: int) -> int:
    """How many of the nodes that fit have the image warm, up to `max_nodes`."""
    return await CapacityRepository(ctx.session).count_warm(wanted, max_nodes)


async def lock_free_node(
    ctx: Context, wanted: CapacityRequest, shape: FreeShape, passed_over: Collection[UUID] = (), *, wait: bool = False
) -> FreeNode | None:
    """Lock one node of this shape until the end of the transaction: one with the image warm, else the first by name.
    What somebody else has locked is passed over; with `wait` the first is waited for. None when none is left.

    Who holds the lock of a node must not wait for another one: two could wait for each other."""
    capacity = CapacityRepository(ctx.session)
    for offset in range(0, 1 if wait else min(shape.nodes, MAX_TRIED), NEAR):
        node = await capacity.lock_node(wanted, shape, passed_over, offset, wait=wait)
        if node is not None:
            return node
    return None


async def claim_slots(
    ctx: Context,
    node_id: UUID,
    slots: Iterable[int] | int | None,
    allocation_id: UUID,
    *,
    shared_with: UUID | None = None,
    image: str = "",
) -> tuple[int, ...]:
    """Give an allocation these slots of a node, or so many of the free ones, or with None the whole machine; answers
    which. `shared_with`: the node becomes a shared one of this tenant, with this image (a code). Safe to repeat.

    Raises SlotTaken when they are not free, NodeNotInService when the node takes nobody, NotFound for an unknown one.
    """
    indexes = None if slots is None or isinstance(slots, int) else sorted(set(slots))
    values = await _written_by(ctx) | {
        "indexes": indexes,
        "slots": len(indexes) if indexes is not None else slots,
        "shares": shared_with is not None,
        "tenant_id": shared_with,
        "image": image,
    }
    claim = await SlotRepository(ctx.session).claim(node_id, allocation_id, values)
    if claim is None or indexes == []:
        raise NotFound()
    if claim.taken is not None and claim.version is not None and claim.free is not None:
        event = SlotsChanged(node_id=NodeId(node_id), sku_id=claim.sku_id, free_slots=claim.free)
        await ctx.emit(event, version=claim.version)
        return claim.taken
    if claim.held and (indexes is None or list(claim.held) == indexes):
        return claim.held
    if not claim.in_service:
        raise NodeNotInService(state=claim.state)
    raise SlotTaken()


async def free_slots(ctx: Context, allocation_id: UUID) -> list[FreedNode]:
    """Free every slot of an allocation. Safe to repeat: an allocation without slots gets an empty list."""
    freed = await SlotRepository(ctx.session).free(allocation_id, await _written_by(ctx))
    for node in freed:
        event = SlotsChanged(node_id=node.node_id, sku_id=node.sku_id, free_slots=node.free)
        await ctx.emit(event, version=node.version)
        if node.is_empty and node.is_draining:
            await note(ctx, node.node_id, "drained")
            await ctx.emit(NodeDrained(node_id=node.node_id), version=node.version)
    return freed


async def availability(ctx: Context, sku_id: UUID) -> Availability:
    """What of a type could be placed now."""
    return (await CapacityRepository(ctx.session).list_availability()).get(sku_id, Availability())


async def slots_of(ctx: Context, allocation_id: UUID) -> tuple[int, ...]:
    """The slots an allocation has now, in order; empty when it has none. Nothing else says who has a slot."""
    return await SlotRepository(ctx.session).list_held(allocation_id)


async def _written_by(ctx: Context) -> dict[str, object]:
    return {"now": await ctx.now(), "actor_kind": ctx.actor.kind.value, "actor_id": ctx.actor.id}
