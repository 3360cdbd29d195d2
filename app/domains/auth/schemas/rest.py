"""JSON bodies and responses of the API."""

from uuid import UUID

import msgspec

from app.domains.auth.service.accounts import AccountView, CredentialCreated, CredentialView
from app.domains.auth.service.invitations import InvitationView
from app.domains.auth.service.members import MemberView
from app.domains.auth.service.programs import ProgramTokens
from app.domains.auth.service.projects import ProjectDetail
from app.domains.auth.service.received_invitations import ReceivedInvitation
from app.domains.auth.service.sessions import SessionView
from app.domains.auth.service.tokens import TokenIssued


class MembersAnswer(msgspec.Struct, kw_only=True):
    items: list[MemberView]
    next_cursor: str | None


class RoleBody(msgspec.Struct, kw_only=True):
    """`project_id` null is the organisation; `role` null removes the role."""

    role: str | None
    project_id: UUID | None = None


class InvitationsAnswer(msgspec.Struct, kw_only=True):
    items: list[InvitationView]
    next_cursor: UUID | None


class InviteBody(msgspec.Struct, kw_only=True):
    """`project_id` is required for a role of a project; without it the role is one of the organisation."""

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
    """Fields that are left out remain unchanged."""

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


class ServiceAccountBody(msgspec.Struct, kw_only=True):
    """`project_id` null is the caller's current project."""

    name: str
    role: str = "project_member"
    project_id: UUID | None = None


class CredentialAnswer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """`client_secret` is in the first response only; a repeated request gets `secret_already_shown`."""

    client_id: UUID
    service_account_id: UUID
    client_secret: str | None = None
    secret_already_shown: bool = False

    @classmethod
    def of(cls, created: CredentialCreated, secret: str | None) -> "CredentialAnswer":
        """`secret` is present only in the response to the request that created it."""
        return cls(
            client_id=created.client_id,
            service_account_id=created.service_account_id,
            client_secret=secret,
            secret_already_shown=secret is None,
        )


class MeAnswer(msgspec.Struct, kw_only=True):
    kind: str
    id: UUID | None
    tenant_id: UUID | None
    project_id: UUID | None
    roles: list[str]
    name: str = ""
    tenant: str = ""
    project: str = ""


def issued(tokens: TokenIssued | ProgramTokens | None) -> dict[str, object] | None:
    """RFC 6749 §5.1."""
    if tokens is None:
        return None
    body: dict[str, object] = {
        "access_token": tokens.access_token,
        "token_type": "Bearer",
        "expires_in": tokens.expires_in,
    }
    if isinstance(tokens, ProgramTokens):
        body["refresh_token"] = tokens.refresh_token
    return body
