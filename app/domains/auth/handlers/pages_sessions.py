"""A person's sessions, and the end of a view-as."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from app.domains.auth.handlers.options import PROFILE, PROFILE_VIEWING
from app.domains.auth.schemas.pages import SessionsPage
from app.domains.auth.service import sessions, view_as
from app.domains.auth.service.session_cache import forget_session
from app.domains.auth.service.sessions import RevokeOtherSessions, RevokeSession
from app.domains.auth.service.view_as import StopView
from app.shared.context import Runtime
from app.web import Contexts, Ctx, page, redirect
from app.web.types import AnyRequest

CUSTOMERS = "/admin/customers"


@get("/settings/sessions", opt=PROFILE)
async def sessions_page(ctx: Ctx) -> Response[str]:
    """The person's own sessions."""
    return await page(ctx, "auth/sessions.html", SessionsPage.of(await sessions.list_sessions(ctx)))


@post("/settings/sessions/{session_id:uuid}/revoke", opt=PROFILE)
async def revoke(ctx: Ctx, session_id: FromPath[UUID]) -> Response[str]:
    """End one session."""
    await sessions.revoke_session(ctx, RevokeSession(session_id=session_id))
    return redirect(ctx, "/settings/sessions")


@post("/settings/sessions/revoke-others", opt=PROFILE)
async def revoke_others(ctx: Ctx) -> Response[str]:
    """End every other session."""
    await sessions.revoke_other_sessions(ctx, RevokeOtherSessions())
    return redirect(ctx, "/settings/sessions")


@post("/view-as/stop", opt=PROFILE_VIEWING)
async def stop_view(request: AnyRequest, contexts: Contexts) -> Response[str]:
    """End the view and return to the customer's page."""
    runtime: Runtime = request.app.state.runtime
    async with contexts() as ctx:
        stopped = await view_as.stop_view(ctx, StopView())
        answer = redirect(ctx, f"{CUSTOMERS}/{stopped.tenant_id}" if stopped.tenant_id else "/")
    token = request.cookies.get(runtime.settings.web.cookie("session"), "")
    await forget_session(runtime, token)
    return answer


ROUTES = [sessions_page, revoke, revoke_others, stop_view]
