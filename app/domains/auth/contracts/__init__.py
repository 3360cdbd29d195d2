"""Ids, commands and views of identity."""

from datetime import datetime
from typing import NewType
from uuid import UUID

import msgspec

from app.shared.authz import Role
from app.shared.ids import ProjectId, TenantId, UserId

SessionId = NewType("SessionId", UUID)
ServiceAccountId = NewType("ServiceAccountId", UUID)


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """What an identity provider says of a person, after every check."""

    issuer: str
    subject: str
    email: str
    email_verified: bool
    name: str


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """Where a sign-in comes from, for the list of sessions."""

    user_agent: str
    address: str


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    identity: Identity
    visit: Visit
    method: str  # oidc | internal
    previous_token: str | None = None  # ended by the sign-in, so that an id is never reused


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """`token` goes into the cookie and nowhere else."""

    token: str
    session_id: UUID
    first_time: bool
    is_operator: bool


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


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    id: SessionId
    method: str
    user_agent: str
    address: str
    created_at: datetime
    last_seen_at: datetime
    current: bool
    tenant_name: str | None = None  # where it stands; None: in no organisation
    project_name: str | None = None


class RevokeSession(msgspec.Struct, frozen=True, kw_only=True):
    session_id: UUID
    reason: str = "revoked"


class Revoked(msgspec.Struct, frozen=True, kw_only=True):
    session_id: UUID
    method: str = ""  # how it had begun


class CreateServiceAccount(msgspec.Struct, frozen=True, kw_only=True):
    """`project_id` None is the project that the actor stands in."""

    name: str
    role: str = "project_member"
    project_id: UUID | None = None


class CreateCredential(msgspec.Struct, frozen=True, kw_only=True):
    service_account_id: UUID


class CredentialCreated(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a repeated request too: the secret is never stored, so it is shown in the first answer only."""

    client_id: UUID
    service_account_id: UUID
    secret_already_shown: bool = True


class TokenRequest(msgspec.Struct, frozen=True, kw_only=True):
    client_id: str
    client_secret: str


class TokenIssued(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 6749 §5.1."""

    access_token: str
    expires_in: int
    token_type: str = "Bearer"  # noqa: S105 - the type's name, not a token


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What a person consents to: the command line may act for them in this project, once it proves the challenge."""

    tenant_id: UUID | None
    project_id: UUID | None
    redirect_uri: str
    code_challenge: str


class GrantAccess(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of the consent page."""

    client_id: str
    redirect_uri: str
    code_challenge: str
    code_challenge_method: str


class Granted(msgspec.Struct, frozen=True, kw_only=True):
    """What the code is computed from, so that a repeated request gets the same one until it is too old."""

    grant_id: UUID
    redirect_uri: str
    expires_at: datetime


class RedeemCode(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 6749 §4.1.3 with RFC 7636 §4.5."""

    client_id: str
    code: str
    redirect_uri: str
    code_verifier: str
    visit: Visit


class RefreshAccess(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 6749 §6."""

    client_id: str
    refresh_token: str


class ProgramTokens(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 6749 §5.1: `refresh_token` replaces the one before, which is worth nothing any more."""

    access_token: str
    refresh_token: str
    expires_in: int
