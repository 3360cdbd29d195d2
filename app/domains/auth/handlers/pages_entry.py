"""What every way in shares: the cookie, the session it stands for, and the development-only people."""

import msgspec
from litestar import Response
from litestar.datastructures import Cookie

from app.domains.auth.contracts import Identity, SignIn, Visit
from app.domains.auth.service.oidc import PENDING_SECONDS, Returned, Started, cookie_of, onwards
from app.domains.auth.service.sign_in import sign_in
from app.settings import SIGN_IN_COOKIE, Settings, WebSettings
from app.shared.authz import Actor, ActorKind
from app.shared.context import ContextFactory, Runtime
from app.shared.errors import NotFound
from app.web.types import AnyRequest

OPERATOR_HOME = "/admin"
FAREWELL = "out"
MOST_ATTEMPTS = 16  # of one browser at once
COOKIE_SECONDS = 30 * 24 * 3600  # the session itself ends earlier, by policy
INTERNAL_PEOPLE = {
    "dev": ("Devon Reyes", "devon@internal.example"),
    "dora": ("Dora Lindqvist", "dora@internal.example"),
}


def internal_people(settings: Settings) -> list[tuple[str, str]]:
    """Key and name of everybody that development may sign in as; nobody in production."""
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
    """Where a sign-in comes from."""
    address = request.client.host if request.client else "-"
    return Visit(user_agent=request.headers.get("user-agent", "")[:200], address=address)


def held(request: AnyRequest) -> str | None:
    """The session token that the browser holds now; signing in ends it."""
    runtime: Runtime = request.app.state.runtime
    return request.cookies.get(runtime.settings.web.cookie("session"))


def internal_identity(settings: Settings, person: str) -> Identity:
    """A development person. Raises NotFound in production and for anybody unknown."""
    if not settings.development or person not in INTERNAL_PEOPLE:
        raise NotFound()
    name, email = INTERNAL_PEOPLE[person]
    return Identity(issuer="internal", subject=person, email=email, email_verified=True, name=name)


def comes_from_farewell(request: AnyRequest) -> bool:
    """Whether this browser was at the provider to sign out there: from that way nothing else comes back."""
    settings: WebSettings = request.app.state.runtime.settings.web
    return settings.cookie(FAREWELL) in request.cookies


def told_once(request: AnyRequest, answer: Response[str]) -> Response[str]:
    """The page says it, and says it no more."""
    if comes_from_farewell(request):
        answer.set_cookie(cookie(request.app.state.runtime.settings.web, FAREWELL, "", 0))
    return answer


def hold_attempt(request: AnyRequest, answer: Response[str], started: Started) -> None:
    """Each attempt has a cookie of its own. A browser that holds many has left them: they are put away."""
    settings: WebSettings = request.app.state.runtime.settings.web
    older = [name for name in request.cookies if name.startswith(settings.cookie(SIGN_IN_COOKIE))]
    for name in older if len(older) >= MOST_ATTEMPTS else ():
        answer.set_cookie(cookie(settings, SIGN_IN_COOKIE + name.removeprefix(settings.cookie(SIGN_IN_COOKIE)), "", 0))
    answer.set_cookie(cookie(settings, started.cookie, started.browser, PENDING_SECONDS))


def returned(request: AnyRequest, state: str, code: str, issuer: str | None, error: str) -> Returned:
    """What this browser brings back from the provider."""
    browser = request.cookies.get(request.app.state.runtime.settings.web.cookie(cookie_of(state)))
    return Returned(state=state, code=code, issuer=issuer, error=error, browser=browser)


async def loaded_again(request: AnyRequest, answered: Returned) -> Response[str] | None:
    """What a provider's answer leads to that was used already; None where it has to be looked at."""
    actor: Actor = request.scope["user"]
    is_in = actor.kind is ActorKind.USER and actor.via_cookie
    path = await onwards(request.app.state.runtime, answered, is_in=is_in)
    return None if path is None else Response("", status_code=303, headers={"location": path}, media_type="text/html")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who has proved who they are, and where they go. `attempt` is the cookie that has done its work."""

    identity: Identity
    visit: Visit
    method: str
    path: str
    previous: str | None
    attempt: str | None = None


def entry_of(request: AnyRequest, identity: Identity, path: str, state: str) -> Entry:
    """Of who comes from the provider."""
    return Entry(
        identity=identity,
        visit=visit_of(request),
        method="oidc",
        path=path,
        previous=held(request),
        attempt=cookie_of(state),
    )


async def enter(runtime: Runtime, contexts: ContextFactory, entry: Entry) -> Response[str]:
    """Open a session and go where the person was going. Raises AccountSuspended, AddressElsewhere."""
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
