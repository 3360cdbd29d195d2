"""API of the caller: who they are, and their sessions. `rest_oauth` issues tokens."""

from uuid import UUID

from litestar import delete, get
from litestar.params import FromPath

from app.domains.auth.handlers.options import PROFILE
from app.domains.auth.schemas.rest import MeAnswer, SessionsAnswer
from app.domains.auth.service import programs, sessions
from app.domains.auth.service.sessions import OthersRevoked, Revoked, RevokeOtherSessions, RevokeSession
from app.web import Ctx
from app.web.paging import Cursor, Limit


@get("/me", opt=PROFILE)
async def me(ctx: Ctx) -> MeAnswer:
    """The caller, their workspace and their roles."""
    actor, names = ctx.actor, await programs.workspace_names(ctx)
    return MeAnswer(
        kind=actor.kind.value,
        id=actor.id,
        tenant_id=actor.tenant_id,
        project_id=actor.project_id,
        roles=actor.role_names,
        name=actor.name,
        tenant=names.tenant_name,
        project=names.project_name,
    )


@get("/sessions", opt=PROFILE)
async def list_sessions(ctx: Ctx, cursor: Cursor = None, limit: Limit = 50) -> SessionsAnswer:
    """List the caller's sessions, newest sign-in first."""
    result = await sessions.page_sessions(ctx, cursor, limit)
    return SessionsAnswer(items=list(result.items), next_cursor=result.next_cursor)


@delete("/sessions/{session_id:uuid}", opt=PROFILE, status_code=200)
async def end_session(ctx: Ctx, session_id: FromPath[UUID]) -> Revoked:
    """End one of the caller's sessions."""
    return await sessions.revoke_session(ctx, RevokeSession(session_id=session_id))


@delete("/sessions", opt=PROFILE, status_code=200)
async def end_other_sessions(ctx: Ctx) -> OthersRevoked:
    """End every session but the current one."""
    return await sessions.revoke_other_sessions(ctx, RevokeOtherSessions())


ROUTES = [me, list_sessions, end_session, end_other_sessions]
