"""Sign-in and sign-out in the browser: routes, cookies, and the development login."""

from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.params import QueryParameter

from app.domains.auth.rules import safe_next
from app.domains.auth.rules.claims import Identity
from app.domains.auth.rules.values import Visit
from app.domains.auth.schemas.forms import InternalLoginForm
from app.domains.auth.schemas.pages import FarewellPage, LoginPage
from app.domains.auth.service import oidc, sessions
from app.domains.auth.service.oidc import PENDING_SECONDS, Returned, Started, cookie_of, onwards
from app.domains.auth.service.sign_in import SignIn, sign_in
from app.settings import SIGN_IN_COOKIE, Settings, WebSettings
from app.shared.authz import Actor, ActorKind
from app.shared.context import ContextFactory, Runtime
from app.shared.errors import NotFound
from app.web import Contexts, Ctx, Form, page, public, redirect
from app.web.limits import SIGN_IN_CALLBACK, SIGN_IN_INTERNAL, SIGN_IN_START
from app.web.types import AnyRequest

OPERATOR_HOME = "/admin"
FAREWELL = "out"
MAX_ATTEMPTS = 16  # of one browser at once
COOKIE_SECONDS = 30 * 24 * 3600  # the session itself ends earlier, by policy
INTERNAL_PEOPLE = {
    "dev": ("Devon Reyes", "devon@internal.example"),
    "dora": ("Dora Lindqvist", "dora@internal.example"),
}


def internal_people(settings: Settings) -> list[tuple[str, str]]:
    """Key and name of the people of the development login; nobody in production."""
    return [(key, name) for key, (name, _) in INTERNAL_PEOPLE.items()] if settings.development else []


def cookie(settings: WebSettings, name: str, value: str, max_age: int) -> Cookie:
    """One of our cookies: host-only, HttpOnly, Lax, Secure wherever the scheme is https."""
    return Cookie(
        key=settings.cookie(name),
        value=value,
        max_age=max_age,
        path="/",
        httponly=True,
        secure=settings.secure,
        samesite="lax",
    )


def visit_of(request: AnyRequest) -> Visit:
    """The browser and address of a request."""
    address = request.client.host if request.client else "-"
    return Visit(user_agent=request.headers.get("user-agent", "")[:200], address=address)


def held(request: AnyRequest) -> str | None:
    """The session token that the browser sends, if any; signing in ends that session."""
    runtime: Runtime = request.app.state.runtime
    return request.cookies.get(runtime.settings.web.cookie("session"))


def internal_identity(settings: Settings, person: str) -> Identity:
    """A person of the development login. Raises NotFound in production and for an unknown key."""
    if not settings.development or person not in INTERNAL_PEOPLE:
        raise NotFound()
    name, email = INTERNAL_PEOPLE[person]
    return Identity(issuer="internal", subject=person, email=email, email_verified=True, name=name)


def comes_from_farewell(request: AnyRequest) -> bool:
    """Whether this browser comes back from signing out at the provider."""
    settings: WebSettings = request.app.state.runtime.settings.web
    return settings.cookie(FAREWELL) in request.cookies


def shown_once(request: AnyRequest, answer: Response[str]) -> Response[str]:
    """Delete the farewell cookie, so that the page says “signed out” once."""
    if comes_from_farewell(request):
        answer.set_cookie(cookie(request.app.state.runtime.settings.web, FAREWELL, "", 0))
    return answer


def hold_attempt(request: AnyRequest, answer: Response[str], started: Started) -> None:
    """Set the cookie of a sign-in attempt. Cookies of abandoned attempts are deleted when there are many."""
    settings: WebSettings = request.app.state.runtime.settings.web
    older = [name for name in request.cookies if name.startswith(settings.cookie(SIGN_IN_COOKIE))]
    for name in older if len(older) >= MAX_ATTEMPTS else ():
        answer.set_cookie(cookie(settings, SIGN_IN_COOKIE + name.removeprefix(settings.cookie(SIGN_IN_COOKIE)), "", 0))
    answer.set_cookie(cookie(settings, started.cookie, started.browser, PENDING_SECONDS))


def response_of(request: AnyRequest, state: str, code: str, issuer: str | None, error: str) -> Returned:
    """The provider's response with the cookie of its attempt."""
    browser = request.cookies.get(request.app.state.runtime.settings.web.cookie(cookie_of(state)))
    return Returned(state=state, code=code, issuer=issuer, error=error, browser=browser)


