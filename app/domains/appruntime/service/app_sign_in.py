"""The way from the portal to an app's own origin: a code that works once within half a minute, then a cookie there.

It begins on the app's origin, which gives the browser a secret of its own; the portal binds the code to its hash, so
that a code works in the browser that asked and in no other: nobody is let in as somebody else (RFC 9700, 4.7, says the
same of `state`). The code is no token: it is random, short-lived, used up by its first use, good for one app and one
portal session, and the browser is led away from the address that holds it. Valkey keeps its hash; GETDEL makes using it
and using it up one step.
"""

import re
from urllib.parse import urlencode

import msgspec

from app.domains.appruntime.contracts import AppSession, AppView, Entry, OpenApp
from app.domains.appruntime.errors import NotOpenable, PersonsOnly
from app.domains.appruntime.policies import SESSION_HOURS
from app.domains.appruntime.repository import AppRepository
from app.domains.appruntime.service.addresses import origin_of
from app.domains.appruntime.service.admission import right_ended
from app.domains.appruntime.service.people import visible
from app.shared.audit import AuditAction
from app.shared.authz import Actor, ActorKind
from app.shared.authz.actor import SYSTEM
from app.shared.context import Context, Runtime
from app.shared.crypto import digest, new_secret, same
from app.shared.errors import Forbidden, NotFound

CODE_SECONDS = 30
BROWSER_SECONDS = 3_600  # how long a browser keeps its secret: signing in may take a while, and tabs share it
START, ENTER = "/_berth/start", "/_berth/enter"
SECRET = re.compile(r"[A-Za-z0-9_-]{32,100}")
BROWSER = re.compile(r"[0-9a-f]{64}")


def code_key(code: str) -> str:
    """Valkey key of a sign-in code."""
    return f"app_code:{digest(code).hex()}"


def session_key(token: str) -> str:
    """Valkey key of an app session."""
    return f"app_session:{digest(token).hex()}"


async def open_app(ctx: Context, command: OpenApp) -> str:
    """The address at which the way in begins. Raises NotFound, Forbidden (a viewer), NotOpenable, PersonsOnly."""
    app, _ = await visible(ctx, command.app_id)
    await _admit(ctx, app)
    return f"{origin_of(ctx.settings.web, app.handle)}{START}?next=%2F"


async def open_by_handle(ctx: Context, handle: str, path: str, browser: str) -> str:
    """The address with a code, for the browser that keeps a secret with this hash; without one, where the way in
    begins. Raises NotFound too for a handle that never was."""
    app = await AppRepository(ctx.session).find_by_handle(handle)
    if app is None:
        raise NotFound()
    app, _ = await visible(ctx, app.id)
    session = await _admit(ctx, app)
    origin, path = origin_of(ctx.settings.web, app.handle), safe_path(path)
    if not BROWSER.fullmatch(browser):
        return f"{origin}{START}?{urlencode({'next': path})}"
    code = new_secret()
    entry = Entry(session=session, browser=browser)
    await ctx.runtime.valkey.set(code_key(code), msgspec.json.encode(entry), ex=CODE_SECONDS)
    return f"{origin}{ENTER}?{urlencode({'code': code, 'next': path})}"


async def _admit(ctx: Context, app: AppView) -> AppSession:
    actor = ctx.actor
    if actor.kind is not ActorKind.USER or not actor.via_cookie or actor.id is None or actor.session_id is None:
        raise PersonsOnly()
    if await right_ended(ctx, app, actor.id, actor.session_id) is not None:
        raise Forbidden("Only owners and users of this app may open it.")
    if app.state != "running":
        raise NotOpenable(state=app.state)
    return AppSession(app_id=app.id, handle=app.handle, user_id=actor.id, session_id=actor.session_id)


def browser_secret(kept: str | None) -> str:
    """The browser's secret during sign-in; an existing one is kept, so that two tabs can sign in at once."""
    return kept if kept is not None and SECRET.fullmatch(kept) else new_secret()


def way_to_portal(runtime: Runtime, handle: str, path: str, secret: str) -> str:
    """The portal's address for a browser that keeps `secret`."""
    query = urlencode({"next": safe_path(path), "browser": digest(secret).hex()})
    return f"{runtime.settings.web.public_url}/apps/at/{handle}?{query}"


def safe_path(path: str) -> str:
    """A path on the app's own origin; anything else is its front page."""
    is_path = path.startswith("/") and not path.startswith(("//", "/\\", "/_berth/"))
    return path if is_path and len(path) <= 2_000 and path.isprintable() else "/"


async def redeem(runtime: Runtime, handle: str, code: str, secret: str | None) -> tuple[str, int] | None:
    """Use a code up: the token for the cookie and its seconds; None for a code that is used, old, another app's or
    another browser's."""
    if not code or len(code) > 100 or not secret or not SECRET.fullmatch(secret):
        return None
    stored = await runtime.valkey.getdel(code_key(code))
    if stored is None:
        return None
    entry = msgspec.json.decode(stored, type=Entry)
    session = entry.session
    if session.handle != handle or not same(entry.browser.encode(), digest(secret).hex().encode()):
        return None
    async with runtime.context(SYSTEM) as ctx:
        app = await AppRepository(ctx.session).get(session.app_id)
        seconds = 3600 * await ctx.policy(SESSION_HOURS, app.tenant_id, app.project_id)
    async with runtime.context(_person(session, app)) as ctx:
        await ctx.audit(AuditAction.APP_OPEN, app.id)
    token = new_secret()
    await runtime.valkey.set(session_key(token), msgspec.json.encode(session), ex=seconds)
    return token, seconds


def _person(session: AppSession, app: AppView) -> Actor:
    return Actor(
        kind=ActorKind.USER,
        id=session.user_id,
        tenant_id=app.tenant_id,
        project_id=app.project_id,
        session_id=session.session_id,
    )


async def session_of(runtime: Runtime, handle: str, token: str | None) -> AppSession | None:
    """The session of a cookie on the origin of this app."""
    if not token or len(token) > 100:
        return None
    stored = await runtime.valkey.get(session_key(token))
    if stored is None:
        return None
    session = msgspec.json.decode(stored, type=AppSession)
    return session if session.handle == handle else None
