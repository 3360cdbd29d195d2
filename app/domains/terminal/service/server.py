"""A terminal host: it listens for web processes, shows them its shells, and says in Valkey that it is there.

Told to end, it takes no new shells and waits, up to a limit, until those that it has are over; the people at them are
told. Then each ends in words.
"""

import asyncio
import contextlib

import structlog
from redis.exceptions import RedisError

from app.domains.terminal.service import directory, relay
from app.domains.terminal.service.attachment import SocketGone
from app.domains.terminal.service.handshake import accept
from app.domains.terminal.service.host import TerminalHost
from app.domains.terminal.service.link import Link
from app.shared.context import Runtime

ANNOUNCE_SECONDS = 5.0

log = structlog.get_logger("berth.terminal")


class TerminalServer:
    """Made by the process; `start`, then `drain` or `aclose`."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._secret_key = runtime.settings.web.secret_key
        self.shells = runtime.part(TerminalHost)
        self._server: asyncio.Server | None = None
        self._announcing: asyncio.Task[None] | None = None
        self._links: set[asyncio.Task[None]] = set()
        self._draining = False

    @property
    def name(self) -> str:
        return self.shells.name

    async def start(self, bind: str, port: int, address: str) -> None:
        """Listen on `bind` (port 0: a free one) and say to be found at `address`. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._linked, bind, port)
        self.shells.name = directory.new_name(address, self._server.sockets[0].getsockname()[1])
        await self._announce()
        self._announcing = asyncio.create_task(self._keep_announcing())

    async def drain(self, seconds: float) -> None:
        """Take no new shells; return when there are none, or after `seconds`."""
        self._draining = True
        await self._withdraw()
        if seconds > 0 and self.shells.count:
            self.shells.closing_in(seconds)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self.shells.empty.wait()

    async def aclose(self) -> None:
        """End: every shell with its words."""
        self._draining = True
        await self._withdraw()
        await self.shells.aclose()
        if self._server is not None:
            self._server.close()
        for task in self._links:
            task.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)

    def _linked(self) -> Link:
        link = Link()
        task = asyncio.create_task(self._serve(link))
        self._links.add(task)
        task.add_done_callback(self._links.discard)
        return link

    async def _serve(self, link: Link) -> None:
        try:
            await link.made.wait()
            request = await accept(link, self._secret_key, self.name, draining=self._draining)
            if request is not None:
                await relay.serve(self._runtime, request.actor, request.ticket, link)
        except (SocketGone, TimeoutError, OSError):
            pass
        except Exception:
            log.exception("a link to a terminal broke")
        finally:
            link.abandon()

    async def _announce(self) -> None:
        with contextlib.suppress(RedisError, OSError):
            await directory.announce(self._runtime.valkey, self.name, self.shells.count)

    async def _keep_announcing(self) -> None:
        while True:
            await asyncio.sleep(ANNOUNCE_SECONDS)
            await self._announce()

    async def _withdraw(self) -> None:
        if self._announcing is not None:
            self._announcing.cancel()
            self._announcing = None
        with contextlib.suppress(RedisError, OSError):
            await directory.withdraw(self._runtime.valkey, self.name)
