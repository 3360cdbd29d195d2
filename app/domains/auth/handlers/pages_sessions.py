"""A person's sessions, and the end of a view-as."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from app.domains.auth.handlers.options import PROFILE, PROFILE_VIEWING
from app.domains.auth.schemas.pages import SessionsPage
from app.domains.auth.service import sessions, view_as
from app.domains.auth.service.sessions import RevokeOtherSessions, RevokeSession
from app.domains.auth.service.view_as import StopView
from app.web import Ctx, page, redirect

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
async def stop_view(ctx: Ctx) -> Response[str]:
    """End the view and return to the customer's page."""
    stopped = await view_as.stop_view(ctx, StopView())
    return redirect(ctx, f"{CUSTOMERS}/{stopped.tenant_id}" if stopped.tenant_id else "/")


ROUTES = [sessions_page, revoke, revoke_others, stop_view]
