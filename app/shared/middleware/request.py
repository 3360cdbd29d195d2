"""Begins every request: the host must be ours, a correlation id is bound, the actor is known, the end is logged.

Logs hold method, path without its query, status and milliseconds: a query string may hold what must not be kept.
"""

import secrets
import time

import structlog
from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from app.context import Runtime
from app.shared.authz.actor import ANONYMOUS
from app.shared.telemetry.metrics import REQUEST_SECONDS
from app.shared.telemetry.trace import new_trace

log = structlog.get_logger("berth.web")
UNAUTHENTICATED_PREFIXES = ("/static/", "/healthz", "/readyz", "/metrics", "/favicon")


class RequestMiddleware(ASGIMiddleware):
    """Sets `scope['user']` to an Actor and `state.trace` to a Trace."""

    scopes = (ScopeType.HTTP, ScopeType.WEBSOCKET)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Never refuses: who may do what is the guard's business."""
        connection: ASGIConnection = ASGIConnection(scope, receive, send)  # type: ignore[type-arg]
        runtime: Runtime = connection.app.state.runtime
        trace = new_trace(connection.headers.get("x-correlation-id"))
        scope["state"]["trace"] = trace
        handler = scope["route_handler"]
        if handler.opt.get("csp_nonce"):
            scope["state"]["csp_nonce"] = secrets.token_urlsafe(16)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(service="web", correlation_id=trace.correlation_id)
        scope["user"] = ANONYMOUS
        path = scope["path"]
        if runtime.authenticate is not None and not path.startswith(UNAUTHENTICATED_PREFIXES):
            cookie = connection.cookies.get(runtime.settings.web.cookie("session"))
            scheme, _, bearer = connection.headers.get("authorization", "").partition(" ")
            token = bearer.strip() if scheme.lower() == "bearer" else None
            if cookie or token:
                scope["user"] = await runtime.authenticate(runtime, cookie, token)
        await self._timed(scope, receive, send, next_app)

    async def _timed(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        started = time.perf_counter()
        status = 0

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await next_app(scope, receive, watch)
        finally:
            if scope["type"] == ScopeType.HTTP:
                elapsed = time.perf_counter() - started
                template = str(scope.get("path_template") or "-")
                REQUEST_SECONDS.labels(scope["method"], template, str(status)).observe(elapsed)
                if not scope["path"].startswith(UNAUTHENTICATED_PREFIXES):
                    log.info(
                        "request",
                        method=scope["method"],
                        path=scope["path"],
                        status=status,
                        ms=round(elapsed * 1000, 1),
                    )
