"""Events of auth. They carry ids only: names and addresses remain in auth's own tables."""

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


@event("auth.tenant.changed", aggregate="tenant_id")
class TenantChanged(Event, frozen=True):
    """The name or the time zone of an organisation changed."""

    tenant_id: UUID


@event("auth.project.created", aggregate="project_id")
class ProjectCreated(Event, frozen=True):
    project_id: UUID
    tenant_id: UUID


@event("auth.project.renamed", aggregate="project_id")
class ProjectRenamed(Event, frozen=True):
    project_id: UUID
    tenant_id: UUID


@event("auth.membership.granted", aggregate="membership_id")
class MembershipGranted(Event, frozen=True):
    """A person got a role in an organisation (`project_id` None) or in one of its projects."""

    membership_id: UUID
    tenant_id: UUID
    user_id: UUID
    role: str
    project_id: UUID | None = None


@event("auth.membership.changed", aggregate="membership_id")
class MembershipChanged(Event, frozen=True):
    """A role was replaced by another; `before` is the previous one."""

    membership_id: UUID
    tenant_id: UUID
    user_id: UUID
    role: str
    before: str
    project_id: UUID | None = None


@event("auth.membership.removed", aggregate="membership_id")
class MembershipRemoved(Event, frozen=True):
    """A role was removed; `left` is true when the person gave it up."""

    membership_id: UUID
    tenant_id: UUID
    user_id: UUID
    role: str
    project_id: UUID | None = None
    left: bool = False


@event("auth.invitation.sent", aggregate="invitation_id")
class InvitationSent(Event, frozen=True):
    """An invitation is ready to be mailed, for the first time or again."""

    invitation_id: UUID
    tenant_id: UUID
    role: str
    invited_by: UUID
    project_id: UUID | None = None


@event("auth.invitation.accepted", aggregate="invitation_id")
class InvitationAccepted(Event, frozen=True):
    invitation_id: UUID
    tenant_id: UUID
    user_id: UUID
    project_id: UUID | None = None


@event("auth.invitation.declined", aggregate="invitation_id")
class InvitationDeclined(Event, frozen=True):
    invitation_id: UUID
    tenant_id: UUID
    user_id: UUID
    project_id: UUID | None = None


@event("auth.invitation.revoked", aggregate="invitation_id")
class InvitationRevoked(Event, frozen=True):
    invitation_id: UUID
    tenant_id: UUID
    project_id: UUID | None = None


@event("auth.invitation.expired", aggregate="invitation_id")
class InvitationExpired(Event, frozen=True):
    invitation_id: UUID
    tenant_id: UUID
    project_id: UUID | None = None


@event("auth.service_account.disabled", aggregate="service_account_id")
class ServiceAccountDisabled(Event, frozen=True):
    """A service account was disabled; its credentials and tokens end within five seconds."""

    service_account_id: UUID
    tenant_id: UUID
    project_id: UUID


@event("auth.tenant.suspended", aggregate="tenant_id")
class TenantSuspended(Event, frozen=True):
    """An operator suspended the organisation: every right to its resources has ended."""

    tenant_id: UUID


@event("auth.person.suspended", aggregate="user_id")
class PersonSuspended(Event, frozen=True):
    """An operator suspended a person: every right of theirs has ended, and of the programs that they sponsor."""

    user_id: UUID
