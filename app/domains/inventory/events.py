"""Facts about machines and their slots."""

from datetime import datetime
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


@event("inventory.catalog.changed", aggregate="sku_id")
class CatalogChanged(Event, frozen=True):
    """How a type is shown, whether it is sold, or one of its announced prices has changed."""

    sku_id: UUID


@event("inventory.slots.changed", aggregate="node_id")
class SlotsChanged(Event, frozen=True):
    """What is free of a type may have changed: slots were claimed or freed, or a node came into or left service."""

    node_id: UUID
    sku_id: UUID | None
    free_slots: int


@event("inventory.node.drained", aggregate="node_id")
class NodeDrained(Event, frozen=True):
    """A node that is being drained holds no allocation any more."""

    node_id: UUID


@event("inventory.node.quarantine_lifted", aggregate="node_id")
class NodeQuarantineLifted(Event, frozen=True):
    node_id: UUID


@event("inventory.node.maintenance_planned", aggregate="node_id")
class NodeMaintenancePlanned(Event, frozen=True):
    node_id: UUID
    window_id: UUID
    starts_at: datetime
    ends_at: datetime


@event("inventory.node.maintenance_began", aggregate="node_id")
class NodeMaintenanceBegan(Event, frozen=True):
    node_id: UUID
    window_id: UUID


@event("inventory.node.maintenance_ended", aggregate="node_id")
class NodeMaintenanceEnded(Event, frozen=True):
    """It ended, early or in time, or was called off before it began."""

    node_id: UUID
    window_id: UUID


@event("inventory.node.retired", aggregate="node_id")
class NodeRetired(Event, frozen=True):
    node_id: UUID


@event("inventory.node.powered", aggregate="node_id")
class NodePowered(Event, frozen=True):
    """An operator switched it. action: on | off | cycle; outcome: done | refused | unknown."""

    node_id: UUID
    action: str
    outcome: str
