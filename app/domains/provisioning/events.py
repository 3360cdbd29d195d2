"""Facts about allocations: ids and amounts only."""

from uuid import UUID

from app.shared.events import Event, event


@event("provisioning.allocation.requested", aggregate="allocation_id")
class AllocationRequested(Event, frozen=True):
    """Rates and holds are micro-units."""

    allocation_id: UUID
    sku_id: UUID
    user_id: UUID
    gpus: int
    whole: bool
    rate_micro: int
    hold_micro: int


@event("provisioning.allocation.placed", aggregate="allocation_id")
class AllocationPlaced(Event, frozen=True):
    allocation_id: UUID
    node_id: UUID
    attempt: int


@event("provisioning.allocation.step_changed", aggregate="allocation_id")
class AllocationStepChanged(Event, frozen=True):
    """Its timeline moved; `state` is the allocation's own."""

    allocation_id: UUID
    step: str
    state: str


@event("provisioning.allocation.activated", aggregate="allocation_id")
class AllocationActivated(Event, frozen=True):
    """It works and is billed from this event's instant on."""

    allocation_id: UUID
    node_id: UUID
    user_id: UUID


@event("provisioning.allocation.release_requested", aggregate="allocation_id")
class AllocationReleaseRequested(Event, frozen=True):
    """Metering has ended; access ends now. reason: customer | exhausted | operator."""

    allocation_id: UUID
    user_id: UUID
    reason: str


@event("provisioning.allocation.released", aggregate="allocation_id")
class AllocationReleased(Event, frozen=True):
    allocation_id: UUID
    user_id: UUID


@event("provisioning.allocation.failed", aggregate="allocation_id")
class AllocationFailed(Event, frozen=True):
    """It never became active and costs nothing."""

    allocation_id: UUID
    user_id: UUID
    code: str


@event("provisioning.allocation.canceled", aggregate="allocation_id")
class AllocationCanceled(Event, frozen=True):
    """It was given up before it became active and costs nothing."""

    allocation_id: UUID
    user_id: UUID
