"""Wire shapes of identity: forms, JSON and the structs that its pages get."""

from uuid import UUID

import msgspec

from app.domains.auth.contracts import (
    CredentialCreated,
    GrantAccess,
    ProgramTokens,
    RedeemCode,
    SessionView,
    TokenIssued,
    Visit,
)


class LoginPage(msgspec.Struct, frozen=True, kw_only=True):
    provider: str
    next_path: str
    signed_out: bool
    session_ended: bool
    internal: list[tuple[str, str]]


class FarewellPage(msgspec.Struct, frozen=True, kw_only=True):
    """Leads on by itself. No redirect: the policy's `form-action` would hold for all that a form leads to."""

    provider: str
    href: str


class InternalLoginForm(msgspec.Struct, kw_only=True):
    person: str
    next: str = "/"


def _methods() -> dict[str, str]:
    return SESSION_METHODS


SESSION_METHODS = {
    "oidc": "signed in at the identity provider",
    "internal": "internal login of development",
    "cli": "command line",
}


class SessionsPage(msgspec.Struct, frozen=True, kw_only=True):
    sessions: list[SessionView]
    methods: dict[str, str] = msgspec.field(default_factory=_methods)


class ServiceAccountBody(msgspec.Struct, kw_only=True):
    """`project_id` null is the project that the request stands in."""

    name: str
    role: str = "project_member"
    project_id: UUID | None = None


class CredentialAnswer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """`client_secret` is in the first answer only; a repeated request says `secret_already_shown`."""

    client_id: UUID
    service_account_id: UUID
    client_secret: str | None = None
    secret_already_shown: bool = False

    @classmethod
    def of(cls, created: CredentialCreated, secret: str | None) -> "CredentialAnswer":
        """`secret` is there in the answer to the request that made it."""
        return cls(
            client_id=created.client_id,
            service_account_id=created.service_account_id,
            client_secret=secret,
            secret_already_shown=secret is None,
        )


class TokenForm(msgspec.Struct, kw_only=True):
    """RFC 6749 §4.1.3, §4.4 and §6; a client with a secret may also authenticate by HTTP Basic."""

    grant_type: str
    client_id: str = ""
    client_secret: str = ""
    code: str = ""
    redirect_uri: str = ""
    code_verifier: str = ""
    refresh_token: str = ""
    scope: str = ""


class RevokeForm(msgspec.Struct, kw_only=True):
    """RFC 7009 §2.1."""

    token: str
    token_type_hint: str = ""


class AuthorizeForm(msgspec.Struct, kw_only=True):
    """What the consent page was asked with, sent back by its button."""

    client_id: str
    redirect_uri: str
    code_challenge: str
    code_challenge_method: str
    state: str = ""

    def command(self) -> GrantAccess:
        return GrantAccess(
            client_id=self.client_id,
            redirect_uri=self.redirect_uri,
            code_challenge=self.code_challenge,
            code_challenge_method=self.code_challenge_method,
        )


class AuthorizePage(msgspec.Struct, frozen=True, kw_only=True):
    """The consent page of the command line."""

    request: AuthorizeForm
    tenant_name: str
    project_name: str
    deny_href: str
    days: int


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


def redeem_command(data: TokenForm, visit: Visit) -> RedeemCode:
    """What the command line brings back from the browser."""
    return RedeemCode(
        client_id=data.client_id,
        code=data.code,
        redirect_uri=data.redirect_uri,
        code_verifier=data.code_verifier,
        visit=visit,
    )
