"""The two halves of an OIDC sign-in, joined by a one-time record in Valkey and by a cookie that binds the browser."""

import secrets

import msgspec

from app.context import Runtime
from app.domains.auth.contracts import Identity
from app.domains.auth.errors import SignInExpired, SignInFailed
from app.domains.auth.gateway import OidcGateway
from app.domains.auth.rules import safe_next
from app.shared.crypto import digest, new_secret, same

PENDING_SECONDS = 600
_gateways: dict[str, OidcGateway] = {}


class Pending(msgspec.Struct, frozen=True):
    nonce: str
    code_verifier: str
    next_path: str
    browser_hash: bytes


class Started(msgspec.Struct, frozen=True):
    """`browser` goes into a short-lived cookie: only the browser that began may finish."""

    location: str
    browser: str


def _gateway(runtime: Runtime) -> OidcGateway:
    settings = runtime.settings
    if settings.oidc.issuer not in _gateways:
        _gateways[settings.oidc.issuer] = OidcGateway(settings.oidc, f"{settings.web.public_url}/auth/callback")
    return _gateways[settings.oidc.issuer]


def _key(state: str) -> str:
    return f"berth:login:{digest(state).hex()}"


async def start(runtime: Runtime, next_path: str | None) -> Started:
    """Begin. Raises IssuerUnavailable."""
    state, nonce, browser = new_secret(), new_secret(), new_secret()
    verifier = secrets.token_urlsafe(48)
    location = await _gateway(runtime).authorization_url(state, nonce, verifier)
    pending = Pending(nonce, verifier, safe_next(next_path), digest(browser))
    await runtime.valkey.set(_key(state), msgspec.json.encode(pending), ex=PENDING_SECONDS)
    return Started(location, browser)


async def finish(
    runtime: Runtime, *, state: str, code: str, issuer: str | None, browser: str | None
) -> tuple[Identity, str]:
    """The identity and where to go next. The record is used up by the first try. Raises SignInExpired, SignInFailed."""
    raw = await runtime.valkey.getdel(_key(state)) if state else None
    if raw is None or not browser:
        raise SignInExpired()
    pending = msgspec.json.decode(raw, type=Pending)
    if not same(pending.browser_hash, digest(browser)):
        raise SignInExpired()
    if issuer is not None and issuer.rstrip("/") != runtime.settings.oidc.issuer:
        raise SignInFailed()
    if not code:
        raise SignInFailed("The identity provider did not sign you in.")
    identity = await _gateway(runtime).identity(code, pending.nonce, pending.code_verifier)
    return identity, pending.next_path
