"""A network between the command line and the application that breaks: connections are cut, gateways answer instead."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit


def gateway(status: str, *lines: str, body: str = "<html>not now</html>") -> bytes:
    """What something in front of a server answers for it."""
    head = (f"HTTP/1.1 {status}", "content-type: text/html", f"content-length: {len(body)}", "connection: close")
    return "\r\n".join([*head, *lines, "", body]).encode()


@dataclass
class Road:
    """Each connection is one mischief of `ahead`, in turn: bytes to answer, how many bytes come through, or nothing."""

    target: int
    port: int = 0
    ahead: list[bytes | int] = field(default_factory=list)
    waiting: asyncio.Event = field(default_factory=asyncio.Event)  # somebody waits for the next event
    over: threading.Event = field(default_factory=threading.Event)  # the test is, whoever still asks
    asked: list[str] = field(default_factory=list)
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """The server has died: every connection is reset, and nothing listens."""
        assert self._server is not None
        self._server.close()
        self.waiting.clear()
        for writer in list(self._open):
            writer.transport.abort()
        await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            mischief = self.ahead.pop(0) if self.ahead else None
            if isinstance(mischief, bytes):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(mischief)
                await writer.drain()
            else:
                await self._carry(reader, writer, mischief)
        self._open.discard(writer)
        writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, most: int | None) -> None:
        back_reader, back = await asyncio.open_connection("127.0.0.1", self.target)
        there = asyncio.create_task(self._there(reader, back))
        left = most
        try:
            while chunk := await back_reader.read(65536 if left is None else left):
                writer.write(chunk)
                await writer.drain()
                left = None if left is None else left - len(chunk)
                if left == 0:
                    writer.transport.abort()
                    return
        finally:
            there.cancel()
            back.transport.abort()

    async def _there(self, reader: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(65536):
            line = chunk.partition(b"\r\n")[0].decode()
            self.asked.append(line)
            # The application sends on to its public address whoever comes by another name.
            back.write(chunk.replace(f"localhost:{self.port}".encode(), f"localhost:{self.target}".encode()))
            await back.drain()
            if "wait=" in line:
                self.waiting.set()


@asynccontextmanager
async def road_to(url: str) -> AsyncIterator[Road]:
    """A road to the application at `url`."""
    port = urlsplit(url).port
    assert port is not None
    road = Road(port)
    await road.open()
    yield road
    await road.close()
