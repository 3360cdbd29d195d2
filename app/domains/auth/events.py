"""Facts about identity. Ids only: names and addresses stay in auth's own tables."""

from uuid import UUID

from app.shared.events import Event, event


@event("auth.tenant.created", aggregate="tenant_id")
class TenantCreated(Event, frozen=True):
    tenant_id: UUID
    currency: str


@event("auth.session.started", aggregate="session_id")
class SessionStarted(Event, frozen=True):
    session_id: UUID
    user_id: UUID


@event("auth.session.revoked", aggregate="session_id")
class SessionRevoked(Event, frozen=True):
    session_id: UUID
    user_id: UUID
    reason: str