async def loaded_again(request: AnyRequest, answered: Returned) -> Response[str] | None:
    """The redirect for a response that was already used; None for one that is still to be checked."""
    actor: Actor = request.scope["user"]
    is_in = actor.kind is ActorKind.USER and actor.via_cookie
    path = await onwards(request.app.state.runtime, answered, is_in=is_in)
    return None if path is None else Response("", status_code=303, headers={"location": path}, media_type="text/html")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An authenticated person and their destination. `attempt` is the cookie to delete."""

    identity: Identity
    visit: Visit
    method: str
    path: str
    previous: str | None
    attempt: str | None = None


def entry_of(request: AnyRequest, identity: Identity, path: str, state: str) -> Entry:
    """The entry of a person who comes from the provider."""
    return Entry(
        identity=identity,
        visit=visit_of(request),
        method="oidc",
        path=path,
        previous=held(request),
        attempt=cookie_of(state),
    )


async def enter(runtime: Runtime, contexts: ContextFactory, entry: Entry) -> Response[str]:
    """Open a session and continue to the destination. Raises AccountSuspended, AddressElsewhere."""
    command = SignIn(identity=entry.identity, visit=entry.visit, method=entry.method, previous_token=entry.previous)
    async with contexts() as ctx:
        result = await sign_in(ctx, command)
    target = OPERATOR_HOME if result.is_operator and entry.path == "/" else entry.path
    answer = Response("", status_code=303, headers={"location": target}, media_type="text/html")
    settings = runtime.settings.web
    answer.set_cookie(cookie(settings, "session", result.token, COOKIE_SECONDS))
    if entry.attempt is not None:
        answer.set_cookie(cookie(settings, entry.attempt, "", 0))
    return answer


Text = Annotated[str | None, QueryParameter()]
Opaque = Annotated[str | None, QueryParameter()]  # the provider's own value, of any length
OpaqueState = Annotated[str | None, QueryParameter(name="state")]
FAREWELL_SECONDS = 300


@get("/login", opt=public("where a session begins", rate=None))
async def login_page(
    request: AnyRequest,
    ctx: Ctx,
    next: Text = None,  # noqa: A002
    ended: Text = None,
    out: Text = None,
) -> Response[str]:
    """The sign-in page; a signed-in person is redirected onwards."""
    if ctx.actor.kind is not ActorKind.ANONYMOUS:
        return redirect(ctx, safe_next(next))
    struct = LoginPage(
        provider=ctx.settings.oidc.name,
        next_path=safe_next(next),
        signed_out=out is not None or comes_from_farewell(request),
        session_ended=ended is not None,
        internal=internal_people(ctx.settings),
    )
    return shown_once(request, await page(ctx, "auth/login.html", struct))


@get("/auth/start", opt=public("begins an OIDC sign-in", rate=SIGN_IN_START))
async def start_login(request: AnyRequest, next: Text = None) -> Response[str]:  # noqa: A002
    """Redirect to the identity provider."""
    runtime: Runtime = request.app.state.runtime
    started = await oidc.start(runtime, next)
    answer = Response("", status_code=303, headers={"location": started.location}, media_type="text/html")
    hold_attempt(request, answer, started)
    return answer


@get("/auth/callback", opt=public("ends an OIDC sign-in", rate=SIGN_IN_CALLBACK, changes=True))
async def finish_login(
    request: AnyRequest,
    contexts: Contexts,
    login_state: OpaqueState = None,
    code: Opaque = None,
    iss: Opaque = None,
    error: Opaque = None,
) -> Response[str]:
    """The identity provider's response."""
    runtime: Runtime = request.app.state.runtime
    returned = response_of(request, login_state or "", code or "", iss, error or "")
    on = await loaded_again(request, returned)
    if on is not None:
        return on
    identity, path = await oidc.finish(runtime, returned)
    return await enter(runtime, contexts, entry_of(request, identity, path, returned.state))


@post("/auth/internal", opt=public("development only", rate=SIGN_IN_INTERNAL))
async def internal_login(
    request: AnyRequest,
    contexts: Contexts,
    data: Form[InternalLoginForm],
) -> Response[str]:
    """Sign in without a provider. Not available in production."""
    runtime: Runtime = request.app.state.runtime
    identity = internal_identity(runtime.settings, data.person)
    entry = Entry(
        identity=identity,
        visit=visit_of(request),
        method="internal",
        path=safe_next(data.next),
        previous=held(request),
    )
    return await enter(runtime, contexts, entry)


@post("/logout", opt=public("ends a session; without one it does nothing", viewing=True))
async def logout(request: AnyRequest, contexts: Contexts) -> Response[str]:
    """End this session, then the session at the identity provider."""
    runtime: Runtime = request.app.state.runtime
    async with contexts() as ctx:
        method = await sessions.sign_out(ctx)
        answer = redirect(ctx, "/login?out=1")
    address = await oidc.farewell(runtime) if method == "oidc" else None
    if address is not None:
        async with contexts() as ctx:
            answer = await page(ctx, "auth/farewell.html", FarewellPage(provider=ctx.settings.oidc.name, href=address))
        answer.set_cookie(cookie(runtime.settings.web, FAREWELL, "1", FAREWELL_SECONDS))
    answer.set_cookie(cookie(runtime.settings.web, "session", "", 0))
    return answer


ROUTES = [login_page, start_login, finish_login, internal_login, logout]
