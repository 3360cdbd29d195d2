"""Requests for another host's name are not ours: a browser is sent to the public address, the rest is refused. The
origins of apps are answered by their proxy and by nothing else: neither side ever answers on the other's.

This stops DNS rebinding, and keeps cookies and the OIDC redirect on one origin. Probes by address may ask for health.
"""

import re
from urllib.parse import urlsplit

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from app.settings import Settings

PROBES = ("/healthz", "/readyz", "/metrics")


class AppHosts:
    """Plain ASGI, outermost: hosts of apps (BERTH_APPS_URL) go to the proxy, everything else to the portal."""

    def __init__(self, portal: ASGIApp, apps: ASGIApp, settings: Settings) -> None:
        self._portal = portal
        self._apps = apps
        before, _, after = urlsplit(settings.web.apps_url).netloc.lower().partition("*")
        self._pattern = re.compile(re.escape(before) + "[a-z0-9-]{1,63}" + re.escape(after))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_app = scope["type"] in (ScopeType.HTTP, ScopeType.WEBSOCKET) and self._pattern.fullmatch(_host(scope))
        await (self._apps if is_app else self._portal)(scope, receive, send)


class HostCheck:
    """Plain ASGI, inside the security headers and outside everything else."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._public_url = settings.web.public_url
        self._host = urlsplit(settings.web.public_url).netloc.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] not in (ScopeType.HTTP, ScopeType.WEBSOCKET)
            or scope["path"] in PROBES
            or self._is_ours(scope)
        ):
            await self._app(scope, receive, send)
            return
        if scope["type"] != ScopeType.HTTP:
            await send({"type": "websocket.close", "code": 4400, "reason": "wrong host"})
            return
        safe = scope["method"] in ("GET", "HEAD")
        status = 307 if safe else 421
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        if safe:
            headers.append((b"location", (self._public_url + _quoted_path(scope)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"This site has another address.\n", "more_body": False})

    def _is_ours(self, scope: Scope) -> bool:
        return _host(scope) == self._host


def _host(scope: Scope) -> str:
    """The one Host header in lower case; empty when there is none or more than one."""
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    return hosts[0].decode("latin-1").lower() if len(hosts) == 1 else ""


def _quoted_path(scope: Scope) -> str:
    raw = scope.get("raw_path") or b"/"
    path = raw.decode("latin-1").partition("?")[0]
    return path if path.startswith("/") and not path.startswith("//") else "/"
