"""The session that a person has at the identity provider ends with ours (OpenID Connect RP-Initiated Logout 1.0).

The provider wants to see the ID token by which the person came. It waits in Valkey, sealed with the cookie's own
secret, which we do not keep: only the browser that signed in can have it opened. It goes to the provider in the body
of a form and never in an address. Without it (Valkey lost it) the provider is told which client asks, and asks the
person.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta
from urllib.parse import urlsplit

import msgspec
import structlog
from cryptography.exceptions import InvalidTag
from redis.exceptions import RedisError

from app.context import Runtime
from app.domains.auth.contracts import Farewell
from app.domains.auth.errors import SignInFailed
from app.domains.auth.gateway import Proven
from app.domains.auth.service.oidc import gateway_of
from app.shared.crypto import digest, unwrap, wrap

log = structlog.get_logger("berth.sign_in")
PURPOSE = "id token"
SECONDS = 3.0  # how long signing out waits for a provider that says nothing of itself


class _Kept(msgspec.Struct, frozen=True):
    issuer: str
    id_token: str


def _key(token: str) -> str:
    return f"berth:id_token:{digest(token).hex()}"


async def remember(runtime: Runtime, token: str, proven: Proven, lasts: timedelta) -> None:
    """Keep the ID token as long as the session of cookie `token` may last. Losing it costs one question at the end."""
    kept = msgspec.json.encode(_Kept(proven.identity.issuer, proven.id_token))
    with suppress(RedisError, OSError):
        await runtime.valkey.set(_key(token), wrap(token.encode().hex(), kept, PURPOSE), ex=lasts)


async def farewell(runtime: Runtime, token: str) -> Farewell | None:
    """What ends the provider's session of the person who held cookie `token`; None when the provider offers no end,
    does not answer, or is another one than then."""
    kept = await _take(runtime, token)
    if kept is not None and kept.issuer != runtime.settings.oidc.issuer:
        return None
    try:
        async with asyncio.timeout(SECONDS):
            address = (await gateway_of(runtime).metadata()).end_session_endpoint
    except (SignInFailed, TimeoutError) as error:
        log.warning("a session at the provider was not ended", problem=type(error).__name__)
        return None
    if address is None:
        return None
    fields = {
        "client_id": runtime.settings.oidc.client_id,
        "post_logout_redirect_uri": f"{runtime.settings.web.public_url}/",
    }
    return Farewell(address=address, fields=fields | ({"id_token_hint": kept.id_token} if kept else {}))


def form_target(said: Farewell) -> str:
    """For the page's `form-action`, which Chromium applies to redirects too: a provider may lead on to those behind
    it."""
    parts = urlsplit(said.address)
    return "https:" if parts.scheme == "https" else f"{parts.scheme}://{parts.netloc}"


async def _take(runtime: Runtime, token: str) -> _Kept | None:
    try:
        raw: bytes | None = await runtime.valkey.getdel(_key(token))  # type: ignore[assignment]  # not texts
        if raw is None:
            return None
        return msgspec.json.decode(unwrap(token.encode().hex(), raw, PURPOSE), type=_Kept)
    except (RedisError, OSError, InvalidTag, ValueError):
        return None
