"""Apps that speak whatever bytes a test wants, on a Unix socket, and a channel to them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import cast

from app.domains.appruntime.gateway import AppChannel, Stream

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class LocalStream:
    """What `Link.open` gives, without a machine between."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def read(self, limit: int = 65_536) -> bytes:
        return await self._reader.read(limit)

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    @property
    def is_closed(self) -> bool:
        return self._writer.is_closing()

    def close(self) -> None:
        self._writer.transport.abort()


async def open_unix(path: Path) -> Stream:
    """A stream to whatever listens there."""
    return cast("Stream", LocalStream(*await asyncio.open_unix_connection(str(path))))


async def open_tcp(port: int) -> Stream:
    """The same for a program that knows ports only."""
    return cast("Stream", LocalStream(*await asyncio.open_connection("127.0.0.1", port)))


class RawApp:
    """One app. `connections` counts what came."""

    def __init__(self, path: Path, talk: Talk) -> None:
        self.path = path
        self.connections = 0
        self._talk = talk
        self._talking: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        me = cast("asyncio.Task[None]", asyncio.current_task())
        self._talking.add(me)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._talk(reader, writer)
        finally:
            self._talking.discard(me)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def end(self) -> None:
        """Nobody talks any more."""
        talking = list(self._talking)
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)

    async def open(self) -> Stream:
        return await open_unix(self.path)

    def channel(self, limit: int = 20) -> AppChannel:
        return AppChannel(self.open, limit)


@contextlib.asynccontextmanager
async def raw_app(folder: Path, talk: Talk) -> AsyncIterator[RawApp]:
    """Listens until the end of the block."""
    app = RawApp(folder / "sock", talk)
    server = await asyncio.start_unix_server(app.serve, str(app.path))
    try:
        yield app
    finally:
        server.close()
        await app.end()
        app.path.unlink(missing_ok=True)


def answering(answer: bytes, *, reads: bool = True, then_talks: bytes = b"") -> Talk:
    """Reads a head, no body, and says these bytes."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if reads:
            await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        if then_talks:
            await writer.drain()
            await asyncio.sleep(0)
            writer.write(then_talks)
        await writer.drain()

    return talk
