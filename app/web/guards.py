"""One guard for every route, in this order: declared, rate, signed in, view-as, origin, permission, kinds of content,
CSRF, idempotency key. What can be refused by the head alone is refused before a byte of the body is read, and of a form
only its two hidden fields are looked at before all has been allowed."""

import re
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import unquote_plus

from litestar import Request
from litestar.exceptions import ImproperlyConfiguredException
from litestar.handlers import HTTPRouteHandler
from litestar.handlers.base import BaseRouteHandler

from app.shared.audit import AuditAction
from app.shared.authz.actor import Actor, ActorKind
from app.shared.authz.permissions import Permission
from app.shared.authz.scope import require
from app.shared.context import Runtime
from app.shared.errors import (
    Forbidden,
    IdempotencyKeyRequired,
    Unauthenticated,
    ValidationFailed,
    ViewOnly,
)
from app.shared.errors.http import RequestTooLarge
from app.shared.idempotency import IdempotencyKey, is_stored, request_digest, route_of, scope_of
from app.web.csrf import is_csrf_token, is_same_origin
from app.web.limits import check_rate
from app.web.media import check_media
from app.web.types import AnyConnection, AnyRequest

FORM_BYTES = 256_000  # of a page's form; the longest hold text that a person pasted
FORM_FIELDS = 500
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


async def guard(connection: AnyConnection, handler: BaseRouteHandler) -> None:
    """Raises the DomainError that says which of the rules refused."""
    opt = handler.opt
    runtime: Runtime = connection.app.state.runtime
    actor: Actor = connection.scope["user"]
    permission = opt.get("permission")
    if permission is None and "public" not in opt:
        raise ImproperlyConfiguredException(f"route {handler} declares neither a permission nor why it is public")
    limit = opt.get("rate")
    if limit is not None and (permission is None or connection.scope.get("method") in UNSAFE):
        await check_rate(connection, actor, limit)
    if permission is not None and actor.kind is ActorKind.ANONYMOUS:
        raise Unauthenticated()
    unsafe = connection.scope.get("method") in UNSAFE
    moved = actor.viewing is not None and await _is_repeat(runtime, connection, handler, actor)
    if actor.viewing is not None and not moved:
        _check_viewing(connection, opt, unsafe=unsafe)
    guarded = unsafe and opt.get("same_origin", True) and (actor.id is None or actor.via_cookie)
    if guarded:  # else a bearer token, which a browser never sends on its own
        _check_origin(runtime, connection)
    if isinstance(permission, Permission) and not moved:
        _check_permission(connection, actor, permission, unsafe=unsafe)
    if isinstance(connection, Request) and isinstance(handler, HTTPRouteHandler):
        check_media(connection, handler)
    form_token, form_key = await _form_fields(connection) if unsafe else ("", "")
    if guarded:
        _check_forgery(runtime, connection, actor, form_token)
    if unsafe and opt.get("idempotent") and isinstance(connection, Request):
        connection.state.idempotency = await _idempotency_key(connection, handler, actor, form_key)


async def _is_repeat(runtime: Runtime, connection: AnyConnection, handler: BaseRouteHandler, actor: Actor) -> bool:
    """Whether who views as a customer sends again what brought them here: they get its answer once more."""
    if not handler.opt.get("moves") or not isinstance(connection, Request):
        return False
    _, form_key = await _form_fields(connection)
    with suppress(IdempotencyKeyRequired, ValidationFailed):
        key = await _idempotency_key(connection, handler, actor, form_key)
        async with runtime.context(actor) as ctx:
            return await is_stored(ctx.session, key)
    return False


def _check_viewing(connection: AnyConnection, opt: Mapping[str, object], *, unsafe: bool) -> None:
    """Who views as a customer reads pages and nothing else: neither changes nor sockets, unless the route says that it
    is meant for them. Their transactions are read-only too, so a route that forgets cannot write either."""
    if opt.get("viewing") or connection.scope.get("method") in ("GET", "HEAD"):
        return
    refusal = ViewOnly()
    if unsafe:
        refusal.refused = (AuditAction.VIEW_AS_REFUSED, "route", str(connection.scope.get("path_template") or "-"))
    raise refusal


def _check_permission(connection: AnyConnection, actor: Actor, permission: Permission, *, unsafe: bool) -> None:
    """The use case would audit its own refusal, but the route refuses first: so the route's is audited."""
    try:
        require(actor, permission)
    except Forbidden as refusal:
        if unsafe:
            refusal.refused = (permission, "route", str(connection.scope.get("path_template") or "-"))
        raise


async def _form_fields(connection: AnyConnection) -> tuple[str, str]:
    """The CSRF token and the idempotency key of a form. Raises RequestTooLarge for what is no form of a page."""
    kind = connection.headers.get("content-type", "")
    if not isinstance(connection, Request) or not kind.lower().startswith("application/x-www-form-urlencoded"):
        return ("", "")
    if (connection.content_length or 0) > FORM_BYTES:
        raise RequestTooLarge()
    form = await connection.body()
    if len(form) > FORM_BYTES or form.count(b"&") >= FORM_FIELDS:
        raise RequestTooLarge()
    return _field(form, b"_csrf_token"), _field(form, b"_idempotency_key")


def _field(form: bytes, name: bytes) -> str:
    found = re.search(rb"(?:^|&)" + name + rb"=([^&]{0,1000})", form)
    return unquote_plus(found[1].decode("ascii", "replace")) if found else ""


def _check_origin(runtime: Runtime, connection: AnyConnection) -> None:
    if not is_same_origin(runtime.settings.web, connection):
        raise Forbidden("This request did not come from one of our own pages.", reason="cross_origin")


def _check_forgery(runtime: Runtime, connection: AnyConnection, actor: Actor, form_token: str) -> None:
    settings = runtime.settings.web
    cookie = connection.cookies.get(settings.cookie("session"))
    token = connection.headers.get("x-csrftoken") or form_token
    if not is_csrf_token(settings, cookie if actor.via_cookie else None, token):
        raise Forbidden("This page has expired. Reload it and try again.", reason="csrf")


async def _idempotency_key(
    request: AnyRequest,
    handler: BaseRouteHandler,
    actor: Actor,
    form_key: str,
) -> IdempotencyKey:
    key = request.headers.get("x-idempotency-key") or form_key
    if not key:
        raise IdempotencyKeyRequired()
    if len(key) > 200 or not key.isprintable():
        raise ValidationFailed("X-Idempotency-Key must be 1 to 200 printable characters.")
    scope = request.scope
    return IdempotencyKey(
        actor=actor.key,
        scope="" if handler.opt.get("moves") else scope_of(actor),
        route=route_of(request.method, str(scope.get("path_template") or request.url.path), request.path_params),
        key=key,
        stores=actor.viewing is None or bool(handler.opt.get("viewing")),
        body_hash=request_digest(
            content_type=request.headers.get("content-type", ""),
            body=await request.body(),
            query=scope["query_string"],
            if_match=request.headers.get("if-match", ""),
        ),
    )
