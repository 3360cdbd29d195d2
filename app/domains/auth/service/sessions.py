"""Sessions of one person: list, revoke, sign out; and who a cookie stands for.

The answer for a cookie is kept in Valkey for five seconds, so a revocation is seen everywhere within five seconds even
if the message that deletes the entry is lost.
"""

from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import msgspec
from redis.exceptions import RedisError

from app.domains.auth.contracts import Revoked, RevokeSession, SessionId, SessionView
from app.domains.auth.contracts.team import OthersRevoked, Place, RevokeOtherSessions
from app.domains.auth.events import SessionRevoked
from app.domains.auth.repository import AuthRepository, TeamRepository
from app.domains.auth.repository.team import AnyRow
from app.domains.auth.rules import browser_words
from app.domains.auth.service.views import actor_of_view
from app.shared.audit import AuditAction
from app.shared.authz import Actor, ActorKind, Permission, Role, RoleBinding
from app.shared.authz.actor import ANONYMOUS, SYSTEM
from app.shared.authz.scope import require
from app.shared.context import Context, Runtime
from app.shared.crypto import digest
from app.shared.errors import NotFound
from app.shared.paging import Slice, cut
from app.shared.use_case import Unprivileged, use_case

CACHE_SECONDS = 5
SEEN_EVERY = timedelta(minutes=1)
SIGNED_OUT = "signed out"
OWN = Unprivileged("one ends one's own sessions")


def cache_key(token_hash: bytes) -> str:
    """Where the actor of a session is kept for a moment."""
    return f"berth:session:{token_hash.hex()}"


async def actor_of_cookie(runtime: Runtime, token: str) -> Actor:
    """The person whose session this is, or ANONYMOUS."""
    if len(token) > 100:
        return ANONYMOUS
    token_hash = digest(token)
    cached = await runtime.valkey.get(cache_key(token_hash))
    if cached is not None:
        return msgspec.json.decode(cached, type=Actor)
    async with runtime.context(SYSTEM) as ctx:
        actor = await _read_actor(ctx, token_hash)
    if actor is not ANONYMOUS:
        seconds = CACHE_SECONDS if actor.viewing is None else 1  # a view ends when it is over
        await runtime.valkey.set(cache_key(token_hash), msgspec.json.encode(actor), ex=seconds)
    return actor


async def _read_actor(ctx: Context, token_hash: bytes) -> Actor:
    repository = AuthRepository(ctx.session)
    now = await ctx.now()
    row = await repository.find_live_session(token_hash, now)
    if row is None:
        return ANONYMOUS
    if now - row.last_seen_at > SEEN_EVERY:
        await repository.touch_session(row.id, now)
    bindings = await read_bindings(repository, row.user_id)
    viewer = await actor_of_view(ctx, row, bindings)
    if viewer is not None:
        return viewer
    place = await _place_of(ctx, row, bindings)
    return Actor(
        kind=ActorKind.USER,
        id=row.user_id,
        tenant_id=place.tenant_id if place else None,
        project_id=place.project_id if place else None,
        bindings=bindings,
        session_id=row.id,
        name=row.name,
        via_cookie=True,
    )


async def _place_of(ctx: Context, row: AnyRow, bindings: tuple[RoleBinding, ...]) -> Place | None:
    """Where the session stands, which is never where its person has no role any more."""
    for binding in bindings:
        if row.tenant_id is not None and binding.tenant_id == row.tenant_id:
            if binding.project_id in (None, row.project_id):
                return Place(tenant_id=row.tenant_id, project_id=row.project_id)
    found = await AuthRepository(ctx.session).find_default_place(row.user_id)
    place = Place(tenant_id=found.tenant_id, project_id=found.project_id) if found else None
    if place is not None or row.tenant_id is not None:
        await TeamRepository(ctx.session).place_session(row.id, row.user_id, place)
    return place


async def forget_sessions(ctx: Context, user_id: UUID) -> None:
    """What Valkey keeps of a person's sessions is read anew. Losing this costs five seconds."""
    hashes = await AuthRepository(ctx.session).list_token_hashes(user_id, await ctx.now())
    if hashes:
        with suppress(RedisError, OSError):
            await ctx.runtime.valkey.delete(*(cache_key(value) for value in hashes))


