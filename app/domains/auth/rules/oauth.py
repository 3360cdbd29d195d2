"""Validation of requests to the authorization server, and its metadata. Pure."""

import base64
import binascii
from collections import Counter
from urllib.parse import parse_qsl, unquote_plus

from app.domains.auth.errors import ClientRefused, ScopeUnknown, TokenTypeUnknown
from app.shared.errors import ValidationFailed

FIELDS = 50


def check_form(body: bytes, scope: str) -> None:
    """Parameters come once (RFC 6749 §3.2), in UTF-8, without a scope. Raises ValidationFailed, ScopeUnknown."""
    try:
        sent = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=FIELDS)
    except ValueError as error:
        raise ValidationFailed("The form could not be read.") from error
    repeated = [name for name, times in Counter(name for name, _ in sent).items() if times > 1]
    if repeated:
        raise ValidationFailed(fields={name[:40]: "must come once" for name in repeated[:5]})
    if scope:
        raise ScopeUnknown()


def needed(**parameters: str) -> None:
    """Require parameters; empty ones count as missing (RFC 6749 §3.2). Raises ValidationFailed."""
    missing = {name: "is missing" for name, value in parameters.items() if not value}
    if missing:
        raise ValidationFailed(fields=missing)


def check_revocable(token: str) -> None:
    """Refuse access tokens: they are signed (RFC 9068) and cannot be revoked. Raises TokenTypeUnknown."""
    if token.count(".") == 2:
        raise TokenTypeUnknown()


def client_of(authorization: str | None, client_id: str, client_secret: str) -> tuple[str, str]:
    """Client id and secret, from HTTP Basic with form-encoded parts (RFC 6749 §2.3.1) or from the form, but not both.
    Raises ClientRefused, ValidationFailed."""
    scheme, _, credentials = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return client_id, client_secret
    try:
        name, colon, secret = base64.b64decode(credentials.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ClientRefused() from error
    name, secret = unquote_plus(name), unquote_plus(secret)
    if not colon:
        raise ClientRefused()
    if client_secret or (client_id and client_id != name):
        raise ValidationFailed("The client must authenticate in one way: by HTTP Basic or in the form.")
    return name, secret


def metadata(issuer: str) -> dict[str, object]:
    """The authorization server metadata (RFC 8414 §2)."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "service_documentation": f"{issuer}/developers",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
    }
