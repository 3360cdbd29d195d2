"""How much one client has open at a time: requests that are being answered, and sockets.

Counted by address and by session, in each process for itself; over the bound the answer is 429, at once and without
reading anything. What is unfinished is the server's business (`app/cli/server`), how often in a time the guard's.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b

import msgspec
from litestar.datastructures import Headers
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from app.settings import Settings
from app.shared.errors.common import TooManyRequests
from app.shared.errors.envelope import raw_answer
from app.web.middleware.headers import fixed_headers


class ConcurrencyLimits(msgspec.Struct, frozen=True, kw_only=True):
    """At the same time, in one process. A session is a person's browser, or a program's token."""

    requests_of_address: int = 256
    requests_of_session: int = 64
    sockets_of_address: int = 512
    sockets_of_session: int = 64


class Concurrency:
    """Plain ASGI, around portal and apps."""

    def __init__(self, app: ASGIApp, settings: Settings, limits: ConcurrencyLimits | None = None) -> None:
        self._app = app
        self._limits = limits or ConcurrencyLimits()
        self._headers = fixed_headers(settings)
        self._cookie = settings.web.cookie("session")
        self._open: Counter[tuple[str, str]] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if str(scope["type"]) == "lifespan":
            await self._app(scope, receive, send)
            return
        bounds = list(self._bounds(scope))
        if any(self._open[key] >= limit for key, limit in bounds):
            await self._refuse(scope, send)
            return
        with self._counted([key for key, _ in bounds]):
            await self._app(scope, receive, send)

    def _bounds(self, scope: Scope) -> Iterator[tuple[tuple[str, str], int]]:
        limits, is_socket = self._limits, scope["type"] == ScopeType.WEBSOCKET
        kind = "socket" if is_socket else "request"
        client, headers = scope.get("client"), Headers.from_scope(scope)
        if client is not None:
            limit = limits.sockets_of_address if is_socket else limits.requests_of_address
            yield (kind, f"address:{client[0]}"), limit
        proof = _cookie_of(headers, self._cookie) or headers.get("authorization", "")
        if proof:
            limit = limits.sockets_of_session if is_socket else limits.requests_of_session
            yield (kind, blake2b(proof.encode("utf-8", "replace"), digest_size=16).hexdigest()), limit

    @contextmanager
    def _counted(self, keys: list[tuple[str, str]]) -> Iterator[None]:
        self._open.update(keys)
        try:
            yield
        finally:
            for key in keys:
                self._open[key] -= 1
                if self._open[key] <= 0:
                    del self._open[key]

    async def _refuse(self, scope: Scope, send: Send) -> None:
        refusal = TooManyRequests("There is too much open at the same time from here. Close something, or wait.")
        refusal.headers = {"retry-after": "2"}
        status, headers, body = raw_answer(refusal, scope["state"]["trace"], self._headers)
        prefix = "websocket.http" if scope["type"] == ScopeType.WEBSOCKET else "http"
        if prefix != "http" and "websocket.http.response" not in (scope.get("extensions") or {}):
            await send({"type": "websocket.close", "code": 4429, "reason": refusal.message})
            return
        await send({"type": f"{prefix}.response.start", "status": status, "headers": headers})  # type: ignore[arg-type,misc]
        await send({"type": f"{prefix}.response.body", "body": body, "more_body": False})  # type: ignore[arg-type,misc]


def _cookie_of(headers: Headers, name: str) -> str:
    for part in "; ".join(headers.getall("cookie", [])).split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return ""
