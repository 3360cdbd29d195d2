"""What an identity provider says, read as tolerantly as is safe. Pure.

Identifiers (issuer, subject, client, key id) are compared exactly as given: never cut, stripped or changed in case.
Types are read by their meaning: `true` may come as a text, a number as a text, a subject as a number. What cannot be
read counts as not said, and never as more than was said.
"""

import math

from app.domains.auth.contracts import Identity
from app.domains.auth.errors import Cause, SignInFailed
from app.domains.auth.rules.addresses import LONGEST

OPAQUE = 8_192  # the least length that everything opaque of others may have: codes, tokens, subjects, key ids, states
MAX_NAME = 1_000
DIGITS = 20

Claims = dict[str, object]


def is_true(value: object) -> bool:
    """Whether a provider says yes: `true`, or the text or number that some write instead."""
    if isinstance(value, str):
        return value.strip().lower() in ("true", "1")
    return value is True or (type(value) is int and value == 1)


def text_of(value: object) -> str:
    """A text that can be stored, or nothing."""
    if not isinstance(value, str) or "\0" in value:
        return ""
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return ""
    return value


def identifier_of(value: object) -> str:
    """A text, or the digits of a whole number; nothing for everything else, or what is longer than we keep."""
    if type(value) is int:
        return str(value) if abs(value) < 10**DIGITS else ""
    text = text_of(value)
    return text if len(text) <= OPAQUE else ""


def seconds_of(value: object) -> float | None:
    """An instant (RFC 7519 §2 NumericDate), also written as a text; None for what is no number."""
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
    """One text or a list of them; of a list, those that are texts."""
    if isinstance(value, str):
        return (value,)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def word_of(code: object) -> str:
    """A stranger's error code for our log: a short plain word, or nothing."""
    is_word = isinstance(code, str) and len(code) <= 60 and code.replace("_", "").replace("-", "").isalnum()
    return str(code) if is_word and str(code).isascii() else ""


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
    """Whether the token alone tells who somebody is and how they are reached."""
    return bool(text_of(claims.get("email")) and "email_verified" in claims and text_of(claims.get("name")))


def completed(claims: Claims, more: Claims) -> Claims:
    """Claims with what the userinfo endpoint adds. An address and whether it is verified come from one place: the word
    of one about the address of the other proves nothing."""
    whole = {**more, **{name: value for name, value in claims.items() if value is not None}}
    said_here = text_of(claims.get("email")) and (claims.get("email_verified") is not None or not more.get("email"))
    source = claims if said_here else more
    return {**whole, "email": source.get("email"), "email_verified": source.get("email_verified")}


def identity_of(claims: Claims, issuer: str) -> Identity:
    """The person behind checked claims. An address that is none of e-mail's lengths is no address, and never a part of
    one."""
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
