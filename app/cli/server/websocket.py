"""uvicorn's WebSocket protocol with bounds: messages no larger than their address needs, no unread answers without end,
and the same headers on its own refusals as on all others. A socket on which only we speak can be detached from its
handler: it costs a protocol and a transport then, and no task (app/shared/push.py)."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request, Response

from app.cli.server.bounds import Bounds
from app.shared.push import EXTENSION

QUIET = {"/live": 1024}  # bytes of a message; who listens there has nothing to say
TALKATIVE = 1008
MAX_MESSAGES = 16  # of a client on a detached socket, ignored
MAX_UNREAD = 64 * 1024  # bytes that the client of a detached socket has not read
CLOSE_SECONDS = 10.0
PING = b"\x89\x00"
LOGGER = logging.getLogger("uvicorn.error.websocket")
LOGGER.setLevel(logging.WARNING)  # every socket has a line of our own


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """One WebSocket."""

    def __init__(self, bounds: Bounds, headers: dict[str, str], **given: Any) -> None:
        super().__init__(**given)
        self._bounds, self.logger = bounds, LOGGER
        accept = self.conn.accept

        def accept_or_refuse(request: Request) -> Response:
            answer = accept(request)
            if answer.status_code != 101:
                answer.headers.update(headers)
            return answer

        self.conn.accept = accept_or_refuse  # type: ignore[method-assign]
        self.answered = True  # since the last ping of a detached socket
        self._on_end: Callable[[], None] | None = None  # of a detached socket
        self._messages = 0

    def handle_connect(self, event: Request) -> None:
        path = unquote(event.path.partition("?")[0])  # as routes are found
        if path in QUIET:
            self.conn.max_message_size = QUIET[path]
        super().handle_connect(event)
        if self.handshake_initiated and not self.close_sent:
            self.scope["extensions"][EXTENSION] = Detached(self)  # type: ignore[assignment]  # a scope holds what a server offers

    async def send(self, message: Any) -> None:
        """An answer of HTTP in place of the handshake ends it, too; uvicorn would report it as not ended."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True

    def data_received(self, data: bytes) -> None:
        """A client that asks (pings, closes) and never reads what it gets is cut off."""
        self.answered = True
        super().data_received(data)
        if self.transport.get_write_buffer_size() > self._bounds.socket_backlog:
            self.transport.abort()

    async def run_asgi(self) -> None:
        """As uvicorn's, but a detached socket stays open."""
        try:
            await self.app(self.scope, self.receive, self.send)
        except ClientDisconnected:
            pass
        except BaseException:
            self.logger.exception("Exception in ASGI application\n")
            self.send_500_response()
        else:
            if not self.handshake_complete:
                self.logger.error("ASGI callable returned without completing handshake.")
                self.send_500_response()
        if self.close_timer is None and self._on_end is None:
            self.transport.close()

    # -- detached -----------------------------------------------------------------------------------------------------

    def detach(self, on_end: Callable[[], None]) -> None:
        """Stay open without a handler; see `Detached`."""
        self._on_end = on_end
        self.stop_keepalive()
        self.scope, self.queue = {}, asyncio.Queue()  # type: ignore[typeddict-item]  # what the handshake has left there
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def send_receive_event_to_app(self) -> None:
        if self._on_end is None:
            super().send_receive_event_to_app()
            return
        self.frames = []
        self._messages += 1
        if self._messages >= MAX_MESSAGES:
            self.end(TALKATIVE, "this socket accepts no messages")

    def end(self, code: int, reason: str) -> None:
        """Close a detached socket; one that does not answer is cut off."""
        if self.close_sent or self.transport.is_closing():
            return
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(CLOSE_SECONDS, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._on_end is not None:
            self._on_end()


class Detached:
    """What `app.shared.push` promises of a socket: a `Detachable`, and the `Push` that it becomes."""

    __slots__ = ("_socket",)

    def __init__(self, socket: BoundedWebSocket) -> None:
        self._socket = socket

    def detach(self, on_end: Callable[[], None]) -> "Detached":
        self._socket.detach(on_end)
        return self

    def send(self, frame: bytes) -> bool:
        socket = self._socket
        if socket.close_sent or socket.transport.is_closing():
            return True
        if socket.transport.get_write_buffer_size() > MAX_UNREAD:
            return False
        socket.transport.write(frame)
        return True

    def ping(self) -> bool:
        if not self._socket.answered:
            return False
        self._socket.answered = False
        return self.send(PING)

    def close(self, code: int, reason: str) -> None:
        self._socket.end(code, reason)
