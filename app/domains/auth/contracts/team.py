"""Ids, commands and views of a team: members, invitations, organisations, projects, service accounts."""

from datetime import datetime
from typing import NewType
from uuid import UUID

import msgspec

from app.domains.auth.contracts import ServiceAccountId
from app.shared.ids import ProjectId, TenantId, UserId

InvitationId = NewType("InvitationId", UUID)

# -- where somebody stands --------------------------------------------------------------------------------------------


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation and one of its projects."""

    tenant_id: TenantId
    project_id: ProjectId


class PlaceView(msgspec.Struct, frozen=True, kw_only=True):
    """A project that somebody may stand in, with its organisation."""

    tenant_id: TenantId
    tenant_name: str
    currency: str
    time_zone: str
    project_id: ProjectId
    project_name: str


class SwitchPlace(msgspec.Struct, frozen=True, kw_only=True):
    project_id: UUID


class CreateOrganisation(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    time_zone: str = "UTC"


class OrganisationView(msgspec.Struct, frozen=True, kw_only=True):
    id: TenantId
    name: str
    currency: str
    time_zone: str
    created_at: datetime
    version: int


class ChangeOrganisation(msgspec.Struct, frozen=True, kw_only=True):
    """`version` is the one that was seen; None: whatever it is now."""

    name: str
    time_zone: str
    version: int | None = None


class CreateProject(msgspec.Struct, frozen=True, kw_only=True):
    name: str


class RenameProject(msgspec.Struct, frozen=True, kw_only=True):
    project_id: UUID
    name: str
    version: int | None = None


class ProjectDetail(msgspec.Struct, frozen=True, kw_only=True):
    id: ProjectId
    name: str
    created_at: datetime
    version: int


# -- members ----------------------------------------------------------------------------------------------------------


class RoleAt(msgspec.Struct, frozen=True, kw_only=True):
    """A role in the organisation (`project_id` None) or in one project of it."""

    membership_id: UUID
    role: str
    project_id: UUID | None
    project_name: str | None
    since: datetime


class MemberView(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody of an organisation. `last_seen_at` is when they last stood in it."""

    user_id: UserId
    name: str
    email: str
    role: str | None
    projects: tuple[RoleAt, ...]
    joined_at: datetime
    last_seen_at: datetime | None
    is_suspended: bool
    version: int


class MemberQuery(msgspec.Struct, frozen=True, kw_only=True):
    role: str | None = None
    project_id: UUID | None = None
    search: str = ""
    cursor: str | None = None
    limit: int = 50


class SetRole(msgspec.Struct, frozen=True, kw_only=True):
    """`project_id` None is the organisation; `role` None takes the role there away."""

    user_id: UUID
    role: str | None
    project_id: UUID | None = None
    version: int | None = None


class RemoveMember(msgspec.Struct, frozen=True, kw_only=True):
    """`confirm_email` is what a person typed to confirm; programs leave it out."""

    user_id: UUID
    confirm_email: str | None = None
    version: int | None = None


class LeaveOrganisation(msgspec.Struct, frozen=True, kw_only=True):
    pass


class MemberChanged(msgspec.Struct, frozen=True, kw_only=True):
    user_id: UUID


# -- invitations ------------------------------------------------------------------------------------------------------


class InviteMember(msgspec.Struct, frozen=True, kw_only=True):
    """`project_id` None invites into the organisation with an organisation's role."""

    email: str
    role: str
    project_id: UUID | None = None


class Invited(msgspec.Struct, frozen=True, kw_only=True):
    """`is_new` is False when the address was invited there already."""

    invitation_id: InvitationId
    is_new: bool = True


class InvitationView(msgspec.Struct, frozen=True, kw_only=True):
    """`state`: pending | accepted | declined | revoked | expired."""

    id: InvitationId
    email: str
    role: str
    project_id: UUID | None
    project_name: str | None
    state: str
    invited_by: UUID
    invited_by_name: str
    created_at: datetime
    sent_at: datetime
    sent_count: int
    expires_at: datetime


class InvitationQuery(msgspec.Struct, frozen=True, kw_only=True):
    state: str | None = None
    cursor: UUID | None = None
    limit: int = 50


class ResendInvitation(msgspec.Struct, frozen=True, kw_only=True):
    invitation_id: UUID


class RevokeInvitation(msgspec.Struct, frozen=True, kw_only=True):
    invitation_id: UUID


class AnswerInvitation(msgspec.Struct, frozen=True, kw_only=True):
    """Accept or decline one's own."""

    invitation_id: UUID


class InvitationAnswered(msgspec.Struct, frozen=True, kw_only=True):
    """`tenant_id` and `project_id` are where one stands after accepting."""

    invitation_id: UUID
    state: str
    tenant_id: UUID
    project_id: UUID | None = None


class ReceivedInvitation(msgspec.Struct, frozen=True, kw_only=True):
    """An invitation as the invited person sees it."""

    id: InvitationId
    tenant_name: str
    project_name: str | None
    role: str
    invited_by_name: str
    sent_at: datetime
    expires_at: datetime


class InvitationMail(msgspec.Struct, frozen=True, kw_only=True):
    """What a mail about an invitation needs. No token: the link leads to `/invitations`, where one signs in.

    `user_id` is set when somebody proved this address already. `is_open` is False once it was answered, revoked or has
    run out: then there is nothing to send.
    """

    invitation_id: InvitationId
    email: str
    user_id: UUID | None
    tenant_id: TenantId
    tenant_name: str
    project_name: str | None
    role: str
    role_name: str
    invited_by_name: str
    expires_at: datetime
    time_zone: str
    path: str
    is_open: bool


# -- service accounts -------------------------------------------------------------------------------------------------


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    id: ServiceAccountId
    name: str
    role: str
    project_id: ProjectId
    project_name: str
    created_at: datetime
    created_by: UUID
    disabled_at: datetime | None
    last_used_at: datetime | None
    credentials: int
    version: int
    sponsor_id: UUID | None = None  # who answers for it: whoever made it or its latest credential
    ended: str = ""  # why it may not act though it is not disabled, in words


class AccountQuery(msgspec.Struct, frozen=True, kw_only=True):
    disabled: bool = False
    cursor: UUID | None = None
    limit: int = 50


class CredentialView(msgspec.Struct, frozen=True, kw_only=True):
    """A client id without its secret, which nobody has but its owner."""

    client_id: UUID
    created_at: datetime
    created_by: UUID
    last_used_at: datetime | None
    revoked_at: datetime | None


class RevokeCredential(msgspec.Struct, frozen=True, kw_only=True):
    service_account_id: UUID
    client_id: UUID


class CredentialRevoked(msgspec.Struct, frozen=True, kw_only=True):
    client_id: UUID


class DisableAccount(msgspec.Struct, frozen=True, kw_only=True):
    service_account_id: UUID
    confirm_name: str | None = None


class AccountDisabled(msgspec.Struct, frozen=True, kw_only=True):
    service_account_id: UUID


# -- sessions ---------------------------------------------------------------------------------------------------------


class RevokeOtherSessions(msgspec.Struct, frozen=True, kw_only=True):
    pass


class OthersRevoked(msgspec.Struct, frozen=True, kw_only=True):
    count: int
