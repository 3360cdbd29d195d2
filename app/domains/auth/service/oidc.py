"""The two halves of an OIDC sign-in, joined by a one-time record in Valkey and by a cookie that binds the browser.

Each attempt has a record and a cookie of its own, so that several tabs may sign in at once. A record that was used
stays, emptied, until its time is over: who loads the answer of the provider again goes where they were going.
"""

import asyncio
import secrets
from urllib.parse import urlencode

import msgspec
import structlog

from app.domains.auth.contracts import Identity
from app.domains.auth.errors import Cause, SignInExpired, SignInFailed
from app.domains.auth.gateway import OidcGateway
from app.domains.auth.rules import safe_next
from app.domains.auth.rules.claims import word_of
from app.settings import SIGN_IN_COOKIE, OidcSettings
from app.shared.context import Runtime
from app.shared.crypto import digest, new_secret, same

log = structlog.get_logger("berth.sign_in")
PENDING_SECONDS = 600
FAREWELL_SECONDS = 3.0
_gateways: dict[tuple[OidcSettings, str], OidcGateway] = {}


class Pending(msgspec.Struct, frozen=True):
    """Without a nonce it was used."""

    nonce: str
    code_verifier: str
    next_path: str
    browser_hash: bytes


class Started(msgspec.Struct, frozen=True):
    """`browser` goes into a short-lived cookie of that name: only the browser that began may finish."""

    location: str
    cookie: str
    browser: str


class Returned(msgspec.Struct, frozen=True, kw_only=True):
    """What the browser brings back from the provider."""

    state: str
    code: str
    issuer: str | None
    error: str
    browser: str | None


def gateway_of(runtime: Runtime) -> OidcGateway:
    """The one of this process for its issuer."""
    settings = runtime.settings
    key = settings.oidc, settings.web.public_url
    if key not in _gateways:
        _gateways[key] = OidcGateway(*key)
    return _gateways[key]


def _key(state: str) -> str:
    return f"berth:login:{digest(state).hex()}"


def cookie_of(state: str) -> str:
    """The name of an attempt's cookie."""
    return f"{SIGN_IN_COOKIE}{digest(state).hex()[:16]}"


async def start(runtime: Runtime, next_path: str | None) -> Started:
    """Begin. Raises IssuerUnavailable."""
    state, nonce, browser = new_secret(), new_secret(), new_secret()
    verifier = secrets.token_urlsafe(48)
    location = await gateway_of(runtime).authorization_url(state, nonce, verifier)
    pending = Pending(nonce, verifier, safe_next(next_path), digest(browser))
    await runtime.valkey.set(_key(state), msgspec.json.encode(pending), ex=PENDING_SECONDS)
    return Started(location, cookie_of(state), browser)


async def onwards(runtime: Runtime, returned: Returned, *, is_in: bool) -> str | None:
    """Where to go when an answer is loaded again: who is in goes where they were going, a browser that lost the answer
    to its own attempt begins anew. None for an attempt that is still open, and for a stranger's."""
    raw = await runtime.valkey.get(_key(returned.state)) if returned.state else None
    pending = msgspec.json.decode(raw, type=Pending) if raw else None
    if pending is None:
        return "/" if is_in else None
    if pending.nonce:
        return None
    if is_in:
        return pending.next_path
    return f"/auth/start?{urlencode({'next': pending.next_path})}" if _is_of(pending, returned) else None


def _is_of(pending: Pending, returned: Returned) -> bool:
    """Whether this browser began it."""
    return bool(returned.browser) and same(pending.browser_hash, digest(returned.browser or ""))


async def finish(runtime: Runtime, returned: Returned) -> tuple[Identity, str]:
    """Who it is and where to go next. The record is used up by the first try. Raises SignInExpired, SignInFailed,
    IssuerUnavailable."""
    pending = await _use(runtime, returned)
    gateway = gateway_of(runtime)
    await gateway.check_issuer(returned.issuer)
    if returned.error or not returned.code:
        cause = Cause.PROVIDER_REFUSED if returned.error else Cause.CODE_MISSING
        words = "The identity provider did not sign you in."
        raise SignInFailed(words, cause=cause, error=word_of(returned.error))
    return await gateway.prove(returned.code, pending.nonce, pending.code_verifier), pending.next_path


async def farewell(runtime: Runtime) -> str | None:
    """Where a person who came by the provider ends their session there; None where it offers no end, does not answer,
    or the settings say that it is none of our affair. Signing out here never waits for it for long."""
    if not runtime.settings.oidc.signs_out:
        return None
    try:
        async with asyncio.timeout(FAREWELL_SECONDS):
            return await gateway_of(runtime).farewell_url()
    except (SignInFailed, TimeoutError) as error:
        log.warning("a session at the provider was not ended", problem=type(error).__name__)
        return None


async def _use(runtime: Runtime, returned: Returned) -> Pending:
    """The record, for the first who asks. Raises SignInExpired."""
    key = _key(returned.state)
    raw = await runtime.valkey.getdel(key) if returned.state else None
    if raw is None:
        raise SignInExpired(cause=Cause.ATTEMPT_UNKNOWN)
    pending = msgspec.json.decode(raw, type=Pending)
    used = Pending("", "", pending.next_path, pending.browser_hash)
    await runtime.valkey.set(key, msgspec.json.encode(used), ex=PENDING_SECONDS)
    if not pending.nonce:
        raise SignInExpired(cause=Cause.ATTEMPT_UNKNOWN)
    if not _is_of(pending, returned):
        raise SignInExpired(cause=Cause.OTHER_BROWSER)
    return pending
