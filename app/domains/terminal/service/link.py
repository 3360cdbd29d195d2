"""The connection between a web process and a terminal host: frames of a WebSocket over TCP, one connection per socket.

A frame is its length and kind, then its bytes. Whoever does not read is not written to: at most `HIGH` bytes wait on
each side. Who may speak is settled in service/handshake.py before anything else.
"""

import asyncio
import struct
from collections import deque
from typing import Final, cast

from app.domains.terminal.service.attachment import SocketGone

HEADER: Final = struct.Struct("!IB")  # bytes that follow, kind
TEXT, BINARY, CLOSE = 1, 2, 3
CLOSE_CODE: Final = struct.Struct("!H")
HIGH, LOW = 256 * 1024, 64 * 1024  # bytes that wait to be read
MAX_FRAME = 1024 * 1024 + 64  # of a browser, see ws_max_size; the host refuses less politely what is over 64 KiB


class LinkClosed(SocketGone):
    """The other side closed, in order; `code` and `reason` are for the browser's socket."""

    def __init__(self, code: int, reason: str) -> None:
        self.code, self.reason = code, reason
        super().__init__(reason)


class Link(asyncio.Protocol):
    """One connection, on either side; a `Wire` for the terminal host."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._frames: deque[tuple[int, bytes]] = deque()
        self._queued = 0
        self._reading = True
        self._gone = False
        self._arrived = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self.made = asyncio.Event()

    async def receive(self) -> bytes | str:
        """One frame. Raises SocketGone, LinkClosed where the other side said that it closes."""
        while not self._frames:
            if self._gone:
                raise SocketGone
            self._arrived.clear()
            await self._arrived.wait()
        kind, data = self._frames.popleft()
        self._queued -= HEADER.size + len(data)
        if not self._reading and self._queued <= LOW and self._transport is not None:
            self._reading = True
            self._transport.resume_reading()
        if kind == BINARY:
            return data
        try:
            if kind == TEXT:
                return data.decode()
            closed = LinkClosed(CLOSE_CODE.unpack_from(data)[0], data[CLOSE_CODE.size :].decode())
        except (UnicodeDecodeError, struct.error) as error:
            self._broken()
            raise SocketGone from error
        raise closed

    async def send(self, frame: bytes | str) -> None:
        """Give one frame, and wait while the other side does not read. Raises SocketGone."""
        if isinstance(frame, bytes):
            self._write(BINARY, frame)
        else:
            self._write(TEXT, frame.encode())
        if not self._writable.is_set():
            await self._writable.wait()

    async def close(self, code: int, reason: str) -> None:
        """Say how the browser's socket ends, and end. Raises SocketGone on a link that is gone."""
        self._write(CLOSE, CLOSE_CODE.pack(code) + reason.encode())
        self.abandon()

    def abandon(self) -> None:
        """End without a word."""
        if self._transport is not None:
            self._transport.close()

    def _write(self, kind: int, data: bytes) -> None:
        if self._gone or self._transport is None or self._transport.is_closing():
            raise SocketGone
        self._transport.writelines((HEADER.pack(len(data), kind), data))

    # -- asyncio.Protocol ---------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self._transport.set_write_buffer_limits(high=HIGH, low=LOW)
        self.made.set()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        at, size = 0, len(self._buffer)
        with memoryview(self._buffer) as view:
            while size - at >= HEADER.size:
                length, kind = HEADER.unpack_from(view, at)
                if length > MAX_FRAME or not TEXT <= kind <= CLOSE:
                    self._broken()
                    return
                if size - at - HEADER.size < length:
                    break
                at += HEADER.size
                self._frames.append((kind, bytes(view[at : at + length])))
                self._queued += HEADER.size + length
                at += length
        if at:
            del self._buffer[:at]
            self._arrived.set()
        if self._reading and self._queued > HIGH and self._transport is not None:
            self._reading = False
            self._transport.pause_reading()

    def _broken(self) -> None:
        self._gone = True
        self._arrived.set()
        if self._transport is not None:
            self._transport.abort()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone = True
        self._arrived.set()
        self._writable.set()
