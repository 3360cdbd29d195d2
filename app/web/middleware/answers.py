"""Outermost of all, portal and apps alike: a correlation id for every request, and an end for every one.

An error that nothing inside turned into an answer is logged here once and answered without its text.
"""

import structlog
from litestar.datastructures import Headers
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from app.settings import Settings
from app.shared.errors.base import DomainError
from app.shared.errors.envelope import raw_answer
from app.shared.telemetry.trace import new_trace
from app.web.middleware.headers import fixed_headers

log = structlog.get_logger("berth.web")


class AnswerCutOff(Exception):
    """An answer broke off after it had begun: the server closes the connection. The cause is in the log already."""


class Answers:
    """Plain ASGI around everything."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._headers = fixed_headers(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if str(scope["type"]) == "lifespan":
            await self._app(scope, receive, send)
            return
        asked = Headers.from_scope(scope)
        trace = new_trace(asked.get("x-correlation-id"), asked.get("traceparent"))
        scope.setdefault("state", {})["trace"] = trace
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(service="web", correlation_id=trace.correlation_id)
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            log.error("request failed", code=DomainError.code, exc_info=error)
            if started or scope["type"] != ScopeType.HTTP:
                raise AnswerCutOff() from None
            status, headers, body = raw_answer(DomainError(), trace, self._headers)
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body, "more_body": False})
