"""uvicorn's WebSocket protocol with bounds: messages no larger than their address needs, no unread answers without end,
and the same headers on its own refusals as on all others."""

from typing import Any
from urllib.parse import unquote

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request, Response

from app.cli.server.bounds import Bounds

QUIET = {"/live": 1024}  # bytes of a message; who listens there has nothing to say


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """One WebSocket."""

    def __init__(self, bounds: Bounds, headers: dict[str, str], **given: Any) -> None:
        super().__init__(**given)
        self._bounds = bounds
        accept = self.conn.accept

        def accept_or_refuse(request: Request) -> Response:
            answer = accept(request)
            if answer.status_code != 101:
                answer.headers.update(headers)
            return answer

        self.conn.accept = accept_or_refuse  # type: ignore[method-assign]

    def handle_connect(self, event: Request) -> None:
        path = unquote(event.path.partition("?")[0])  # as routes are found
        if path in QUIET:
            self.conn.max_message_size = QUIET[path]
        super().handle_connect(event)

    async def send(self, message: Any) -> None:
        """An answer of HTTP in place of the handshake ends it, too; uvicorn would report it as not ended."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True

    def data_received(self, data: bytes) -> None:
        """A client that asks (pings, closes) and never reads what it gets is cut off."""
        super().data_received(data)
        if self.transport.get_write_buffer_size() > self._bounds.socket_backlog:
            self.transport.abort()
