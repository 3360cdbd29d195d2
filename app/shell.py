"""Wires domains to the frame: how a request is authenticated and what every page's frame shows."""

from app.context import Context, Runtime
from app.shared.authz.actor import ANONYMOUS, Actor
from app.shared.web.shell import Shell


async def authenticate(runtime: Runtime, session_cookie: str | None, bearer: str | None) -> Actor:
    return ANONYMOUS


async def build_shell(ctx: Context) -> Shell:
    return Shell(csrf_token=ctx.web.csrf_token if ctx.web else "")
