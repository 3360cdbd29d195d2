"""Headers of every answer of the portal, errors and static files included: security, caching, the correlation id.

Plain ASGI and around all that answers for the portal. No cache keeps an answer that does not say itself that it may
(`cache-control`), and a WebSocket that is refused before it was accepted gets an HTTP answer with its true status. The
policy has no `unsafe-inline`: the terminal page alone gets a nonce for the styles that its library writes.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from app.settings import Settings
from app.shared.errors.envelope import RawAnswer


def content_security_policy(settings: Settings, nonce: str = "", form_target: str = "") -> str:
    """The policy. Chromium applies form-action to redirects as well, so Checkout is named, and on the page that
    lets a command line in its own address on the person's computer."""
    style = f"'self' 'nonce-{nonce}'" if nonce else "'self'"
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            f"style-src {style}",
            f"img-src 'self' data: {settings.s3.public_url}",
            "font-src 'self'",
            f"connect-src 'self' {settings.s3.public_url}",
            f"form-action 'self' {settings.stripe.checkout_origin} {form_target}".rstrip(),
            "manifest-src 'self'",
            "base-uri 'none'",
            "object-src 'none'",
            "frame-ancestors 'none'",
        )
    )


def fixed_headers(settings: Settings) -> dict[str, str]:
    """What stands on every answer alike, also on those that the server gives before any application is asked."""
    fixed = {
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "strict-origin-when-cross-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    }
    if settings.web.secure:
        fixed["strict-transport-security"] = "max-age=31536000; includeSubDomains"
    return fixed


class SecurityHeaders:
    """Wraps everything of the portal."""

    def __init__(self, app: ASGIApp, settings: Settings, is_draining: Callable[[], bool] = lambda: False) -> None:
        self._app = app
        self._is_draining = is_draining
        self._settings = settings
        self._fixed = fixed_headers(settings)
        self._policy = content_security_policy(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                self._complete(MutableScopeHeaders.from_message(message), scope["state"])
            await send(message)

        if scope["type"] == ScopeType.WEBSOCKET:
            await self._app(scope, receive, refusing_by_http(scope, send_with_headers))
        else:
            await self._app(scope, receive, send_with_headers)

    def _complete(self, headers: MutableScopeHeaders, state: dict[str, Any]) -> None:
        for name, value in self._fixed.items():
            headers.setdefault(name, value)
        if self._is_draining():
            headers["connection"] = "close"  # the proxy's next request goes to another process
        nonce, target = str(state.get("csp_nonce") or ""), str(state.get("csp_form_target") or "")
        headers["content-security-policy"] = (
            content_security_policy(self._settings, nonce, target) if nonce or target else self._policy
        )
        headers["x-correlation-id"] = state["trace"].correlation_id


def refusing_by_http(scope: Scope, send: Send) -> Send:
    """`send` of a WebSocket; its close before it was accepted becomes an HTTP answer: code 4403 is a 403."""
    accepted = "websocket.http.response" not in (scope.get("extensions") or {})

    async def send_or_refuse(message: Message) -> None:
        nonlocal accepted
        if message["type"] == "websocket.close" and not accepted:
            refused = scope["state"].get("socket_refused", message.get("code", 1000) - 4000)
            status, headers, body = plain_answer(refused if 400 <= refused < 600 else 403)
            await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
            await send({"type": "websocket.http.response.body", "body": body, "more_body": False})
        else:
            await send(message)
        accepted = True

    return send_or_refuse


def plain_answer(status: int) -> RawAnswer:
    """A refusal that says no more than its status."""
    body = f"{HTTPStatus(status).phrase}\n".encode()
    return status, [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())], body
