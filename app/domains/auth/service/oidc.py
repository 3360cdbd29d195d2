"""The two halves of an OIDC sign-in, joined by a one-time record in Valkey and a cookie that binds the browser.

Each attempt has its own record and cookie, so several tabs can sign in at once. A used record remains, emptied, until
it expires, so that reloading the provider's response leads to the original destination.
"""

import asyncio
import secrets
from urllib.parse import urlencode

import msgspec
import structlog

from app.domains.auth.errors import Cause, SignInExpired, SignInFailed
from app.domains.auth.gateway import OidcGateway, ProcessGateway
from app.domains.auth.rules import safe_next
from app.domains.auth.rules.claims import Identity, error_code
from app.settings import SIGN_IN_COOKIE
from app.shared.context import Runtime
from app.shared.crypto import digest, new_secret, same

log = structlog.get_logger("berth.sign_in")
PENDING_SECONDS = 600
FAREWELL_SECONDS = 3.0


class Pending(msgspec.Struct, frozen=True):
    """The record of an attempt; an empty nonce marks it as used."""

    nonce: str
    code_verifier: str
    next_path: str
    browser_hash: bytes


class Started(msgspec.Struct, frozen=True):
    """`browser` is the value of the short-lived cookie: only the browser that started the attempt can finish it."""

    location: str
    cookie: str
    browser: str


class Returned(msgspec.Struct, frozen=True, kw_only=True):
    """The provider's response, as the browser delivers it."""

    state: str
    code: str
    issuer: str | None
    error: str
    browser: str | None


def gateway_of(runtime: Runtime) -> OidcGateway:
    """The process's gateway to its issuer."""
    return runtime.part(ProcessGateway)


def _key(state: str) -> str:
    return f"berth:login:{digest(state).hex()}"


def cookie_of(state: str) -> str:
    """The name of an attempt's cookie."""
    return f"{SIGN_IN_COOKIE}{digest(state).hex()[:16]}"


async def start(runtime: Runtime, next_path: str | None) -> Started:
    """Start an attempt. Raises IssuerUnavailable."""
    state, nonce, browser = new_secret(), new_secret(), new_secret()
    verifier = secrets.token_urlsafe(48)
    location = await gateway_of(runtime).authorization_url(state, nonce, verifier)
    pending = Pending(nonce, verifier, safe_next(next_path), digest(browser))
    await runtime.valkey.set(_key(state), msgspec.json.encode(pending), ex=PENDING_SECONDS)
    return Started(location, cookie_of(state), browser)


async def onwards(runtime: Runtime, returned: Returned, *, is_in: bool) -> str | None:
    """The destination when a response is loaded again: the original one for a signed-in person; a new attempt for the
    browser that started this one. None for an attempt that is still open, and for another browser's."""
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
    """Whether this browser started the attempt."""
    return bool(returned.browser) and same(pending.browser_hash, digest(returned.browser or ""))


async def finish(runtime: Runtime, returned: Returned) -> tuple[Identity, str]:
    """The person's identity and where to go next. The first call uses the record up. Raises SignInExpired,
    SignInFailed, IssuerUnavailable."""
    pending = await _use(runtime, returned)
    gateway = gateway_of(runtime)
    await gateway.check_issuer(returned.issuer)
    if returned.error or not returned.code:
        cause = Cause.PROVIDER_REFUSED if returned.error else Cause.CODE_MISSING
        message = "The identity provider did not sign you in."
        raise SignInFailed(message, cause=cause, error=error_code(returned.error))
    return await gateway.prove(returned.code, pending.nonce, pending.code_verifier), pending.next_path


async def farewell(runtime: Runtime) -> str | None:
    """Where the person ends their session at the provider; None when it offers no sign-out, does not answer within
    three seconds, or the settings turn this off."""
    if not runtime.settings.oidc.signs_out:
        return None
    try:
        async with asyncio.timeout(FAREWELL_SECONDS):
            return await gateway_of(runtime).farewell_url()
    except (SignInFailed, TimeoutError) as error:
        log.warning("a session at the provider was not ended", problem=type(error).__name__)
        return None


async def _use(runtime: Runtime, returned: Returned) -> Pending:
    """Take the record; only the first caller gets it. Raises SignInExpired."""
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