async def read_bindings(repository: AuthRepository, holder: object) -> tuple[RoleBinding, ...]:
    """All roles of a user or service account."""
    rows = await repository.list_bindings(holder)  # type: ignore[arg-type]  # a UUID from one of our rows
    return tuple(RoleBinding(Role(row.role), row.tenant_id, row.project_id) for row in rows)


async def page_sessions(ctx: Context, cursor: UUID | None = None, limit: int = 200) -> Slice[SessionView, UUID]:
    """The actor's own live sessions, newest sign-in first."""
    require(ctx.actor, Permission.PROFILE)
    if ctx.actor.kind is not ActorKind.USER or ctx.actor.id is None:
        return Slice(items=(), next_cursor=None)
    repository = AuthRepository(ctx.session)
    rows = await repository.page_sessions(ctx.actor.id, await ctx.now(), cursor, limit + 1)
    kept = cut([_view(row, ctx.actor.session_id) for row in rows], limit, lambda view: UUID(str(view.id)))
    return Slice(items=kept.items, next_cursor=kept.next_cursor)


async def list_sessions(ctx: Context) -> list[SessionView]:
    """The same for a page: most recently seen first."""
    found = await page_sessions(ctx)
    return sorted(found.items, key=lambda view: view.last_seen_at, reverse=True)


def _view(row: AnyRow, own: UUID | None) -> SessionView:
    return SessionView(
        id=SessionId(row.id),
        method=row.method,
        user_agent=browser_words(row.user_agent),
        address=row.address,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        current=row.id == own,
        tenant_name=row.tenant_name,
        project_name=row.project_name,
    )


@use_case(OWN, AuditAction.SESSION_REVOKE, lambda command, _: command.session_id)
async def revoke_session(ctx: Context, command: RevokeSession) -> Revoked:
    """End one of the actor's own sessions. Raises NotFound for anything else."""
    return await _revoke(ctx, command)


async def _revoke(ctx: Context, command: RevokeSession) -> Revoked:
    require(ctx.actor, Permission.PROFILE)
    if ctx.actor.id is None:
        raise NotFound()
    repository = AuthRepository(ctx.session)
    row = await repository.revoke_session(command.session_id, ctx.actor.id, command.reason, await ctx.now())
    if row is None:
        raise NotFound()
    fact = SessionRevoked(session_id=row.id, user_id=ctx.actor.id, reason=command.reason)
    await ctx.emit(fact, version=2)
    await ctx.runtime.valkey.delete(cache_key(bytes(row.token_hash)))
    return Revoked(session_id=row.id, method=row.method)


async def sign_out(ctx: Context) -> str:
    """End the session that asks, if one does. Returns how it had begun; nothing where there was none."""
    if ctx.actor.session_id is None or not ctx.actor.via_cookie:
        return ""
    with suppress(NotFound):  # ended meanwhile
        revoked = await _revoke(ctx, RevokeSession(session_id=ctx.actor.session_id, reason=SIGNED_OUT))
        await ctx.audit(AuditAction.SESSION_SIGN_OUT, revoked.session_id)
        return revoked.method
    return ""


@use_case(OWN)
async def revoke_other_sessions(ctx: Context, command: RevokeOtherSessions) -> OthersRevoked:
    """End every session of the actor, command lines too, but the one that asks. Raises NotFound for programs."""
    require(ctx.actor, Permission.PROFILE)
    if ctx.actor.kind is not ActorKind.USER or ctx.actor.id is None:
        raise NotFound()
    keep = ctx.actor.session_id
    rows = await AuthRepository(ctx.session).revoke_others(ctx.actor.id, keep, "revoked", await ctx.now())
    for row in rows:
        fact = SessionRevoked(session_id=row.id, user_id=ctx.actor.id, reason="revoked")
        await ctx.emit(fact, version=2)
    await ctx.audit(AuditAction.SESSION_REVOKE_OTHERS, ctx.actor.id, {"count": len(rows)})
    if rows:
        with suppress(RedisError, OSError):
            await ctx.runtime.valkey.delete(*(cache_key(bytes(row.token_hash)) for row in rows))
    return OthersRevoked(count=len(rows))
