"""The Context of a request. It commits before the answer starts: a failed commit becomes an error, not a lie."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

from litestar.datastructures import State
from litestar.di import NamedDependency

from app.shared.authz.actor import Actor
from app.shared.context import Context, ContextFactory, Runtime, WebInfo
from app.web.csrf import csrf_token
from app.web.shell import parse_theme, seen_cookie, theme_cookie
from app.web.types import AnyRequest

Ctx = NamedDependency[Context]
Contexts = NamedDependency[ContextFactory]


def web_info(request: AnyRequest) -> WebInfo:
    """What rendering needs to know of `request`."""
    runtime: Runtime = request.app.state.runtime
    settings = runtime.settings.web
    actor: Actor = request.scope["user"]
    cookie = request.cookies.get(settings.cookie("session")) if actor.via_cookie else None
    handler = request.scope.get("route_handler")  # an address that we do not know has none
    changes = handler is not None and bool(handler.opt.get("changes"))
    return WebInfo(
        path=request.url.path,
        is_htmx=request.headers.get("hx-request") == "true",
        theme=parse_theme(request.cookies.get(theme_cookie(settings.instance))),
        csrf_token=csrf_token(settings, cookie),
        csp_nonce=request.state.get("csp_nonce", ""),
        seen=request.cookies.get(seen_cookie(settings.instance), "")[:400],
        reads=request.method in ("GET", "HEAD") and not changes,
    )


def context_factory(request: AnyRequest) -> ContextFactory:
    """Opens Contexts for this request: one after the other, never nested."""
    runtime: Runtime = request.app.state.runtime

    def open_context() -> AbstractAsyncContextManager[Context]:
        return runtime.context(
            request.scope["user"],
            request.state.trace,
            idempotency=request.state.get("idempotency"),
            web=web_info(request),
            writable=bool(request.route_handler.opt.get("viewing")),
            read_only=bool(request.route_handler.opt.get("reads")),
        )

    return open_context


async def provide_ctx(request: AnyRequest, state: State) -> AsyncIterator[Context]:
    """The one Context of a request whose use case needs no vendor."""
    async with context_factory(request)() as ctx:
        yield ctx
        check_key(request)


async def provide_contexts(request: AnyRequest) -> AsyncIterator[ContextFactory]:
    """For use cases that call a vendor: record, commit, call, record."""
    yield context_factory(request)
    check_key(request)


def check_key(request: AnyRequest) -> None:
    """Raises KeyForgotten for a handler that ended well without a use case: no repeat of it could be known."""
    key = request.state.get("idempotency")
    if key is not None:
        key.check_claimed()
