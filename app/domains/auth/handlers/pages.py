"""Sign-in, sign-out and the list of one's sessions."""

from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from app.domains.auth.contracts import RevokeSession
from app.domains.auth.contracts.team import RevokeOtherSessions
from app.domains.auth.handlers import pages_entry
from app.domains.auth.rules import safe_next
from app.domains.auth.schemas import FarewellPage, InternalLoginForm, LoginPage, SessionsPage
from app.domains.auth.service import oidc, sessions
from app.shared.authz import ActorKind, Permission
from app.shared.context import Runtime
from app.web import Contexts, Ctx, Form, page, public, redirect, requires
from app.web.limits import SIGN_IN_CALLBACK, SIGN_IN_INTERNAL, SIGN_IN_START
from app.web.types import AnyRequest

Text = Annotated[str | None, QueryParameter()]
Opaque = Annotated[str | None, QueryParameter()]  # the provider's own: of any length that a head may have
OpaqueState = Annotated[str | None, QueryParameter(name="state")]
SAID_SECONDS = 300


@get("/login", opt=public("where a session begins", rate=None), include_in_schema=False)
async def login_page(
    request: AnyRequest,
    ctx: Ctx,
    next: Text = None,  # noqa: A002
    ended: Text = None,
    out: Text = None,
) -> Response[str]:
    """The sign-in page; who is signed in already goes on."""
    if ctx.actor.kind is not ActorKind.ANONYMOUS:
        return redirect(ctx, safe_next(next))
    struct = LoginPage(
        provider=ctx.settings.oidc.name,
        next_path=safe_next(next),
        signed_out=out is not None or pages_entry.comes_from_farewell(request),
        session_ended=ended is not None,
        internal=pages_entry.internal_people(ctx.settings),
    )
    return pages_entry.told_once(request, await page(ctx, "auth/login.html", struct))


@get("/auth/start", opt=public("begins an OIDC sign-in", rate=SIGN_IN_START), include_in_schema=False)
async def start_login(request: AnyRequest, next: Text = None) -> Response[str]:  # noqa: A002
    """To the identity provider."""
    runtime: Runtime = request.app.state.runtime
    started = await oidc.start(runtime, next)
    answer = Response("", status_code=303, headers={"location": started.location}, media_type="text/html")
    pages_entry.hold_attempt(request, answer, started)
    return answer


@get("/auth/callback", opt=public("ends an OIDC sign-in", rate=SIGN_IN_CALLBACK), include_in_schema=False)
async def finish_login(
    request: AnyRequest,
    contexts: Contexts,
    login_state: OpaqueState = None,
    code: Opaque = None,
    iss: Opaque = None,
    error: Opaque = None,
) -> Response[str]:
    """Back from the identity provider."""
    runtime: Runtime = request.app.state.runtime
    returned = pages_entry.returned(request, login_state or "", code or "", iss, error or "")
    on = await pages_entry.loaded_again(request, returned)
    if on is not None:
        return on
    identity, path = await oidc.finish(runtime, returned)
    return await pages_entry.enter(runtime, contexts, pages_entry.entry_of(request, identity, path, returned.state))


@post("/auth/internal", opt=public("development only", rate=SIGN_IN_INTERNAL), include_in_schema=False)
async def internal_login(
    request: AnyRequest,
    contexts: Contexts,
    data: Form[InternalLoginForm],
) -> Response[str]:
    """Sign in without a provider; does not exist in production."""
    runtime: Runtime = request.app.state.runtime
    identity = pages_entry.internal_identity(runtime.settings, data.person)
    entry = pages_entry.Entry(
        identity=identity,
        visit=pages_entry.visit_of(request),
        method="internal",
        path=safe_next(data.next),
        previous=pages_entry.held(request),
    )
    return await pages_entry.enter(runtime, contexts, entry)


@post("/logout", opt=public("ends a session; without one it does nothing", viewing=True), include_in_schema=False)
async def logout(request: AnyRequest, contexts: Contexts) -> Response[str]:
    """End this session, then the one at the identity provider."""
    runtime: Runtime = request.app.state.runtime
    async with contexts() as ctx:
        method = await sessions.sign_out(ctx)
        answer = redirect(ctx, "/login?out=1")
    address = await oidc.farewell(runtime) if method == "oidc" else None
    if address is not None:
        async with contexts() as ctx:
            answer = await page(ctx, "auth/farewell.html", FarewellPage(provider=ctx.settings.oidc.name, href=address))
        answer.set_cookie(pages_entry.cookie(runtime.settings.web, pages_entry.FAREWELL, "1", SAID_SECONDS))
    answer.set_cookie(pages_entry.cookie(runtime.settings.web, "session", "", 0))
    return answer


@get("/settings/sessions", opt=requires(Permission.PROFILE), include_in_schema=False)
async def sessions_page(ctx: Ctx) -> Response[str]:
    """Where one is signed in."""
    return await page(ctx, "auth/sessions.html", SessionsPage(sessions=await sessions.list_sessions(ctx)))


@post("/settings/sessions/{session_id:uuid}/revoke", opt=requires(Permission.PROFILE), include_in_schema=False)
async def revoke(ctx: Ctx, session_id: FromPath[UUID]) -> Response[str]:
    """Sign out another browser."""
    await sessions.revoke_session(ctx, RevokeSession(session_id=session_id))
    return redirect(ctx, "/settings/sessions")


@post("/settings/sessions/revoke-others", opt=requires(Permission.PROFILE), include_in_schema=False)
async def revoke_others(ctx: Ctx) -> Response[str]:
    """Sign out every other browser."""
    await sessions.revoke_other_sessions(ctx, RevokeOtherSessions())
    return redirect(ctx, "/settings/sessions")


ROUTES = [login_page, start_login, finish_login, internal_login, logout, sessions_page, revoke, revoke_others]
