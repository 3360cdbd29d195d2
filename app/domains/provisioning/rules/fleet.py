"""Pure figures of the fleet map: what a slot is, what a node is, how much is sold, how scattered the rest is.

Each node has one word, so that the counts add up: trouble before use. `sold` and `scattered` look only at nodes in
service (state ready, of a type): what is out of service is neither sold nor for sale.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, get_args
from uuid import UUID

import msgspec

from app.domains.inventory.contracts import FleetNode
from app.domains.provisioning.rules.states import ENDING, STARTING, as_state

SlotKind = Literal["used", "free", "coming", "going", "drain", "repair", "off"]
NodeWord = Literal["in_use", "ready", "deploying", "cleaning", "drain", "repair", "off"]
NODE_WORDS: tuple[NodeWord, ...] = get_args(NodeWord)


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The fleet in figures. `sold_slots` of `slots_in_service` are held; of `free_slots` those `scattered_slots` stand
    on nodes that somebody shares already, so that no whole machine can be made of them."""

    nodes: int
    words: dict[str, int]
    slots_in_service: int
    sold_slots: int
    free_slots: int
    scattered_slots: int


def slot_kinds(node: FleetNode, states: Mapping[UUID, str]) -> tuple[SlotKind, ...]:
    """One kind per slot. An allocation that provisioning no longer knows is being removed."""
    empty = _empty(node)
    return tuple(empty if holder is None else _held(states.get(holder)) for holder in node.holders)


def _empty(node: FleetNode) -> SlotKind:
    if node.state in ("quarantined", "maintenance") or node.maintenance_until is not None:
        return "repair"
    if node.state != "ready" or node.sku_code is None:
        return "off"
    if node.cordoned_at is not None:
        return "drain"
    if node.deployed_as_shared:
        return "free" if node.maas_state in ("ready", "deploying", "deployed") else "going"
    return "free" if node.maas_state == "ready" else "going"


def _held(state: str | None) -> SlotKind:
    if state is None or as_state(state) in ENDING:
        return "going"
    return "coming" if as_state(state) in STARTING else "used"


def node_word(node: FleetNode, kinds: Sequence[SlotKind]) -> NodeWord:
    """The one condition of a node."""
    if "repair" in kinds or node.state in ("quarantined", "maintenance"):
        return "repair"
    if node.state != "ready" or node.sku_code is None:
        return "off"
    if node.cordoned_at is not None:
        return "drain"
    for kind, word in (("coming", "deploying"), ("used", "in_use"), ("going", "cleaning")):
        if kind in kinds:
            return word  # type: ignore[return-value]  # the pairs above are words
    return "ready"


def figures(nodes: Sequence[tuple[FleetNode, tuple[SlotKind, ...]]]) -> Figures:
    """The figures of these nodes with their slots."""
    in_service = [(node, kinds) for node, kinds in nodes if node.state == "ready" and node.sku_code is not None]
    free = [kinds.count("free") for _, kinds in in_service]
    broken = [kinds.count("free") for node, kinds in in_service if node.deployed_as_shared or _is_partly_held(node)]
    return Figures(
        nodes=len(nodes),
        words=dict(Counter(node_word(node, kinds) for node, kinds in nodes)),
        slots_in_service=sum(len(kinds) for _, kinds in in_service),
        sold_slots=sum(holder is not None for node, _ in in_service for holder in node.holders),
        free_slots=sum(free),
        scattered_slots=sum(broken),
    )


def _is_partly_held(node: FleetNode) -> bool:
    return any(holder is not None for holder in node.holders)
