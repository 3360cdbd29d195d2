"""Sessions of one person: list, revoke, sign out; and the actor that a session cookie authenticates.

The actor is a read model of a few seconds, so a revocation takes effect everywhere within five.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from app.domains.auth.contracts import SessionId
from app.domains.auth.events import SessionRevoked
from app.domains.auth.repository import AuthRepository, TeamRepository
from app.domains.auth.repository.team import AnyRow
from app.domains.auth.rules import browser_label
from app.domains.auth.rules.values import Workspace
from app.domains.auth.service.session_cache import SESSION, NotKept, forget, session_tag
from app.domains.auth.service.view_as import actor_of_view
from app.shared.audit import AuditAction
from app.shared.authz import Actor, ActorKind, Permission, Role, RoleBinding
from app.shared.authz.actor import ANONYMOUS, SYSTEM
from app.shared.authz.scope import require
from app.shared.context import Context, Runtime
from app.shared.crypto import digest
from app.shared.errors import NotFound
from app.shared.paging import Slice, cut
from app.shared.readcache import ReadCache
from app.shared.use_case import Unprivileged, use_case

SEEN_EVERY = timedelta(minutes=1)
SIGNED_OUT = "signed out"
OWN = Unprivileged("one ends one's own sessions")


class RevokeOtherSessions(msgspec.Struct, frozen=True, kw_only=True):
    pass


class OthersRevoked(msgspec.Struct, frozen=True, kw_only=True):
    count: int


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    id: SessionId
    method: str
    user_agent: str
    address: str
    created_at: datetime
    last_seen_at: datetime
    current: bool
    tenant_name: str | None = None  # of its workspace; None outside any organisation
    project_name: str | None = None


class RevokeSession(msgspec.Struct, frozen=True, kw_only=True):
    session_id: UUID
    reason: str = "revoked"


class Revoked(msgspec.Struct, frozen=True, kw_only=True):
    session_id: UUID
    method: str = ""  # how it was started


async def actor_of_cookie(runtime: Runtime, token: str) -> Actor:
    """The actor of a session cookie; ANONYMOUS for an unknown, ended or expired session."""
    if len(token) > 100:
        return ANONYMOUS
    token_hash = digest(token)

    async def load() -> Actor:
        async with runtime.context(SYSTEM) as ctx:
            actor = await _read_actor(ctx, token_hash)
        if actor is ANONYMOUS or actor.viewing is not None:  # so that a view-as ends on time
            raise NotKept(actor)
        return actor

    try:
        return await runtime.part(ReadCache).read(SESSION, token_hash.hex(), (session_tag(token_hash),), load)
    except NotKept as found:
        return found.actor


async def _read_actor(ctx: Context, token_hash: bytes) -> Actor:
    repository = AuthRepository(ctx.session)
    now = await ctx.now()
    row = await repository.see_session(token_hash, now, now - SEEN_EVERY)
    if row is None:
        return ANONYMOUS
    bindings = msgspec.convert(row.bindings, tuple[RoleBinding, ...])
    viewer = await actor_of_view(ctx, row, bindings)
    if viewer is not None:
        return viewer
    workspace = await _workspace_of(ctx, row, bindings)
    return Actor(
        kind=ActorKind.USER,
        id=row.user_id,
        tenant_id=workspace.tenant_id if workspace else None,
        project_id=workspace.project_id if workspace else None,
        bindings=bindings,
        session_id=row.id,
        name=row.name,
        via_cookie=True,
    )


async def _workspace_of(ctx: Context, row: AnyRow, bindings: tuple[RoleBinding, ...]) -> Workspace | None:
    """The session's project. A session whose person has lost their roles there moves to their default workspace."""
    for binding in bindings:
        if row.tenant_id is not None and binding.tenant_id == row.tenant_id:
            if binding.project_id in (None, row.project_id):
                return Workspace(tenant_id=row.tenant_id, project_id=row.project_id)
    first = await AuthRepository(ctx.session).find_default_workspace(row.user_id)
    workspace = Workspace(tenant_id=first.tenant_id, project_id=first.project_id) if first else None
    if workspace is not None or row.tenant_id is not None:
        await TeamRepository(ctx.session).set_session_workspace(row.id, row.user_id, workspace)
    return workspace


async def session_tenants(ctx: Context, session_ids: Iterable[UUID]) -> dict[UUID, UUID | None]:
    """The organisation that each of these sessions is in now; ended and expired sessions are absent."""
    rows = await AuthRepository(ctx.session).list_live_sessions(list(session_ids))
    return {row.id: row.tenant_id for row in rows}


async def read_bindings(repository: AuthRepository, holder: object) -> tuple[RoleBinding, ...]:
    """Every role of a person or a service account."""
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
    """The actor's own live sessions, most recently seen first, for the page."""
    result = await page_sessions(ctx)
    return sorted(result.items, key=lambda view: view.last_seen_at, reverse=True)


def _view(row: AnyRow, own: UUID | None) -> SessionView:
    return SessionView(
        id=SessionId(row.id),
        method=row.method,
        user_agent=browser_label(row.user_agent),
        address=row.address,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        current=row.id == own,
        tenant_name=row.tenant_name,
        project_name=row.project_name,
    )


@use_case(OWN, AuditAction.SESSION_REVOKE, lambda command, _: command.session_id)
async def revoke_session(ctx: Context, command: RevokeSession) -> Revoked:
    """End one of the actor's own sessions. Raises NotFound for any other."""
    return await _revoke(ctx, command)


async def _revoke(ctx: Context, command: RevokeSession) -> Revoked:
    require(ctx.actor, Permission.PROFILE)
    if ctx.actor.id is None:
        raise NotFound()
    repository = AuthRepository(ctx.session)
    row = await repository.revoke_session(command.session_id, ctx.actor.id, command.reason, await ctx.now())
    if row is None:
        raise NotFound()
    event = SessionRevoked(session_id=row.id, user_id=ctx.actor.id, reason=command.reason)
    await ctx.emit(event, version=2)
    forget(ctx, [bytes(row.token_hash)])
    return Revoked(session_id=row.id, method=row.method)


async def sign_out(ctx: Context) -> str:
    """End the actor's own browser session. Returns the method it was started with; empty when there was none."""
    if ctx.actor.session_id is None or not ctx.actor.via_cookie:
        return ""
    with suppress(NotFound):  # ended meanwhile
        revoked = await _revoke(ctx, RevokeSession(session_id=ctx.actor.session_id, reason=SIGNED_OUT))
        await ctx.audit(AuditAction.SESSION_SIGN_OUT, revoked.session_id)
        return revoked.method
    return ""


@use_case(OWN)
async def revoke_other_sessions(ctx: Context, command: RevokeOtherSessions) -> OthersRevoked:
    """End every session of the actor, command line included, except the current one. Raises NotFound for programs."""
    require(ctx.actor, Permission.PROFILE)
    if ctx.actor.kind is not ActorKind.USER or ctx.actor.id is None:
        raise NotFound()
    keep = ctx.actor.session_id
    rows = await AuthRepository(ctx.session).revoke_others(ctx.actor.id, keep, "revoked", await ctx.now())
    for row in rows:
        event = SessionRevoked(session_id=row.id, user_id=ctx.actor.id, reason="revoked")
        await ctx.emit(event, version=2)
    await ctx.audit(AuditAction.SESSION_REVOKE_OTHERS, ctx.actor.id, {"count": len(rows)})
    forget(ctx, [bytes(row.token_hash) for row in rows])
    return OthersRevoked(count=len(rows))
