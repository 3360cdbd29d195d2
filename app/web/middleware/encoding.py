"""Content coding (RFC 9110 §8.4, §12.5.3): texts leave compressed by zstd or gzip, as the client reads.

A stream stays one: each part that a handler sends is flushed. A fast level: a page costs a tenth of a millisecond.

The length of a compressed answer tells what repeats in it (BREACH). So the CSRF token is masked anew in every answer
(`app/web/csrf.py`), and what another site caused with words of its own choosing, its query, is not compressed.
"""

import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

from backports import zstd
from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

SMALLEST = 800  # bytes; below, the answer fits a packet anyway
TEXTS = ("text/", "application/json", "application/problem+json", "application/x-ndjson", "image/svg+xml")
NEVER = "text/event-stream"
OWN_SITES = ("same-origin", "none")


class Coder(Protocol):
    """Compresses one answer, part by part."""

    def part(self, content: bytes, *, last: bool) -> bytes:
        """What a client can read of the content so far."""
        ...


class Zstd:
    """RFC 8878, at the library's usual level."""

    def __init__(self) -> None:
        self._compressor = zstd.ZstdCompressor(level=3)

    def part(self, content: bytes, *, last: bool) -> bytes:
        compressor = self._compressor
        return compressor.compress(content, compressor.FLUSH_FRAME if last else compressor.FLUSH_BLOCK)


class Gzip:
    """RFC 1952."""

    def __init__(self) -> None:
        self._compressor = zlib.compressobj(level=2, wbits=31)

    def part(self, content: bytes, *, last: bool) -> bytes:
        compressed = self._compressor.compress(content)
        return compressed + self._compressor.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)


CODERS: dict[str, Callable[[], Coder]] = {"zstd": Zstd, "gzip": Gzip}  # the one we like best comes first


@lru_cache(maxsize=256)
def accepted_codings(accept_encoding: str) -> tuple[str, ...]:
    """Those of CODERS that the client reads, in our order. Without the header there is none."""
    weights: dict[str, float] = {}
    for element in accept_encoding.lower().split(","):
        coding, _, parameter = element.partition(";")
        name, _, value = parameter.strip().partition("=")
        weights[coding.strip()] = _weight(value) if name.strip() == "q" else 1.0
    return tuple(coding for coding in CODERS if weights.get(coding, weights.get("*", 0.0)) > 0)


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


class ContentCoding:
    """Plain ASGI, around all that answers for the portal."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        headers = Headers.from_scope(scope)
        codings = () if _is_steered(scope, headers) else accepted_codings(headers.get("accept-encoding", ""))
        answer = _Answer(send, codings[0] if codings else None, is_head=scope["method"] == "HEAD")
        await self._app(scope, receive, answer.send)


def _is_steered(scope: HTTPScope, headers: Headers) -> bool:
    """Whether another site may have written the query of a request that a cookie signs."""
    return bool(
        scope["query_string"] and "cookie" in headers and headers.get("sec-fetch-site", "none") not in OWN_SITES
    )


class _Answer:
    """One answer on its way out. Its head waits for the first part of the content, whose length decides."""

    def __init__(self, send: Send, coding: str | None, *, is_head: bool) -> None:
        self._send, self._coding, self._is_head = send, coding, is_head
        self._start: Message | None = None
        self._coder: Coder | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        if message["type"] != "http.response.body":
            await self._send(message)
            return
        last = not message.get("more_body", False)
        if self._start is not None:
            start, self._start = self._start, None
            self._begin(start, message["body"], whole=last)
            await self._send(start)
        if self._coder is not None:
            content = self._coder.part(message["body"], last=last)
            message = {"type": "http.response.body", "body": content, "more_body": not last}
        await self._send(message)

    def _begin(self, start: Message, content: bytes, *, whole: bool) -> None:
        headers = MutableScopeHeaders.from_message(start)
        if headers.get("etag", "").startswith(
            '"'
        ):  # it promises these very bytes (RFC 9110 §8.8.1); `If-Match` needs it
            return
        if not _is_text(headers) or "content-encoding" in headers or "content-range" in headers:
            return
        headers.extend_header_value("vary", "accept-encoding")
        if self._coding is None:
            return
        length = int(headers.get("content-length", SMALLEST)) if self._is_head else len(content)
        if length < SMALLEST and whole:
            return
        headers["content-encoding"] = self._coding
        if "content-length" in headers:
            del headers["content-length"]
        if not self._is_head:
            self._coder = CODERS[self._coding]()


def _is_text(headers: MutableScopeHeaders) -> bool:
    kind = headers.get("content-type", "")
    return (
        kind.startswith(TEXTS) and not kind.startswith(NEVER) and "no-transform" not in headers.get("cache-control", "")
    )
