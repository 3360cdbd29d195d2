"""Wire shapes of a team: JSON bodies and answers. The structs that pages get are in `pages_team`."""

from uuid import UUID

import msgspec

from app.domains.auth.contracts import SessionView
from app.domains.auth.contracts.team import (
    AccountView,
    CredentialView,
    InvitationView,
    MemberView,
    ProjectDetail,
    ReceivedInvitation,
)


class MembersAnswer(msgspec.Struct, kw_only=True):
    items: list[MemberView]
    next_cursor: str | None


class RoleBody(msgspec.Struct, kw_only=True):
    """`project_id` null is the organisation; `role` null takes the role there away."""

    role: str | None
    project_id: UUID | None = None


class InvitationsAnswer(msgspec.Struct, kw_only=True):
    items: list[InvitationView]
    next_cursor: UUID | None


class InviteBody(msgspec.Struct, kw_only=True):
    """`project_id` goes with a project's role; without it the role is one of the organisation."""

    email: str
    role: str = "tenant_member"
    project_id: UUID | None = None


class ReceivedAnswer(msgspec.Struct, kw_only=True):
    items: list[ReceivedInvitation]
    next_cursor: UUID | None


class ProjectsAnswer(msgspec.Struct, kw_only=True):
    items: list[ProjectDetail]
    next_cursor: UUID | None


class ProjectBody(msgspec.Struct, kw_only=True):
    name: str


class OrganisationBody(msgspec.Struct, kw_only=True):
    """What is left out stays as it is."""

    name: str | None = None
    time_zone: str | None = None


class AccountsAnswer(msgspec.Struct, kw_only=True):
    items: list[AccountView]
    next_cursor: UUID | None


class CredentialsAnswer(msgspec.Struct, kw_only=True):
    items: list[CredentialView]
    next_cursor: UUID | None


class SessionsAnswer(msgspec.Struct, kw_only=True):
    items: list[SessionView]
    next_cursor: UUID | None
