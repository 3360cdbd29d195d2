"""A small ASGI toolkit for the simulators: one request struct, one response struct, one application wrapper.

It owns reading bodies, health, the fault endpoints and lifespan. It refuses to be a framework: routing is a `match`
statement in each simulator.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import cast
from urllib.parse import parse_qsl

import msgspec

from devstack.simulators.faults import Faults

Scope = MutableMapping[str, object]
Message = MutableMapping[str, object]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_LIMIT = 4 * 1024 * 1024


class Request(msgspec.Struct, frozen=True):
    """One HTTP request, body included. Header names are in lower case; the last of several equal ones wins."""

    method: str
    path: str
    query_string: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def query(self) -> dict[str, str]:
        """Query parameters; the last of several equal names wins."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        """The URL-encoded body; the last of several equal names wins."""
        return dict(self.form_pairs)

    @property
    def form_pairs(self) -> list[tuple[str, str]]:
        """The URL-encoded body in the order it was sent."""
        return parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True)

    @property
    def segments(self) -> list[str]:
        """The path split at slashes, without empty parts."""
        return [part for part in self.path.split("/") if part]


class Response(msgspec.Struct, frozen=True):
    """One HTTP answer. `hang_up` closes the connection without answering (a simulated cut)."""

    status: int = 200
    body: bytes = b""
    media_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    hang_up: bool = False


class HangUp(Exception):
    """The connection is to be dropped without an answer, and the server at hand offers no way to do it."""


Handler = Callable[[Request], Awaitable[Response]]
Hook = Callable[[], Awaitable[None]]


def json_response(value: object, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """`value` as JSON."""
    return Response(status, msgspec.json.encode(value), "application/json", headers)


def html_response(text: str, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """A page that is never cached."""
    return Response(status, text.encode(), "text/html; charset=utf-8", (("cache-control", "no-store"), *headers))


def redirect(location: str, status: int = 303, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """Send the browser to `location`."""
    return Response(status, b"", headers=(("location", location), ("cache-control", "no-store"), *headers))


async def read_request(scope: Scope, receive: Receive) -> Request | None:
    """The request with its whole body, or None when the client went away or sent more than BODY_LIMIT."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        chunk = message.get("body", b"")
        if isinstance(chunk, bytes):
            body += chunk
        if len(body) > BODY_LIMIT:
            return None
        if not message.get("more_body"):
            break
    raw_headers = cast("list[tuple[bytes, bytes]]", scope["headers"])
    query = cast("bytes", scope["query_string"])
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw_headers}
    return Request(str(scope["method"]), str(scope["path"]), query.decode("latin-1"), headers, bytes(body))


async def hang_up(receive: Receive, send: Send) -> None:
    """Drop the connection without a byte of answer. Raises HangUp when the server is not uvicorn."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise HangUp
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_response(send: Send, response: Response) -> None:
    """Write `response`."""
    headers = [
        (b"content-type", response.media_type.encode()),
        (b"content-length", str(len(response.body)).encode()),
        *((name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers),
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


def application(
    handler: Handler, faults: Faults, on_startup: Hook | None = None, on_shutdown: Hook | None = None
) -> Application:
    """An ASGI application: `/healthz`, `/_faults`, lifespan hooks, and `handler` for everything else."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send, on_startup, on_shutdown)
        elif scope["type"] != "http":
            raise HangUp
        elif scope["path"] == "/healthz":
            await send_response(send, Response(body=b"ok"))
        elif not await faults.handle(scope, receive, send):
            request = await read_request(scope, receive)
            response = Response(413) if request is None else await handler(request)
            if response.hang_up:
                await hang_up(receive, send)
            else:
                await send_response(send, response)

    return app


async def _lifespan(receive: Receive, send: Send, on_startup: Hook | None, on_shutdown: Hook | None) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            if on_startup is not None:
                await on_startup()
            await send({"type": "lifespan.startup.complete"})
        else:
            if on_shutdown is not None:
                await on_shutdown()
            await send({"type": "lifespan.shutdown.complete"})
            return
