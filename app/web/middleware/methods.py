"""What HTTP asks of every address alike (RFC 9110), so that no handler has to.

HEAD is GET without its content (§9.3.2), OPTIONS names the methods (§9.3.7), `Allow` stands in each 405 (§15.5.6),
`If-None-Match` gives 304 (§13.1.2), and a body that breaks off ends the request. It reads the route table and the
answers' `ETag`; it never decides who may do what.
"""

import re
from collections.abc import Callable
from typing import Any

from litestar import Litestar
from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.exceptions import MethodNotAllowedException, NotFoundException
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from litestar.utils import normalize_path

from app.shared.errors.http import ClientLeft

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
NOT_MODIFIED_KEEPS_OUT = ("content-length", "content-type", "content-encoding", "content-range", "transfer-encoding")
OPAQUE_TAG = re.compile(r'(?:W/)?"([^"]*)"')
NO_METHOD = "?"


def allowed_methods(app: Litestar) -> Callable[[str], frozenset[str] | None]:
    """A function from a path to the methods of its route; None where there is no route."""

    def of(path: str) -> frozenset[str] | None:
        try:
            app.asgi_router.handle_routing(path=normalize_path(path), method=NO_METHOD)
        except MethodNotAllowedException as refusal:
            named = {word.strip() for word in (refusal.headers or {}).get("allow", "").split(",")}
            gets = {"GET", "HEAD"} if named & {"GET", "websocket"} else set()
            return frozenset(named & set(METHODS) | gets | {"OPTIONS"})
        except NotFoundException:
            return None
        return frozenset(METHODS)

    return of


def in_order(methods: frozenset[str]) -> str:
    """The value of `Allow`."""
    return ", ".join(method for method in METHODS if method in methods)


def is_match(if_none_match: str, etag: str) -> bool:
    """Weak comparison (RFC 9110 §8.8.3.2) of one tag with a list of tags, or with `*`."""
    if if_none_match.strip() == "*":
        return True
    return any(tag == etag.removeprefix("W/").strip('"') for tag in OPAQUE_TAG.findall(if_none_match))


class Methods:
    """Plain ASGI, around everything that answers for the portal."""

    def __init__(self, app: ASGIApp, allowed: Callable[[str], frozenset[str] | None]) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        allowed = self._allowed(scope["path"]) if scope["path"] != "*" else frozenset(METHODS)
        if scope["method"] == "OPTIONS" and allowed is not None:
            headers = [(b"allow", in_order(allowed).encode())]
            await send({"type": "http.response.start", "status": 204, "headers": headers})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        await _Exchange(scope, receive, send, allowed).run(self._app)


class _Exchange:
    """One request and its answer, which loses its content for HEAD and where the client has it already."""

    def __init__(self, scope: HTTPScope, receive: Receive, send: Send, allowed: frozenset[str] | None) -> None:
        self._scope, self._receive, self._send, self._allowed = scope, receive, send, allowed
        self._is_head = scope["method"] == "HEAD"
        self._tags = ", ".join(Headers.from_scope(scope).getall("if-none-match", []))
        self._without_content = False
        self._whole = False

    async def run(self, app: ASGIApp) -> None:
        if self._is_head:
            self._scope["state"]["asked_by_head"] = True
        inner: HTTPScope = {**self._scope, "method": "GET"} if self._is_head else self._scope
        await app(inner, self._inward, self._outward)

    async def _inward(self) -> Any:
        """The next of the body. Raises ClientLeft when it breaks off, so that no part is taken for the whole."""
        if self._without_content:
            return {"type": "http.disconnect"}  # whoever streams an answer need not go on
        message = await self._receive()
        if message["type"] == "http.disconnect" and not self._whole:
            raise ClientLeft()
        self._whole |= message["type"] == "http.request" and not message.get("more_body", False)
        return message

    async def _outward(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._begin(message)
        elif not self._without_content:
            await self._send(message)

    async def _begin(self, message: Message) -> None:
        headers = MutableScopeHeaders.from_message(message)
        if message["status"] == 405 and self._allowed is not None:  # type: ignore[typeddict-item]
            headers["allow"] = in_order(self._allowed)
        etag = headers.get("etag", "")
        reads = self._scope["method"] in ("GET", "HEAD")
        if reads and etag and self._tags and message["status"] == 200 and is_match(self._tags, etag):  # type: ignore[typeddict-item]
            message["status"] = 304  # type: ignore[typeddict-unknown-key]
            for name in NOT_MODIFIED_KEEPS_OUT:
                if name in headers:
                    del headers[name]
            self._without_content = True
        self._without_content |= self._is_head
        await self._send(message)
        if self._without_content:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
