"""Who asks on an app's origin: a browser by its cookie there, a program by an access token of the API.

A token comes as `Authorization: Bearer`, or as `Berth-Authorization` where the app wants Authorization for itself. It
is taken off the request whether it is good or not, and never leaves us.
"""

import msgspec
from litestar.types import Scope

from app.domains.appruntime.contracts import AppSession
from app.domains.appruntime.repository import AppRepository
from app.domains.appruntime.rules.headers import is_our_token
from app.domains.appruntime.service import app_sign_in
from app.shared.authz import Actor, Permission
from app.shared.authz.actor import SYSTEM
from app.shared.authz.scope import holds
from app.shared.context import Runtime
from app.shared.errors import Unauthenticated

OURS, THEIRS = b"berth-authorization", b"authorization"


class Caller(msgspec.Struct, frozen=True):
    """`session` is None for who is nobody here. `spent`: headers that are for us and not for the app."""

    session: AppSession | None
    spent: frozenset[bytes]
    is_program: bool


async def caller_of(runtime: Runtime, scope: Scope, handle: str) -> Caller:
    """Raises Unauthenticated or TokenInvalid for a program whose token is not good."""
    issuer = runtime.settings.web.public_url
    shown = [(name, value.decode("latin-1")) for name, value in scope["headers"] if name in (OURS, THEIRS)]
    tokens = [(name, value) for name, value in shown if name == OURS or is_our_token(value, issuer)]
    spent = frozenset({OURS, *(name for name, _ in tokens)})
    if not tokens:
        session = await app_sign_in.session_of(runtime, handle, cookie(scope, runtime.settings.web.cookie("app")))
        return Caller(session, spent, is_program=False)
    if len(tokens) > 1 or runtime.authenticate is None:
        raise Unauthenticated()
    scheme, _, token = tokens[0][1].strip().partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated()
    actor = await runtime.authenticate(runtime, None, token.strip())
    return Caller(await _program(runtime, handle, actor), spent, is_program=True)


async def _program(runtime: Runtime, handle: str, actor: Actor) -> AppSession | None:
    """The session of a program: only for apps in its token's project. `Admission` decides about this one."""
    if actor.id is None or actor.session_id is None:
        return None
    async with runtime.context(SYSTEM) as ctx:
        app = await AppRepository(ctx.session).find_by_handle(handle)
    if app is None or actor.project_id not in (None, app.project_id):
        return None
    if not holds(actor, Permission.APP_OPEN, app.tenant_id, app.project_id):
        return None
    return AppSession(app_id=app.id, handle=handle, user_id=actor.id, session_id=actor.session_id)


def cookie(scope: Scope, wanted: str) -> str | None:
    """The first cookie of this name."""
    for key, value in scope["headers"]:
        for part in value.decode("latin-1").split(";") if key == b"cookie" else ():
            name, _, found = part.strip().partition("=")
            if name == wanted:
                return found
    return None
