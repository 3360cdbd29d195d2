"""The one renderer of errors: JSON for programs, a page for people, an alert under htmx. True status always."""

from typing import cast
from urllib.parse import quote

import structlog
from jinja2 import Environment, TemplateNotFound
from litestar import Response
from litestar.exceptions import HTTPException, ValidationException
from psycopg.errors import ExclusionViolation, UniqueViolation
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.shared.context import Runtime
from app.shared.errors import oauth
from app.shared.errors.base import DomainError
from app.shared.errors.common import (
    Conflict,
    Forbidden,
    NotFound,
    ServiceUnavailable,
    TooManyRequests,
    Unauthenticated,
    ValidationFailed,
)
from app.shared.errors.envelope import envelope
from app.shared.errors.http import (
    MethodNotAllowed,
    NotAcceptable,
    RequestTimedOut,
    RequestTooLarge,
    UnsupportedMediaType,
    UpgradeRequired,
)
from app.shared.telemetry.metrics import ERRORS
from app.shared.telemetry.trace import Trace, new_trace
from app.web.errors.page import ErrorPage, render_error_html
from app.web.errors.written import fields_of, wire_names
from app.web.middleware.request import route_of
from app.web.types import AnyRequest

log = structlog.get_logger("berth.errors")


_BY_STATUS: dict[int, type[DomainError]] = {
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    405: MethodNotAllowed,
    406: NotAcceptable,
    408: RequestTimedOut,
    413: RequestTooLarge,
    415: UnsupportedMediaType,
    429: TooManyRequests,
}


def as_domain_error(error: Exception) -> DomainError:
    """The refusal that stands for `error`; what we did not expect stays a plain 500 without its text."""
    if isinstance(error, DomainError):
        return error
    if isinstance(error, ValidationException):
        return ValidationFailed(fields=fields_of(error))
    if isinstance(error, RecursionError):
        return ValidationFailed("This request is nested too deeply.")
    if isinstance(error, HTTPException):
        return _of_http(error)
    if isinstance(error, DataError):  # a NUL in a text, a number out of every range
        return _unstorable("holds something that cannot be stored")
    if isinstance(error, IntegrityError):  # a rule of the tables that no use case asked for before
        is_taken = isinstance(error.orig, UniqueViolation | ExclusionViolation)
        return Conflict("This exists already.") if is_taken else _unstorable("cannot be stored as it is")
    if isinstance(error, PoolTimeout | OperationalError | InterfaceError):
        return ServiceUnavailable("The database is busy. Try again in a moment.", retry_after=2)
    if isinstance(error, ConnectionError | TimeoutError) or type(error).__module__.startswith("redis."):
        return ServiceUnavailable(retry_after=2)
    return DomainError()


def _of_http(error: HTTPException) -> DomainError:
    if error.status_code == 405 and "websocket" in (error.headers or {}).get("allow", ""):
        upgrade = UpgradeRequired()
        upgrade.headers = {"upgrade": "websocket", "connection": "upgrade"}
        return upgrade
    kind = _BY_STATUS.get(error.status_code)
    if kind is None and error.status_code < 500:
        return ValidationFailed("This request could not be read.")
    return kind() if kind else DomainError()


def _unstorable(text: str) -> ValidationFailed:
    """The database refused what no use case asked for: which field it was is not known here."""
    return ValidationFailed(f"This request {text}.", fields={"body": text})


def render_error(request: AnyRequest, error: Exception) -> Response[str] | Response[dict[str, object]]:
    """Registered for every exception. What was refused is in the audit log already (`refusals`)."""
    refusal = as_domain_error(error)
    if isinstance(refusal, ValidationFailed):
        refusal.rename(wire_names(request.scope.get("route_handler")))
    state = request.scope.setdefault("state", {})
    trace = cast(Trace, state.setdefault("trace", new_trace(request.headers.get("x-correlation-id"))))
    return _answer(request, refusal, trace, error)


