"""Facts about apps: ids and states only."""

from uuid import UUID

from app.shared.events import Event, event


@event("appruntime.app.requested", aggregate="app_id")
class AppRequested(Event, frozen=True):
    app_id: UUID
    allocation_id: UUID
    user_id: UUID


@event("appruntime.app.changed", aggregate="app_id")
class AppStateChanged(Event, frozen=True):
    """Its state or one of its steps moved; `state` is the app's own."""

    app_id: UUID
    allocation_id: UUID
    state: str


@event("appruntime.app.failed", aggregate="app_id")
class AppFailed(Event, frozen=True):
    """It did not come up, or ended by itself."""

    app_id: UUID
    allocation_id: UUID
    user_id: UUID
    exit_code: int | None


@event("appruntime.app.member_changed", aggregate="app_id")
class AppMemberChanged(Event, frozen=True):
    """A person was added, has another role, or (with an empty role) is no member any more."""

    app_id: UUID
    user_id: UUID
    role: str


@event("appruntime.app.released", aggregate="app_id")
class AppReleased(Event, frozen=True):
    """It is gone for good. reason: customer | machine."""

    app_id: UUID
    allocation_id: UUID
    reason: str
