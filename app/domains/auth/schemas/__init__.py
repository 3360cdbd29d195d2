"""Wire shapes of identity: forms, JSON and the structs that its pages get."""

from uuid import UUID

import msgspec

from app.domains.auth.contracts import SessionView


class LoginPage(msgspec.Struct, frozen=True, kw_only=True):
    provider: str
    next_path: str
    signed_out: bool
    session_ended: bool
    internal: list[tuple[str, str]]


class InternalLoginForm(msgspec.Struct, kw_only=True):
    person: str
    next: str = "/"


class SessionsPage(msgspec.Struct, frozen=True, kw_only=True):
    sessions: list[SessionView]


class ServiceAccountBody(msgspec.Struct, kw_only=True):
    name: str
    role: str = "project_member"


class CredentialAnswer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """`client_secret` is in the first answer only; a repeated request says `secret_already_shown`."""

    client_id: UUID
    service_account_id: UUID
    client_secret: str | None = None
    secret_already_shown: bool = False


class TokenForm(msgspec.Struct, kw_only=True):
    """RFC 6749 §4.4; the client may also authenticate by HTTP Basic."""

    grant_type: str
    client_id: str = ""
    client_secret: str = ""


class MeAnswer(msgspec.Struct, kw_only=True):
    kind: str
    id: UUID | None
    tenant_id: UUID | None
    project_id: UUID | None
    roles: list[str]
