"""HTTP and WebSocket to one app, over streams that an SSH connection opens to its socket.

Nothing is gathered: bodies stream both ways, and who does not read holds the other side back.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Sequence
from typing import cast

import httpcore2
import msgspec
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, ProtocolError
from websockets.frames import Frame, Opcode
from websockets.http11 import Response as Handshake
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from app.domains.appruntime.errors import MachineRefused, MachineSilent
from app.domains.appruntime.gateway.link import Stream

Header = tuple[bytes, bytes]
OpenStream = Callable[[], Awaitable[Stream]]
CONNECT_SECONDS = 10.0
IDLE_SECONDS = 30.0  # how long a connection to the app is kept for the next request
WRITE_SECONDS = 300.0
MOST_MESSAGE = 16 * 1024 * 1024  # bytes of one WebSocket message from the app
MOST_HEADERS = 64


class _Network(httpcore2.AsyncNetworkStream):
    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            async with asyncio.timeout(timeout):
                return await self._stream.read(max_bytes)
        except TimeoutError as error:
            raise httpcore2.ReadTimeout from error
        except OSError as error:
            raise httpcore2.ReadError from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        try:
            async with asyncio.timeout(timeout):
                await self._stream.write(buffer)
        except TimeoutError as error:
            raise httpcore2.WriteTimeout from error
        except OSError as error:
            raise httpcore2.WriteError from error

    async def aclose(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> object:
        return False if info == "is_readable" else None


class _Backend(httpcore2.AsyncNetworkBackend):
    def __init__(self, open_stream: OpenStream) -> None:
        self._open = open_stream

    async def connect_tcp(self, *_: object, **__: object) -> httpcore2.AsyncNetworkStream:
        try:
            return _Network(await self._open())
        except (MachineSilent, MachineRefused) as error:
            raise httpcore2.ConnectError(error.message) from error

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Upstream(msgspec.Struct, frozen=True):
    """The beginning of an app's answer, and the rest as it comes."""

    status: int
    headers: list[Header]
    body: AsyncIterator[bytes]
    close: Callable[[], Awaitable[None]]


class AppChannel:
    """One app. `most` connections at once; who comes later waits `CONNECT_SECONDS` for one."""

    def __init__(self, open_stream: OpenStream, most: int) -> None:
        self._open = open_stream
        self._pool = httpcore2.AsyncConnectionPool(
            max_connections=most,
            max_keepalive_connections=min(most, 16),
            keepalive_expiry=IDLE_SECONDS,
            network_backend=_Backend(open_stream),
            retries=0,
        )

    async def request(
        self, method: bytes, target: bytes, headers: list[Header], body: AsyncIterable[bytes] | None
    ) -> Upstream:
        """Ask the app. Raises MachineSilent when it cannot be reached or breaks off before its answer begins."""
        request = httpcore2.Request(
            method,
            httpcore2.URL(scheme=b"http", host=b"app", port=80, target=target),
            headers=headers,
            content=body if body is not None else b"",
            extensions={"timeout": {"connect": CONNECT_SECONDS, "pool": CONNECT_SECONDS, "write": WRITE_SECONDS}},
        )
        try:
            response = await self._pool.handle_async_request(request)
        except (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError) as error:
            raise MachineSilent() from error
        stream = cast("AsyncIterable[bytes]", response.stream)
        return Upstream(response.status, list(response.headers), _parts(stream), response.aclose)

    async def web_socket(
        self, target: str, headers: Sequence[tuple[str, str]], offered: Sequence[str]
    ) -> "UpstreamSocket":
        """A WebSocket to the app. Raises MachineSilent, or MachineRefused when the app does not want one."""
        protocol = ClientProtocol(
            parse_uri("ws://app" + target),
            subprotocols=[Subprotocol(word) for word in offered] or None,
            max_size=MOST_MESSAGE,
        )
        stream = await self._open()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await _shake_hands(stream, protocol, headers)
        except (OSError, TimeoutError) as error:
            stream.close()
            raise MachineSilent() from error
        except BaseException:
            stream.close()
            raise

    async def aclose(self) -> None:
        await self._pool.aclose()


async def _parts(stream: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    try:
        async for part in stream:
            yield part
    except (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError) as error:
        raise MachineSilent() from error


async def _shake_hands(
    stream: Stream, protocol: ClientProtocol, headers: Sequence[tuple[str, str]]
) -> "UpstreamSocket":
    request = protocol.connect()
    del request.headers["Host"]
    for name, value in headers:
        request.headers[name] = value
    protocol.send_request(request)
    await stream.write(b"".join(protocol.data_to_send()))
    events: list[object] = []
    while not events and protocol.handshake_exc is None:
        data = await stream.read()
        if data:
            protocol.receive_data(data)
        else:
            protocol.receive_eof()
        events += protocol.events_received()
    if protocol.handshake_exc is not None or not isinstance(events[0], Handshake):
        raise MachineRefused("The app did not accept a WebSocket.") from protocol.handshake_exc
    return UpstreamSocket(stream, protocol, [event for event in events[1:] if isinstance(event, Frame)])


class UpstreamSocket:
    """An open WebSocket to an app."""

    def __init__(self, stream: Stream, protocol: ClientProtocol, early: list[Frame]) -> None:
        self._stream = stream
        self._protocol = protocol
        self._frames = early
        self._parts: list[bytes] = []
        self._size = 0
        self._is_text = False

    @property
    def subprotocol(self) -> str | None:
        return self._protocol.subprotocol

    async def send(self, data: bytes | str) -> None:
        """One message. Raises OSError when the app is gone."""
        if isinstance(data, str):
            self._protocol.send_text(data.encode())
        else:
            self._protocol.send_binary(data)
        await self._flush()

    async def receive(self) -> bytes | str | None:
        """The next whole message; None when the app closed. Raises OSError when it is gone."""
        while True:
            while self._frames:
                frame = self._frames.pop(0)
                if frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                    whole = self._gather(frame)
                    if whole is not None:
                        return whole
                elif frame.opcode is Opcode.CLOSE:
                    await self._flush()
                    return None
            data = await self._stream.read()
            if not data or self._protocol.state is State.CLOSED:
                return None
            self._protocol.receive_data(data)
            self._frames += [event for event in self._protocol.events_received() if isinstance(event, Frame)]
            await self._flush()  # a pong, or the answer to a close

    @property
    def close_code(self) -> int:
        """Why the app closed; 1006 when it did not say."""
        received = self._protocol.close_rcvd
        return received.code if received is not None else 1006

    async def close(self, code: int = 1001, reason: str = "") -> None:
        """Say so if that goes quickly, then hang up."""
        try:
            async with asyncio.timeout(1):
                if self._protocol.state is State.OPEN:
                    self._protocol.send_close(code, reason)
                    await self._flush()
        except (OSError, TimeoutError, ProtocolError, InvalidHandshake):
            pass
        finally:
            self._stream.close()

    async def _flush(self) -> None:
        data = b"".join(self._protocol.data_to_send())
        if data:
            await self._stream.write(data)

    def _gather(self, frame: Frame) -> bytes | str | None:
        if frame.opcode is not Opcode.CONT:
            self._parts, self._size, self._is_text = [], 0, frame.opcode is Opcode.TEXT
        self._parts.append(bytes(frame.data))
        self._size += len(frame.data)
        if self._size > MOST_MESSAGE:
            raise ConnectionResetError("the app's message is larger than any may be")
        if not frame.fin:
            return None
        whole = b"".join(self._parts)
        self._parts = []
        return whole.decode(errors="replace") if self._is_text else whole
