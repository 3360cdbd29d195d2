"""People, organisations and projects as other domains see them."""

from datetime import datetime
from typing import NewType
from uuid import UUID

import msgspec

from app.shared.authz import Role
from app.shared.ids import ProjectId, TenantId, UserId

SessionId = NewType("SessionId", UUID)
ServiceAccountId = NewType("ServiceAccountId", UUID)
InvitationId = NewType("InvitationId", UUID)


class WorkspaceView(msgspec.Struct, frozen=True, kw_only=True):
    """A project that a person may open, with its organisation."""

    tenant_id: TenantId
    tenant_name: str
    currency: str
    time_zone: str
    project_id: ProjectId
    project_name: str


class InvitationMail(msgspec.Struct, frozen=True, kw_only=True):
    """The content of an invitation mail. It holds no token: the link leads to `/invitations`, behind sign-in.

    `user_id` is the person who has verified this address, if any. `is_open` is False once the invitation is answered,
    revoked or expired; then nothing is sent.
    """

    invitation_id: InvitationId
    email: str
    user_id: UUID | None
    tenant_id: TenantId
    tenant_name: str
    project_name: str | None
    role: str
    role_label: str
    invited_by_name: str
    expires_at: datetime
    time_zone: str
    path: str
    is_open: bool


class PersonView(msgspec.Struct, frozen=True, kw_only=True):
    id: UserId
    name: str
    email: str


class RoleHolder(msgspec.Struct, frozen=True, kw_only=True):
    """A person's role in the organisation (no project) or in one of its projects."""

    user_id: UserId
    role: Role
    project_id: UUID | None = None


class TenantView(msgspec.Struct, frozen=True, kw_only=True):
    id: TenantId
    name: str
    currency: str
    time_zone: str


class ProjectView(msgspec.Struct, frozen=True, kw_only=True):
    id: ProjectId
    tenant_id: TenantId
    name: str


class PosixIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """The login and uid that a person (or a service account) has on every machine."""

    login: str
    uid: int
    name: str
