"""Reads and checks the claims of an ID token. Pure.

Identifiers (issuer, subject, client, key id) are compared exactly: never truncated, trimmed or changed in case. Types
are read leniently: `true` and numbers may come as text, a subject as a number. An unreadable claim counts as absent.
"""

import math

import msgspec

from app.domains.auth.errors import Cause, SignInFailed
from app.domains.auth.rules.addresses import LONGEST

OPAQUE = 8_192  # length up to which codes, tokens, subjects, key ids and states of others are accepted
MAX_NAME = 1_000
DIGITS = 20

Claims = dict[str, object]


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """A person as the identity provider describes them, after every check."""

    issuer: str
    subject: str
    email: str
    email_verified: bool
    name: str


def is_true(value: object) -> bool:
    """Whether the value means true: `true`, or the text or number that some providers send instead."""
    if isinstance(value, str):
        return value.strip().lower() in ("true", "1")
    return value is True or (type(value) is int and value == 1)


def text_of(value: object) -> str:
    """The value if it is text that can be stored, otherwise empty."""
    if not isinstance(value, str) or "\0" in value:
        return ""
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return ""
    return value


def identifier_of(value: object) -> str:
    """Text, or the digits of a whole number; empty for anything else and for values that are too long."""
    if type(value) is int:
        return str(value) if abs(value) < 10**DIGITS else ""
    text = text_of(value)
    return text if len(text) <= OPAQUE else ""


def seconds_of(value: object) -> float | None:
    """A NumericDate (RFC 7519 §2), also accepted as text; None for anything else."""
    if isinstance(value, str) and len(value) <= DIGITS:
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def texts_of(value: object) -> tuple[str, ...]:
    """The value if it is text, or the texts of a list."""
    if isinstance(value, str):
        return (value,)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def error_code(code: object) -> str:
    """A provider's error code, safe to log: short and alphanumeric, otherwise empty."""
    is_plain = isinstance(code, str) and len(code) <= 60 and code.replace("_", "").replace("-", "").isalnum()
    return str(code) if is_plain and str(code).isascii() else ""


def check_claims(claims: Claims, *, issuer: str, client_id: str, nonce: str, now: float, skew: int) -> None:
    """OpenID Connect Core §3.1.3.7, with clocks up to `skew` seconds apart. Raises SignInFailed with its cause."""
    if claims.get("iss") != issuer:
        raise SignInFailed(cause=Cause.CLAIM_ISSUER)
    audience = texts_of(claims.get("aud"))
    if client_id not in audience:
        raise SignInFailed(cause=Cause.CLAIM_AUDIENCE)
    party = claims.get("azp")
    if party is not None and party != client_id and len(audience) > 1:
        raise SignInFailed(cause=Cause.CLAIM_AUDIENCE)
    if not nonce or claims.get("nonce") != nonce:
        raise SignInFailed(cause=Cause.CLAIM_NONCE)
    _check_times(claims, now, skew)
    if not identifier_of(claims.get("sub")):
        raise SignInFailed(cause=Cause.CLAIM_SUBJECT)


def _check_times(claims: Claims, now: float, skew: int) -> None:
    until = seconds_of(claims.get("exp"))
    if until is None or until + skew < now:
        raise SignInFailed(cause=Cause.CLAIM_EXPIRED, seconds=None if until is None else round(now - until))
    for name in ("iat", "nbf"):
        since = seconds_of(claims.get(name))
        if since is not None and since - skew > now:
            raise SignInFailed(cause=Cause.CLAIM_FUTURE, claim=name, seconds=round(since - now))


def says_all(claims: Claims) -> bool:
    """Whether the claims include e-mail address, its verification, and name."""
    return bool(text_of(claims.get("email")) and "email_verified" in claims and text_of(claims.get("name")))


def completed(claims: Claims, more: Claims) -> Claims:
    """Claims completed from the userinfo endpoint. The address and its verification are taken from the same source,
    because one source says nothing about the other's address."""
    whole = {**more, **{name: value for name, value in claims.items() if value is not None}}
    same_source = text_of(claims.get("email")) and (claims.get("email_verified") is not None or not more.get("email"))
    source = claims if same_source else more
    return {**whole, "email": source.get("email"), "email_verified": source.get("email_verified")}


def identity_of(claims: Claims, issuer: str) -> Identity:
    """The identity from checked claims. An address that is too long is dropped, never truncated."""
    email = text_of(claims.get("email"))
    email = email if 0 < len(email) <= LONGEST and email.isprintable() else ""
    name = text_of(claims.get("name")) or text_of(claims.get("preferred_username"))
    return Identity(
        issuer=issuer,
        subject=identifier_of(claims["sub"]),
        email=email,
        email_verified=bool(email) and is_true(claims.get("email_verified")),
        name=name[:MAX_NAME],
    )
