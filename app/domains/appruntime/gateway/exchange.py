"""One HTTP/1.1 exchange with an app: one connection, one request, one answer, then the connection is closed.

A connection is never used again, so nothing that one person sent or was sent can meet another person's request,
whatever the app does: leave a body unread, answer twice, go on talking, close while idle. Requests are framed here and
answers are read strictly (h11): what a peer claims about lengths is never passed on unread (RFC 9112, 6.3 and 11.2).
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

import h11
import msgspec

from app.domains.appruntime.errors import MachineSilent, MalformedRequest
from app.shared.ssh import Stream

Header = tuple[bytes, bytes]
WRITE_SECONDS = 300.0  # how long an app may leave a body unread before no more of it is sent
MAX_HEAD = 128 * 1024  # bytes of an answer's head
MAX_INTERIM = 20  # answers of 1xx before the final one
SWITCHING = 101


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask an app. `headers` say nothing of framing: `length` does, in bytes; None: as long as it comes."""

    method: bytes
    target: bytes
    headers: list[Header]
    length: int | None = 0


class Upstream(msgspec.Struct, frozen=True):
    """The beginning of an app's answer, and the rest as it comes. `length`: None when it is not known beforehand."""

    status: int
    headers: list[Header]
    length: int | None
    body: AsyncIterator[bytes]


class Exchange:
    """A request that is on its way over a stream of its own."""

    def __init__(self, request: Request) -> None:
        """Raises MalformedRequest for what cannot be said in HTTP/1.1."""
        self._wire = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        self._method = request.method
        try:
            self._begin = self._wire.send(_framed(request))
        except h11.LocalProtocolError as error:
            raise MalformedRequest() from error

    @contextlib.asynccontextmanager
    async def over(self, stream: Stream, body: AsyncGenerator[bytes, None] | None) -> AsyncIterator[Upstream]:
        """The answer. The body is sent beside: an app may answer before it has read, or without reading, all of it.

        Raises MachineSilent when the app breaks off or what it says is not HTTP; so does the answer's body."""
        sending = asyncio.ensure_future(self._send(stream, body))
        try:
            head = await self._head(stream)
            fields = [(bytes(name), bytes(value)) for name, value in head.headers]
            yield Upstream(head.status_code, fields, self._length(head), self._body(stream))
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            stream.close()

    @property
    def rest(self) -> bytes:
        """What the app sent after the head of a 101, already in the other protocol."""
        return self._wire.trailing_data[0]

    async def _send(self, stream: Stream, body: AsyncGenerator[bytes, None] | None) -> None:
        """What goes wrong with the app shows in its answer; what goes wrong with the body ends the exchange."""
        try:
            if not await _write(stream, self._begin):
                return
            if body is not None:
                async with contextlib.aclosing(body):
                    async for part in body:
                        if not await _write(stream, self._wire.send(h11.Data(data=part)) or b""):
                            return
            await _write(stream, self._wire.send(h11.EndOfMessage()) or b"")
        except BaseException:
            stream.close()
            raise

    async def _head(self, stream: Stream) -> h11.Response | h11.InformationalResponse:
        for _ in range(MAX_INTERIM):
            event = await self._next(stream)
            if isinstance(event, h11.Response) and event.status_code < 600:
                return event
            if not isinstance(event, h11.InformationalResponse):
                break
            if event.status_code == SWITCHING:
                return event
        raise MachineSilent()

    async def _body(self, stream: Stream) -> AsyncIterator[bytes]:
        while isinstance(event := await self._next(stream), h11.Data):
            yield bytes(event.data)

    async def _next(self, stream: Stream) -> object:
        try:
            while (event := self._wire.next_event()) is h11.NEED_DATA:
                self._wire.receive_data(await stream.read())
        except (h11.RemoteProtocolError, OSError) as error:
            raise MachineSilent() from error
        return event

    def _length(self, head: h11.Response | h11.InformationalResponse) -> int | None:
        """As h11 read it: chunked beats Content-Length, and some answers have no body whatever they say."""
        names = {bytes(name): bytes(value) for name, value in head.headers}
        if head.status_code in (204, 304) or b"transfer-encoding" in names:
            return None
        return int(names[b"content-length"]) if b"content-length" in names else None


def _framed(request: Request) -> h11.Request:
    fields = list(request.headers)
    if not any(name == b"connection" for name, _ in fields):
        fields.append((b"connection", b"close"))
    if request.length is None:
        fields.append((b"transfer-encoding", b"chunked"))
    elif request.length or request.method in (b"POST", b"PUT", b"PATCH"):
        fields.append((b"content-length", b"%d" % request.length))
    return h11.Request(method=request.method, target=request.target, headers=fields)


async def _write(stream: Stream, data: bytes) -> bool:
    """False when the app takes no more."""
    try:
        async with asyncio.timeout(WRITE_SECONDS):
            await stream.write(data)
    except (OSError, TimeoutError):
        return False
    return True
