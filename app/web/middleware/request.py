"""Begins every request that has a route: the actor is known, the end is logged.

Logs hold method, route, status and milliseconds. Of the path only ids and numbers are kept: the rest of it, and the
query, may hold what must not be kept.
"""

import re
import secrets
import time
from uuid import UUID

import structlog
from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException, WebSocketException
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from app.shared.authz.actor import ANONYMOUS
from app.shared.context import Runtime
from app.shared.errors.base import DomainError
from app.shared.telemetry.metrics import REQUEST_SECONDS, exemplar
from app.shared.telemetry.spans import UNRECORDED, Kind, Span, span
from app.web.types import AnyConnection

log = structlog.get_logger("berth.web")
PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
UNAUTHENTICATED_PREFIXES = ("/static/", "/healthz", "/readyz", "/metrics", "/favicon")


def route_of(scope: Scope) -> str:
    """The path for a log: the route's template, with the ids and numbers that stood in it."""
    filled: dict[str, object] = dict(scope.get("path_params", {}))
    kept = {name: str(value) for name, value in filled.items() if isinstance(value, UUID | int)}
    return PARAMETER.sub(lambda match: kept.get(match[1], match[0]), str(scope.get("path_template") or "-"))


async def note_refusal(error: Exception, scope: Scope) -> None:
    """Litestar has no renderer of errors for sockets: it closes each alike and logs none. So what refused one is kept
    for its answer (`SecurityHeaders`), and what nobody expected is logged."""
    if scope["type"] != ScopeType.WEBSOCKET:
        return
    if isinstance(error, DomainError):
        scope["state"]["socket_refused"] = error.status if error.status in (429, 503) else 403
    elif isinstance(error, HTTPException):
        scope["state"]["socket_refused"] = error.status_code
    elif not isinstance(error, WebSocketException):
        log.error("socket failed", path=route_of(scope), exc_info=error)


class RequestMiddleware(ASGIMiddleware):
    """Sets `scope['user']` to an Actor and `state.trace` to a Trace."""

    scopes = (ScopeType.HTTP, ScopeType.WEBSOCKET)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Never refuses: who may do what is the guard's business."""
        name = f"{scope.get('method', 'WS')} {scope.get('path_template') or '-'}"
        is_story = scope["type"] == ScopeType.HTTP and not scope["path"].startswith(UNAUTHENTICATED_PREFIXES)
        with span(name, Kind.SERVER, scope["state"]["trace"]) if is_story else UNRECORDED as recorded:
            await self._answered(scope, receive, send, next_app, recorded)

    async def _answered(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp, recorded: Span) -> None:
        connection: AnyConnection = ASGIConnection(scope, receive, send)
        runtime: Runtime = connection.app.state.runtime
        handler = scope["route_handler"]
        if handler.opt.get("csp_nonce"):
            scope["state"]["csp_nonce"] = secrets.token_urlsafe(16)
        scope["user"] = ANONYMOUS
        path = scope["path"]
        if runtime.authenticate is not None and not path.startswith(UNAUTHENTICATED_PREFIXES):
            cookie = connection.cookies.get(runtime.settings.web.cookie("session"))
            scheme, _, bearer = connection.headers.get("authorization", "").partition(" ")
            token = bearer.strip() if scheme.lower() == "bearer" else None
            if cookie or token:
                scope["user"] = await runtime.authenticate(runtime, cookie, token)
        await self._timed(scope, receive, send, next_app, recorded)

    async def _timed(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp, recorded: Span) -> None:
        started = time.perf_counter()
        status = 0

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                rate: dict[str, str] = scope["state"].get("rate_headers", {})
                added = [(name.encode(), value.encode()) for name, value in rate.items()]
                message["headers"] = [*message["headers"], *added]
            await send(message)

        try:
            await next_app(scope, receive, watch)
        finally:
            elapsed = time.perf_counter() - started
            if scope["type"] == ScopeType.WEBSOCKET:
                log.info("socket", path=route_of(scope), ms=round(elapsed * 1000, 1))
            else:
                template = str(scope.get("path_template") or "-")
                recorded.set(**{"http.request.method": scope["method"], "http.route": template})
                recorded.set(**{"http.response.status_code": status})
                if status >= 500:
                    recorded.fail(str(status))
                REQUEST_SECONDS.labels(scope["method"], template, str(status)).observe(elapsed, exemplar())
                if not scope["path"].startswith(UNAUTHENTICATED_PREFIXES):
                    log.info(
                        "request",
                        method="HEAD" if scope["state"].get("asked_by_head") else scope["method"],
                        path=route_of(scope),
                        status=status,
                        ms=round(elapsed * 1000, 1),
                    )
