"""Security headers on every answer, errors and static files included, and the correlation id.

Plain ASGI and outermost, so that nothing answers around it. The policy has no `unsafe-inline`: the terminal page alone
gets a nonce for the styles that its library writes.
"""

from collections.abc import Callable

from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from app.settings import Settings


def content_security_policy(settings: Settings, nonce: str = "", form_target: str = "") -> str:
    """The policy. Chromium applies form-action to redirects as well, so Checkout and the issuer are named, and on the
    page that lets a command line in its own address on the person's computer."""
    style = f"'self' 'nonce-{nonce}'" if nonce else "'self'"
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            f"style-src {style}",
            f"img-src 'self' data: {settings.s3.public_url}",
            "font-src 'self'",
            f"connect-src 'self' {settings.s3.public_url}",
            f"form-action 'self' {settings.stripe.checkout_origin} {settings.oidc.issuer} {form_target}".rstrip(),
            "manifest-src 'self'",
            "base-uri 'none'",
            "object-src 'none'",
            "frame-ancestors 'none'",
        )
    )


class SecurityHeaders:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp, settings: Settings, is_draining: Callable[[], bool] = lambda: False) -> None:
        self._app = app
        self._is_draining = is_draining
        self._settings = settings
        self._fixed = {
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
            "referrer-policy": "strict-origin-when-cross-origin",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
        }
        if settings.web.secure:
            self._fixed["strict-transport-security"] = "max-age=31536000; includeSubDomains"
        self._policy = content_security_policy(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableScopeHeaders.from_message(message)
                for name, value in self._fixed.items():
                    headers.setdefault(name, value)
                if self._is_draining():
                    headers["connection"] = "close"  # the proxy's next request goes to another process
                state = scope.get("state") or {}
                nonce = str(state.get("csp_nonce") or "")
                target = str(state.get("csp_form_target") or "")
                headers["content-security-policy"] = (
                    content_security_policy(self._settings, nonce, target) if nonce or target else self._policy
                )
                trace = state.get("trace")
                if trace is not None:
                    headers["x-correlation-id"] = trace.correlation_id
            await send(message)

        await self._app(scope, receive, send_with_headers)
