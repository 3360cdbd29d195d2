"""Where a new allocation goes: one pure choice among the nodes of the fleet. It claims nothing and reads no clock.

What counts, in this order:

1. Only healthy nodes of the wanted type: state `ready`, not cordoned. Quarantined or half-made nodes never.
2. A whole machine takes a node whose slots are all free and that is not deployed as a shared one.
3. Slots go to the shared node with the fewest free slots that still fits (best fit), so that room stays together.
4. Only when no shared node fits is a whole node broken: the one of least value, which has the fewest slots.
5. Among equals, a node that has the image warm (it deploys in half the time), then the first name.

Warmth never outranks fit: a warm start saves seconds once, a broken whole node is missing for weeks.
"""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from app.domains.inventory.contracts import NodeId, NodeView

READY = "ready"


class PlacementRequest(msgspec.Struct, frozen=True):
    """What is wanted: `slots` GPU slots of one node, or the whole machine when `slots` is None."""

    sku: str
    image: str
    slots: int | None = None


class Placement(msgspec.Struct, frozen=True):
    """The choice: these slots of this node. `candidates` nodes were suitable; `reason` explains the choice."""

    node_id: NodeId
    name: str
    slots: tuple[int, ...]
    whole: bool
    breaks_whole_node: bool
    candidates: int
    reason: str


class NoPlacement(msgspec.Struct, frozen=True):
    """Nothing fits now; `reason` is plain text that operators and customers may read."""

    reason: str


def place(request: PlacementRequest, nodes: Sequence[NodeView]) -> Placement | NoPlacement:
    """Choose a node. The order of `nodes` does not matter. Raises ValueError when fewer than one slot is requested."""
    healthy = [node for node in nodes if node.sku == request.sku and node.state == READY and not node.cordoned]
    if request.slots is None:
        return _choose_whole(request, healthy)
    if request.slots < 1:
        raise ValueError("a placement needs at least one slot")
    return _choose_slots(request, request.slots, healthy)


def _choose_whole(request: PlacementRequest, healthy: list[NodeView]) -> Placement | NoPlacement:
    free = [node for node in healthy if _is_whole(node)]
    if not healthy:
        return NoPlacement(f"no {request.sku} is in service")
    if not free:
        return NoPlacement(f"no whole {request.sku} is free: {_counted(len(healthy), 'healthy node')}, all in use")
    chosen = min(free, key=lambda node: (request.image not in node.warm_images, node.name, node.node_id))
    reason = f"fits {_counted(len(free), 'free node')}; {_warmth(request, chosen)}"
    return _placement(chosen, tuple(sorted(chosen.free_slots)), len(free), reason, whole=True)


def _choose_slots(request: PlacementRequest, wanted: int, healthy: list[NodeView]) -> Placement | NoPlacement:
    shared = [node for node in healthy if node.deployed_as_shared and len(node.free_slots) >= wanted]
    whole = [node for node in healthy if _is_whole(node) and node.total_slots >= wanted]
    if not shared and not whole:
        return NoPlacement(_why_no_slots(request.sku, wanted, healthy))
    chosen = min(shared or whole, key=lambda node: _cost(node, request.image))
    if shared:
        size = len(chosen.free_slots)
        reason = (
            f"fits {_counted(len(shared), 'shared node')}; {chosen.name} has the fewest free slots that fit ({size})"
        )
    else:
        reason = f"fits no shared node, {_counted(len(whole), 'whole node')} free; {chosen.name} becomes a shared one"
    reason = f"{reason}; {_warmth(request, chosen)}"
    slots = tuple(sorted(chosen.free_slots)[:wanted])
    return _placement(chosen, slots, len(shared or whole), reason, whole=False)


def _cost(node: NodeView, image: str) -> tuple[int, bool, str, UUID]:
    """Smaller is better. All slots of a whole node are free, so the same measure finds the one of least value."""
    return (len(node.free_slots), image not in node.warm_images, node.name, node.node_id)


def _is_whole(node: NodeView) -> bool:
    return not node.deployed_as_shared and len(node.free_slots) == node.total_slots


def _placement(node: NodeView, slots: tuple[int, ...], candidates: int, reason: str, *, whole: bool) -> Placement:
    return Placement(
        node_id=node.node_id,
        name=node.name,
        slots=slots,
        whole=whole,
        breaks_whole_node=not whole and not node.deployed_as_shared,
        candidates=candidates,
        reason=reason,
    )


def _why_no_slots(sku: str, wanted: int, healthy: list[NodeView]) -> str:
    if not healthy:
        return f"no {sku} is in service"
    largest = max(node.total_slots for node in healthy)
    if wanted > largest:
        return f"one {sku} has {_counted(largest, 'slot')}; {wanted} were asked for"
    largest = max((len(node.free_slots) for node in healthy if node.deployed_as_shared), default=0)
    return f"no {sku} has {_counted(wanted, 'slot')} free together; the most on one shared node is {largest}"


def _warmth(request: PlacementRequest, node: NodeView) -> str:
    has = "has the image warm" if request.image in node.warm_images else "has to load the image"
    return f"{node.name} {has}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
