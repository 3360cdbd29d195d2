"""A WebSocket to an app (RFC 6455): opened by an exchange like any other; then messages, and the close."""

import asyncio
import contextlib
from collections.abc import Sequence

import msgspec
from websockets.exceptions import InvalidState, ProtocolError
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import Protocol, Side, State
from websockets.utils import accept_key, generate_key

from app.domains.appruntime.errors import MachineRefused
from app.domains.appruntime.gateway.exchange import Header, Request, Upstream
from app.shared.ssh import Stream

MAX_MESSAGE = 16 * 1024 * 1024  # bytes of one WebSocket message from the app
CLOSE_SECONDS = 1.0  # how long the other side's half of the close is waited for
NO_STATUS, ABNORMAL, INVALID_DATA = 1005, 1006, 1007


class Opening(msgspec.Struct, frozen=True):
    """What was asked for: the key that has to be answered, and the subprotocols on offer."""

    key: str
    offered: tuple[str, ...]

    def request(self, target: bytes, headers: Sequence[Header]) -> Request:
        """The opening handshake."""
        own = [(b"connection", b"Upgrade"), (b"upgrade", b"websocket"), (b"sec-websocket-version", b"13")]
        own.append((b"sec-websocket-key", self.key.encode()))
        if self.offered:
            own.append((b"sec-websocket-protocol", ", ".join(self.offered).encode()))
        return Request(method=b"GET", target=target, headers=[*headers, *own])

    def subprotocol(self, answer: Upstream) -> str | None:
        """What the app chose. Raises MachineRefused for a 101 that does not answer this opening."""
        headers = {name: value.decode("latin-1").strip() for name, value in answer.headers}
        chosen = headers.get(b"sec-websocket-protocol")
        fits = headers.get(b"upgrade", "").lower() == "websocket" and b"sec-websocket-extensions" not in headers
        if not fits or headers.get(b"sec-websocket-accept") != accept_key(self.key):
            raise MachineRefused("The app did not answer as a WebSocket.")
        if chosen is not None and chosen not in self.offered:
            raise MachineRefused("The app chose a subprotocol that nobody offered.")
        return chosen


def opening(offered: Sequence[str]) -> Opening:
    """A new one."""
    return Opening(generate_key(), tuple(offered))


class UpstreamSocket:
    """An open WebSocket to an app. `headers` are those of its 101."""

    def __init__(self, stream: Stream, subprotocol: str | None, headers: list[Header], early: bytes) -> None:
        self.subprotocol = subprotocol
        self.headers = headers
        self._stream = stream
        self._protocol = Protocol(Side.CLIENT, state=State.OPEN, max_size=MAX_MESSAGE)
        self._frames: list[Frame] = []
        self._parts: list[bytes] = []
        self._is_text = False
        self._take(early)

    async def send(self, data: bytes | str) -> None:
        """One message. Raises OSError when the app is gone."""
        try:
            if isinstance(data, str):
                self._protocol.send_text(data.encode())
            else:
                self._protocol.send_binary(data)
        except InvalidState as error:
            raise ConnectionResetError("the app has closed") from error
        await self._flush()

    async def receive(self) -> bytes | str | None:
        """The next whole message; None when the app closed or broke the protocol. Raises OSError when it is gone."""
        while True:
            while self._frames:
                frame = self._frames.pop(0)
                if frame.opcode is Opcode.CLOSE:
                    return None
                if frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT) and self._gather(frame):
                    return await self._message()
            await self._flush()  # a pong, or the answer to a close
            if self._protocol.state is not State.OPEN:
                return None
            data = await self._stream.read()
            if not data:
                return None
            self._take(data)

    @property
    def closed(self) -> Close:
        """How the app closed: 1005 when it gave no code, 1006 when it did not close but broke off."""
        return self._protocol.close_rcvd or Close(ABNORMAL, "")

    async def close(self, code: int = 1001, reason: str = "") -> None:
        """Close, with an empty frame for 1005 and without any for 1006, and wait a moment for the app's half of it."""
        with contextlib.suppress(OSError, TimeoutError, ProtocolError, InvalidState):
            async with asyncio.timeout(CLOSE_SECONDS):
                if self._protocol.state is State.OPEN and code != ABNORMAL:
                    self._protocol.send_close(*(() if code == NO_STATUS else (code, reason)))
                    await self._flush()
                    while self._protocol.close_rcvd is None and (data := await self._stream.read()):
                        self._take(data)

    def _take(self, data: bytes) -> None:
        if data:
            self._protocol.receive_data(data)
            self._frames += [event for event in self._protocol.events_received() if isinstance(event, Frame)]

    async def _flush(self) -> None:
        data = b"".join(self._protocol.data_to_send())
        if data:
            await self._stream.write(data)

    def _gather(self, frame: Frame) -> bool:
        """Whether the message is whole now; its size is bounded by the protocol."""
        if frame.opcode is not Opcode.CONT:
            self._parts, self._is_text = [], frame.opcode is Opcode.TEXT
        self._parts.append(bytes(frame.data))
        return frame.fin

    async def _message(self) -> bytes | str | None:
        whole, self._parts = b"".join(self._parts), []
        if not self._is_text:
            return whole
        try:
            return whole.decode()
        except UnicodeDecodeError:  # RFC 6455, 8.1
            self._protocol.fail(INVALID_DATA, "text that is not UTF-8")
            await self._flush()
            return None
