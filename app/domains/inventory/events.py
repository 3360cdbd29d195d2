"""Facts about machines and their slots."""

from uuid import UUID

from app.shared.events import Event, event


@event("inventory.node.imported", aggregate="node_id")
class NodeImported(Event, frozen=True):
    """MAAS shows a machine in our pool for the first time. `sku_id` is None when its hardware fits no type."""

    node_id: UUID
    sku_id: UUID | None


@event("inventory.node.quarantined", aggregate="node_id")
class NodeQuarantined(Event, frozen=True):
    node_id: UUID
    reason: str


@event("inventory.node.cordoned", aggregate="node_id")
class NodeCordoned(Event, frozen=True):
    node_id: UUID


@event("inventory.node.uncordoned", aggregate="node_id")
class NodeUncordoned(Event, frozen=True):
    node_id: UUID


@event("inventory.slots.changed", aggregate="node_id")
class SlotsChanged(Event, frozen=True):
    """What is free of a type may have changed: slots were claimed or freed, or a node came into or left service."""

    node_id: UUID
    sku_id: UUID | None
    free_slots: int
