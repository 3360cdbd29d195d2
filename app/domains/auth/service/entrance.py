"""What every way in shares: the cookie, the session it stands for, and the development-only people."""

from litestar import Request, Response
from litestar.datastructures import Cookie

from app.context import Runtime
from app.domains.auth.contracts import Identity, SignIn, Visit
from app.domains.auth.service.sign_in import sign_in
from app.settings import Settings, WebSettings
from app.shared.errors import NotFound
from app.shared.web.provide import ContextFactory

OPERATOR_HOME = "/admin"
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


def visit_of(request: Request) -> Visit:  # type: ignore[type-arg]
    """Where a sign-in comes from."""
    address = request.client.host if request.client else "-"
    return Visit(user_agent=request.headers.get("user-agent", "")[:200], address=address)


def held(request: Request) -> str | None:  # type: ignore[type-arg]
    """The session token that the browser holds now; signing in ends it."""
    runtime: Runtime = request.app.state.runtime
    return request.cookies.get(runtime.settings.web.cookie("session"))


def internal_identity(settings: Settings, person: str) -> Identity:
    """A development person. Raises NotFound in production and for anybody unknown."""
    if not settings.development or person not in INTERNAL_PEOPLE:
        raise NotFound()
    name, email = INTERNAL_PEOPLE[person]
    return Identity(issuer="internal", subject=person, email=email, email_verified=True, name=name)


async def enter(
    runtime: Runtime,
    contexts: ContextFactory,
    identity: Identity,
    visit: Visit,
    method: str,
    path: str,
    previous: str | None,
) -> Response[str]:
    """Open a session and go where the person was going."""
    async with contexts() as ctx:
        result = await sign_in(ctx, SignIn(identity=identity, visit=visit, method=method, previous_token=previous))
    target = OPERATOR_HOME if result.is_operator and path == "/" else path
    answer = Response("", status_code=303, headers={"location": target}, media_type="text/html")
    settings = runtime.settings.web
    answer.set_cookie(cookie(settings, "session", result.token, COOKIE_SECONDS))
    answer.set_cookie(cookie(settings, "login", "", 0))
    return answer
