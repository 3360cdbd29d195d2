"""What a provider says of itself (OpenID Connect Discovery 1.0). What we do not need is never a reason to refuse it."""

from urllib.parse import urlsplit

import msgspec

from app.domains.auth.errors import Cause, IssuerUnavailable
from app.domains.auth.rules.claims import is_true, texts_of

WELL_KNOWN = "/.well-known/openid-configuration"


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """`names_itself`: each answer to a browser carries `iss` (RFC 9207)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    end_session_endpoint: str | None
    token_auth: tuple[str, ...]
    names_itself: bool


def metadata_address(issuer: str) -> str:
    """Discovery §4.1: a slash at the end of the issuer is left out here, and nowhere else."""
    return issuer.removesuffix("/") + WELL_KNOWN


def read_metadata(said: object, issuer: str) -> Metadata:
    """Raises IssuerUnavailable for another issuer than the configured one, or where a needed address is missing."""
    if not isinstance(said, dict):
        raise IssuerUnavailable(cause=Cause.METADATA_UNUSABLE, problem="it is no JSON object")
    if said.get("issuer") != issuer:  # §4.3: identical
        problem = "the issuer is not BERTH_OIDC_ISSUER, letter by letter"
        named = str(said.get("issuer"))[:200]
        raise IssuerUnavailable(cause=Cause.METADATA_UNUSABLE, problem=problem, issuer=named)
    return Metadata(
        issuer=issuer,
        authorization_endpoint=_needed(said, "authorization_endpoint", issuer),
        token_endpoint=_needed(said, "token_endpoint", issuer),
        jwks_uri=_needed(said, "jwks_uri", issuer),
        userinfo_endpoint=_address(said, "userinfo_endpoint", issuer),
        end_session_endpoint=_address(said, "end_session_endpoint", issuer),
        token_auth=texts_of(said.get("token_endpoint_auth_methods_supported")) or ("client_secret_basic",),
        names_itself=is_true(said.get("authorization_response_iss_parameter_supported")),
    )


def _needed(said: dict[str, object], name: str, issuer: str) -> str:
    address = _address(said, name, issuer)
    if address is None:
        raise IssuerUnavailable(cause=Cause.METADATA_UNUSABLE, problem=f"{name} is no address that can be used")
    return address


def _address(said: dict[str, object], name: str, issuer: str) -> str | None:
    """An absolute address, by https wherever the issuer itself is: nothing can be read or changed on the way."""
    value = said.get(name)
    if not isinstance(value, str) or not value.isprintable() or " " in value:
        return None
    try:
        parts = urlsplit(value)
        host, scheme = parts.hostname, urlsplit(issuer).scheme
    except ValueError:
        return None
    allowed = ("https",) if scheme == "https" else ("https", "http")
    return value if host and parts.scheme in allowed and not parts.fragment else None
