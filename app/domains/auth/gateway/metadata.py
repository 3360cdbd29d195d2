"""Provider metadata (OpenID Connect Discovery 1.0). Fields that we do not need are never a reason to refuse it."""

from urllib.parse import urlsplit

import msgspec

from app.domains.auth.errors import Cause, IssuerUnavailable
from app.domains.auth.rules.claims import is_true, texts_of

WELL_KNOWN = "/.well-known/openid-configuration"


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """`names_itself`: every authorization response carries `iss` (RFC 9207)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    end_session_endpoint: str | None
    token_auth: tuple[str, ...]
    names_itself: bool


def metadata_address(issuer: str) -> str:
    """The discovery address (§4.1): the only use of the issuer without its trailing slash."""
    return issuer.removesuffix("/") + WELL_KNOWN


def read_metadata(document: object, issuer: str) -> Metadata:
    """Parse provider metadata. Raises IssuerUnavailable for another issuer than the configured one, or when a required
    endpoint is missing."""
    if not isinstance(document, dict):
        raise IssuerUnavailable(cause=Cause.METADATA_UNUSABLE, problem="not a JSON object")
    if document.get("issuer") != issuer:  # §4.3: identical
        problem = "the issuer differs from BERTH_OIDC_ISSUER"
        named = str(document.get("issuer"))[:200]
        raise IssuerUnavailable(cause=Cause.METADATA_UNUSABLE, problem=problem, issuer=named)
    return Metadata(
        issuer=issuer,
        authorization_endpoint=_needed(document, "authorization_endpoint", issuer),
        token_endpoint=_needed(document, "token_endpoint", issuer),
        jwks_uri=_needed(document, "jwks_uri", issuer),
        userinfo_endpoint=_address(document, "userinfo_endpoint", issuer),
        end_session_endpoint=_address(document, "end_session_endpoint", issuer),
        token_auth=texts_of(document.get("token_endpoint_auth_methods_supported")) or ("client_secret_basic",),
        names_itself=is_true(document.get("authorization_response_iss_parameter_supported")),
    )


def _needed(document: dict[str, object], name: str, issuer: str) -> str:
    address = _address(document, name, issuer)
    if address is None:
        raise IssuerUnavailable(cause=Cause.METADATA_UNUSABLE, problem=f"{name} is not a usable address")
    return address


def _address(document: dict[str, object], name: str, issuer: str) -> str | None:
    """An absolute address; it must use https when the issuer does."""
    value = document.get(name)
    if not isinstance(value, str) or not value.isprintable() or " " in value:
        return None
    try:
        parts = urlsplit(value)
        host, scheme = parts.hostname, urlsplit(issuer).scheme
    except ValueError:
        return None
    allowed = ("https",) if scheme == "https" else ("https", "http")
    return value if host and parts.scheme in allowed and not parts.fragment else None
