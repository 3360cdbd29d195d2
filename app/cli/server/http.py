"""uvicorn's HTTP protocol with bounds, whatever stands in front of it.

The head is counted while it arrives, so that one that never ends is refused (431) and not gathered; a head or a body
that comes too slowly ends (408). What the server answers by itself has the headers and the shape of what the
application answers. It never looks at what is asked: that is the application's business.
"""

import asyncio
from enum import Enum
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.cli.server.bounds import Bounds, Census
from app.shared.errors.base import DomainError
from app.shared.errors.envelope import raw_answer
from app.shared.errors.http import BadRequest, HeadTooLarge, RequestTimedOut
from app.shared.telemetry.trace import new_trace

SLICE = 4096  # bytes given to the parser at once: how exact the count of an unfinished head is
LINGER_BYTES = 1_000_000


class Owes(Enum):
    """What the client has to send next."""

    HEAD = "head"
    BODY = "body"
    NOTHING = "nothing"  # it waits for us
    ANYTHING = "anything"  # between two requests; uvicorn's keep-alive time counts


class Refused(Exception):
    """Raised inside the parser to stop it."""


class BoundedHttp(HttpToolsProtocol):
    """One connection."""

    def __init__(self, bounds: Bounds, census: Census, headers: dict[str, str], **given: Any) -> None:
        super().__init__(**given)
        self._bounds, self._census, self._own_headers = bounds, census, headers
        self._owes = Owes.HEAD
        self._since = 0.0
        self._deadline: asyncio.TimerHandle | None = None
        self._refusal: DomainError = BadRequest()
        self._head = self._fields = self._body = 0
        self._unclaimed = 0  # bytes that the parser has taken since it last gave us something
        self._gone = False  # upgraded, or refused and only drained

    # -- what the client owes -----------------------------------------------------------------------------------------

    def _expect(self, owes: Owes) -> None:
        self._owes, self._since = owes, self.loop.time()
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if owes is Owes.NOTHING:
            self._census.remove(self)
            return
        self._census.add(self, self.client[0] if self.client else "")
        seconds = {Owes.HEAD: self._bounds.head_seconds, Owes.BODY: self._bounds.body_seconds}.get(owes)
        if seconds is not None and not self._gone:
            self._deadline = self.loop.call_later(seconds, self._late)

    def _late(self) -> None:
        self._deadline = None
        if self._owes is Owes.BODY:
            left = self._since + self._bounds.body_seconds + self._body / self._bounds.body_rate - self.loop.time()
            if left > 0 or self.flow.read_paused:  # while we do not read, it is not the client who is slow
                self._deadline = self.loop.call_later(max(left, 1.0), self._late)
                return
        elif self._answering() and self.cycle.response_started:
            self._deadline = self.loop.call_later(self._bounds.head_seconds, self._late)
            return
        self.refuse(RequestTimedOut())

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def give_up(self) -> None:
        """There are too many that wait, and this is the oldest."""
        self.refuse(RequestTimedOut("The server has too many unfinished requests."), linger=False)

    # -- the connection -----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect(Owes.HEAD)

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone = True
        self._expect(Owes.NOTHING)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._gone:
            self._drain(len(data))
            return
        if self._owes is Owes.ANYTHING:
            self._expect(Owes.HEAD)
        for start in range(0, len(data), SLICE):
            if self._gone or self.transport.is_closing():
                return
            piece = data[start : start + SLICE]
            self._unclaimed += len(piece)
            super().data_received(piece)
            if self._unfinished() > self._bounds.head_bytes:
                self.refuse(HeadTooLarge())

    def _unfinished(self) -> int:
        return self._unclaimed + (self._head if self._owes is Owes.HEAD else 0)

    def handle_websocket_upgrade(self) -> None:
        self._gone = True
        self._expect(Owes.NOTHING)
        super().handle_websocket_upgrade()

    # -- what the parser finds ----------------------------------------------------------------------------------------

    def _claim(self, size: int) -> None:
        self._unclaimed = 0
        self._head += size
        if self._head > self._bounds.head_bytes or self._fields > self._bounds.headers:
            self._refusal = HeadTooLarge()
            raise Refused

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head = self._fields = self._body = 0
        if self._owes is not Owes.HEAD:
            self._expect(Owes.HEAD)

    def on_url(self, url: bytes) -> None:
        self._claim(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields += 1
        self._claim(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._unclaimed = 0
        if self.url == b"*":  # RFC 9110 §9.3.7: about the server as a whole
            self.url = b"/"
        if len(self.pipeline) >= self._bounds.pipelined:
            raise Refused
        self._expect(Owes.BODY)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unclaimed = 0
        self._body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unclaimed = 0
        self._expect(Owes.NOTHING)
        super().on_message_complete()
        if not self._answering():
            self._between()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._between()

    def _between(self) -> None:
        if self._owes is Owes.NOTHING and not self._gone and not self.pipeline and not self.transport.is_closing():
            self._expect(Owes.ANYTHING)

    # -- refusals -----------------------------------------------------------------------------------------------------

    def send_400_response(self, msg: str) -> None:
        """uvicorn's own answer to what the parser did not take."""
        self.refuse(self._refusal)

    def refuse(self, refusal: DomainError, *, linger: bool = True) -> None:
        """Answer by ourselves, unless an answer has begun or nothing was asked, and end the connection."""
        if self._gone or self.transport.is_closing():
            return
        asked = self._owes is not Owes.ANYTHING and (self._owes is not Owes.HEAD or self._head + self._unclaimed > 0)
        may_answer = asked and not (self._answering() and self.cycle.response_started)
        if self._answering():
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.pipeline.clear()
        self._gone = True
        self._expect(Owes.NOTHING)
        if may_answer:
            self.transport.write(self._written(refusal))
        if not (may_answer and linger and self.transport.can_write_eof()):
            self.transport.close()
            return
        self.flow.resume_reading()
        self.transport.write_eof()  # closed at once, what the client still sends would take the answer from it
        self._body = 0
        self.loop.call_later(self._bounds.linger_seconds, self.transport.abort)

    def _written(self, refusal: DomainError) -> bytes:
        status, headers, body = raw_answer(refusal, new_trace(), self._own_headers)
        lines = [b"HTTP/1.1 %d %s" % (status, refusal.code.encode())]
        lines += [name + b": " + value for name, value in headers]
        return b"\r\n".join([*lines, b"connection: close", b"", b""]) + body

    def _drain(self, size: int) -> None:
        self._body += size
        if self._body > LINGER_BYTES:
            self.transport.abort()
