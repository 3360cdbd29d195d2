"""Every limit of requests: who, what, how many, in which time. `docs/limits.md` is made from this table.

Who is signed in is counted as a person or an organisation and never by address, so neighbours behind one address do not
take each other's allowance. Who is not is counted by address, and that never touches who is. Headers follow
draft-ietf-httpapi-ratelimit-headers-10.
"""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.settings import SIGN_IN_COOKIE, Settings
from app.shared.authz.actor import Actor, ActorKind
from app.shared.context import Runtime
from app.shared.errors import DomainError, TooManyRequests
from app.shared.rdb.rate_limit import RateLimit, Taken, network_of, take
from app.web.types import AnyConnection

SIGN_IN_START = RateLimit("sign_in_start", 120, 60, "address", "beginning a sign-in")
SIGN_IN_CALLBACK = RateLimit("sign_in_callback", 30, 60, "browser", "coming back from the identity provider")
SIGN_IN_INTERNAL = RateLimit("sign_in_internal", 120, 60, "address", "signing in without a provider, in development")
TOKEN = RateLimit("token", 600, 60, "address", "asking for tokens")
TOKEN_FAILURES = RateLimit("token_failures", 20, 60, "client", "refused credentials, codes and refresh tokens")
REVOKE = RateLimit("revoke", 120, 60, "address", "revoking refresh tokens")
ANONYMOUS_CHANGES = RateLimit("anonymous_changes", 300, 60, "address", "changes asked for without being signed in")
MONEY = RateLimit("money", 30, 60, "person", "payments, refunds and corrections")
INVITATIONS = RateLimit("invitations", 60, 60, "organisation", "invitations, which are mails")
TERMINAL = RateLimit("terminal", 120, 60, "person", "tickets for terminals")
LAUNCH = RateLimit("launch", 120, 60, "organisation", "launches, with dry runs")
EXPORTS = RateLimit("exports", 20, 60, "person", "exports of the audit log and the activity")
CHANGES = RateLimit("changes", 1200, 60, "person", "every other change")


async def check_rate(connection: AnyConnection, actor: Actor, limit: RateLimit) -> None:
    """Count one request. Raises TooManyRequests."""
    runtime: Runtime = connection.app.state.runtime
    if actor.kind is ActorKind.ANONYMOUS and limit.who in ("person", "organisation"):
        limit = ANONYMOUS_CHANGES
    note(connection, limit, await take(runtime.valkey, limit, _key(connection, actor, limit, runtime.settings)))


def note(connection: AnyConnection, limit: RateLimit, taken: Taken) -> None:
    """Leave the headers for the answer. Raises TooManyRequests, which carries them itself."""
    headers = {
        "ratelimit-policy": f'"{limit.name}";q={limit.count};w={limit.seconds}',
        "ratelimit": f'"{limit.name}";r={taken.left};t={taken.reset}',
    }
    if taken.wait:
        refusal = TooManyRequests(retry_after=taken.wait)
        refusal.headers |= headers
        raise refusal
    connection.scope["state"]["rate_headers"] = headers


@asynccontextmanager
async def failures(connection: AnyConnection, limit: RateLimit, client: str) -> AsyncIterator[None]:
    """Counts only what is refused inside, by client and address: a wrong secret locks nobody else out."""
    runtime: Runtime = connection.app.state.runtime
    key = f"{_address(connection)}:{hashlib.sha256(client.encode()).hexdigest()[:32]}"
    note(connection, limit, await take(runtime.valkey, limit, key, count=False))
    try:
        yield
    except DomainError as refusal:
        if refusal.status in (400, 401):
            await take(runtime.valkey, limit, key)
        raise


def _address(connection: AnyConnection) -> str:
    return network_of(connection.client.host if connection.client else "-")


def _key(connection: AnyConnection, actor: Actor, limit: RateLimit, settings: Settings) -> str:
    if limit.who == "person":
        return actor.key
    if limit.who == "organisation":
        return f"tenant:{actor.tenant_id}" if actor.tenant_id else actor.key
    held = sorted(name for name in connection.cookies if name.startswith(settings.web.cookie(SIGN_IN_COOKIE)))
    if held and limit.who == "browser":
        return f"browser:{hashlib.sha256(connection.cookies[held[0]].encode()).hexdigest()[:32]}"
    return f"address:{_address(connection)}"
