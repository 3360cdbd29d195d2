"""The WebSocket of a shell. Its protocol is told in service/relay.py."""

from litestar import websocket
from litestar.exceptions import WebSocketDisconnect

from app.domains.terminal.contracts import PROTOCOL
from app.domains.terminal.handlers.options import TERMINAL_OPEN
from app.domains.terminal.service import forward, tickets
from app.domains.terminal.service.attachment import SocketGone
from app.shared.context import Runtime
from app.web.types import AnyWebSocket


@websocket("/terminal", opt=TERMINAL_OPEN, name="terminal:socket")
async def terminal_socket(socket: AnyWebSocket) -> None:
    """A shell, for who brings an unused token. A refusal before the accept is a plain 403 that says nothing."""
    runtime: Runtime = socket.app.state.runtime
    actor = socket.scope["user"]
    offered = [part.strip() for part in socket.headers.get("sec-websocket-protocol", "").split(",")]
    ticket = await tickets.redeem(runtime, actor, socket.headers.get("origin"), offered)
    await socket.accept(subprotocols=PROTOCOL)
    await forward.serve(runtime, actor, ticket, SocketWire(socket))


class SocketWire:
    """Litestar's WebSocket as the terminal sees it."""

    def __init__(self, socket: AnyWebSocket) -> None:
        self._socket = socket

    async def receive(self) -> bytes | str:
        """One frame. Raises SocketGone."""
        try:
            event = await self._socket.receive()
        except WebSocketDisconnect as error:
            raise SocketGone from error
        if event["type"] != "websocket.receive":
            raise SocketGone
        data, text = event.get("bytes"), event.get("text")
        return data if data is not None else text or ""

    async def send(self, frame: bytes | str) -> None:
        """Raises SocketGone."""
        try:
            await self._socket.send_data(frame, mode="binary" if isinstance(frame, bytes) else "text")
        except (OSError, RuntimeError, WebSocketDisconnect) as error:
            raise SocketGone from error

    async def close(self, code: int, reason: str) -> None:
        """Does nothing on a socket that is gone."""
        try:
            await self._socket.close(code, reason)
        except (OSError, RuntimeError, WebSocketDisconnect) as error:
            raise SocketGone from error


ROUTES = [terminal_socket]