def _answer(
    request: AnyRequest,
    refusal: DomainError,
    trace: Trace,
    error: Exception,
) -> Response[str] | Response[dict[str, object]]:
    ERRORS.labels(refusal.code).inc()
    _log(refusal, route_of(request.scope), error)
    headers = _headers(request, refusal)
    if request.url.path in oauth.PATHS:
        return Response(oauth.oauth_error(refusal), status_code=oauth.oauth_status(refusal), headers=headers)
    if _wants_json(request):
        return Response(envelope(refusal, trace), status_code=refusal.status, headers=headers)
    shown = _page_of(refusal, trace)
    if refusal.status == 401:
        return _to_login(request, headers)
    return _render_html(request.app.state.runtime, request, shown, headers)


def _log(refusal: DomainError, path: str, error: Exception) -> None:
    """What the caller is not told: the cause where one is known, the stack of what nobody expected."""
    if refusal.cause:
        because = type(error.__cause__).__name__ if error.__cause__ else None
        known = {"code": refusal.code, "cause": refusal.cause, "path": path, "because": because}
        log.warning(f"refused: {refusal.cause}", **known, **refusal.evidence)
    elif refusal.status >= 500:
        log.error("request failed", code=refusal.code, path=path, exc_info=error)


def _headers(request: AnyRequest, refusal: DomainError) -> dict[str, str]:
    headers = {"cache-control": "no-store", **refusal.headers}
    if refusal.retry_after is not None or refusal.status in (429, 503):
        headers["retry-after"] = str(refusal.retry_after or 2)
    if refusal.status == 401:
        headers.setdefault("www-authenticate", _challenge(request, refusal))
    return headers


def _challenge(request: AnyRequest, refusal: DomainError) -> str:
    """RFC 9110 §11.6.1: each 401 says how to sign in; RFC 6750 §3.1: a token that was sent is named as the cause. The
    endpoints of OAuth take client credentials instead (RFC 6749 §5.2)."""
    if request.url.path in oauth.PATHS:
        return 'Basic realm="berth", charset="UTF-8"'
    description = oauth.oauth_error(refusal)["error_description"]
    sent = request.headers.get("authorization", "").lower().startswith("bearer ")
    return 'Bearer realm="berth"' + (f', error="invalid_token", error_description="{description}"' if sent else "")


def _wants_json(request: AnyRequest) -> bool:
    path = request.url.path
    if path.startswith(("/api/", "/webhooks/", "/.well-known/")):
        return True
    return "application/json" in request.headers.get("accept", "") and "hx-request" not in request.headers


def _page_of(refusal: DomainError, trace: Trace) -> ErrorPage:
    return ErrorPage(
        status=refusal.status,
        code=refusal.code,
        title=refusal.title,
        message=refusal.message,
        fields=refusal.fields if isinstance(refusal, ValidationFailed) else {},
        correlation_id=trace.correlation_id,
        retry_after=refusal.retry_after,
        retryable=refusal.retryable,
        way_back=refusal.way_back,
    )


def _to_login(request: AnyRequest, headers: dict[str, str]) -> Response[str]:
    target = _own_address(request) if request.method == "GET" and "hx-request" not in request.headers else "/"
    location = f"/login?next={quote(target, safe='/')}"
    if request.headers.get("hx-request") == "true":
        return Response("", status_code=401, headers={**headers, "hx-redirect": location}, media_type="text/html")
    return Response("", status_code=303, headers={**headers, "location": location}, media_type="text/html")


def _own_address(request: AnyRequest) -> str:
    """Path and query, so that a filter or a question of a program is not lost on the way through the sign-in."""
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def _render_html(
    runtime: Runtime,
    request: AnyRequest,
    shown: ErrorPage,
    headers: dict[str, str],
) -> Response[str]:
    environment: Environment | None = runtime.templates
    if environment is None:
        return Response(shown.title, status_code=shown.status, headers=headers, media_type="text/plain")
    try:
        content, extra = render_error_html(environment, request, shown)
    except TemplateNotFound:
        content, extra = shown.title, {}
    return Response(content, status_code=shown.status, headers={**headers, **extra}, media_type="text/html")
