"""Pure decisions about a node's time out of service: which state may follow which, and when it has taken too long."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from app.domains.inventory.contracts import FleetNode, MaintenanceWindow, NodeDetail, NodeState, StuckNode

# `missing` is what MAAS does to a healthy node; what people decided stays until people decide again. `retired` is for
# good: such a machine comes back only as a new one.
TRANSITIONS: Mapping[NodeState, frozenset[NodeState]] = {
    "ready": frozenset({"quarantined", "maintenance", "missing", "retired"}),
    "quarantined": frozenset({"ready", "maintenance", "retired"}),
    "maintenance": frozenset({"ready", "quarantined", "retired"}),
    "missing": frozenset({"ready", "quarantined", "maintenance", "retired"}),
    "retired": frozenset(),
}

AUTOMATIC = {
    "quarantined": "Nothing: a person looks and lifts it.",
    "missing": "MAAS is read every 30 seconds; the node is back as soon as it is shown again.",
    "maintenance": "Nothing without an end; a window ends by itself.",
    "cordoned": "Nothing: a person uncordons it.",
    "draining": "Nobody new is placed on it; who is on it stays until they give it back.",
}


def may_follow(state: NodeState, to: NodeState) -> bool:
    """Whether `to` may follow `state`; staying is no move."""
    return to in TRANSITIONS[state]


def overlaps(one: MaintenanceWindow, other: MaintenanceWindow) -> bool:
    """Whether two windows share an instant; one may start as the other ends."""
    return one.starts_at < other.ends_at and other.starts_at < one.ends_at


def difference(node: NodeDetail) -> str | None:
    """Where our view of a node and MAAS's disagree, as text; None where they agree."""
    held = any(slot.allocation_id is not None for slot in node.slots)
    if node.maas_state in ("failed", "broken", "missing"):
        text = f"MAAS shows this machine as {node.maas_state}; here it is in service."
        return text if node.state == "ready" else None
    if held and node.maas_state == "ready":
        return "Somebody holds slots of this node, and MAAS shows the machine as free."
    if not held and not node.deployed_as_shared and node.maas_state in ("deploying", "deployed"):
        return "Nobody holds this node, and MAAS shows the machine as in use."
    if held and node.maas_state == "deployed" and node.power_state == "off":
        return "Somebody is on this node, and MAAS saw the machine switched off."
    return None


def stuck_nodes(nodes: Sequence[FleetNode], slas: Mapping[str, int], now: datetime) -> list[StuckNode]:
    """Those past their limit, the longest past it first. `slas` has seconds by condition; a drain with a deadline is
    late after it, whatever the policy. A node is listed once, by its worst condition."""
    found = []
    for node in nodes:
        text = _stuck(node, slas, now)
        if text is not None:
            found.append(text)
    return sorted(found, key=lambda item: (item.sla_seconds - item.age_seconds, item.node.hostname))


def _stuck(node: FleetNode, slas: Mapping[str, int], now: datetime) -> StuckNode | None:
    if node.state in ("quarantined", "missing", "maintenance"):
        if node.state == "maintenance" and node.maintenance_until is not None and now < node.maintenance_until:
            return None
        return _past(node, node.state, node.state_since, slas[node.state], node.state_reason, now)
    if node.state != "ready" or node.cordoned_at is None:
        return None
    if node.drain_since is None:
        return _past(node, "cordoned", node.cordoned_at, slas["cordoned"], node.cordon_reason, now)
    if not any(node.holders):
        return None  # drained: it does what was wanted
    allowed = slas["cordoned"]
    if node.drain_deadline is not None:
        allowed = max(0, int((node.drain_deadline - node.drain_since).total_seconds()))
    return _past(node, "draining", node.drain_since, allowed, node.cordon_reason, now)


def _past(
    node: FleetNode, what: str, since: datetime, allowed: int, reason: str | None, now: datetime
) -> StuckNode | None:
    age = int((now - since).total_seconds())
    if age <= allowed:
        return None
    return StuckNode(
        node=node,
        what=what,  # type: ignore[arg-type]  # one of the words of StuckNode, by the callers above
        since=since,
        age_seconds=age,
        sla_seconds=allowed,
        reason=reason or "",
        automatic=AUTOMATIC[what],
    )
