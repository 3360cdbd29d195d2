"""HTTP and WebSocket to one app, over streams that an SSH connection opens to its socket.

Nothing is gathered: bodies stream both ways, and who does not read holds the other side back.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence

from app.domains.appruntime.errors import MachineSilent
from app.domains.appruntime.gateway.exchange import SWITCHING, Exchange, Header, Request, Upstream
from app.domains.appruntime.gateway.socket import UpstreamSocket, opening
from app.shared.ssh import Stream

OpenStream = Callable[[], Awaitable[Stream]]
WAIT_SECONDS = 10.0


class AppChannel:
    """One app. `most` exchanges at once; who comes later waits `WAIT_SECONDS` for one to end."""

    def __init__(self, open_stream: OpenStream, limit: int) -> None:
        self._open = open_stream
        self._free = asyncio.Semaphore(limit)

    @contextlib.asynccontextmanager
    async def request(self, request: Request, body: AsyncGenerator[bytes, None] | None) -> AsyncIterator[Upstream]:
        """Ask the app. Raises MachineSilent or MachineRefused when it cannot be reached, MachineSilent when it breaks
        off before its answer begins, MalformedRequest for what no request can say."""
        exchange = Exchange(request)
        async with self._turn():
            stream = await self._open()
            async with exchange.over(stream, body) as upstream:
                yield upstream

    @contextlib.asynccontextmanager
    async def web_socket(
        self, target: bytes, headers: Sequence[Header], offered: Sequence[str]
    ) -> AsyncIterator[UpstreamSocket | Upstream]:
        """A WebSocket to the app, or the answer with which it refuses one. Raises as `request`."""
        asked = opening(offered)
        exchange = Exchange(asked.request(target, headers))
        stream = await self._open()
        async with contextlib.AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(WAIT_SECONDS):
                    answer = await stack.enter_async_context(exchange.over(stream, None))
            except TimeoutError as error:
                raise MachineSilent() from error
            if answer.status != SWITCHING:
                yield answer
            else:
                yield UpstreamSocket(stream, asked.subprotocol(answer), answer.headers, exchange.rest)

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._free.acquire()
        except TimeoutError as error:
            raise MachineSilent() from error
        try:
            yield
        finally:
            self._free.release()
