"""ESMTP as RFC 5321 asks of a server that receives: EHLO, MAIL, RCPT, DATA, RSET, NOOP, QUIT. No relay, no login.

Faults: `busy` answers MAIL with 451, `refuse_recipient` answers RCPT with 550 (match `address`), `cut` drops the
connection in the middle of DATA.
"""

import asyncio
import contextlib
import re
from collections.abc import Callable

from devstack.simulators.faults import Faults

LINE_LIMIT = 4_096
SIZE_LIMIT = 10 * 1024 * 1024
IDLE_SECONDS = 60
PATH = re.compile(r"(?i)(?:FROM|TO):\s*<([^<>\s]*)>(.*)")
Accept = Callable[[str, tuple[str, ...], bytes], str]


class Cut(Exception):
    """The simulated line went dead."""


class Session:
    """One connection. `accept(sender, recipients, raw)` keeps a mail and says its id."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, faults: Faults, accept: Accept
    ) -> None:
        self._reader, self._writer, self._faults, self._accept = reader, writer, faults, accept
        self._sender: str | None = None
        self._recipients: list[str] = []

    async def serve(self) -> None:
        """Talk until the client leaves, falls silent or the line is cut."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, TimeoutError, ValueError, Cut):
            await self._say("220 berth-mail ESMTP")
            while await self._command((await self._line()).decode("utf-8", "replace").strip()):
                pass
        self._writer.close()

    async def _line(self) -> bytes:
        async with asyncio.timeout(IDLE_SECONDS):
            return await self._reader.readuntil(b"\n")

    async def _say(self, *lines: str) -> None:
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode())
        await self._writer.drain()

    async def _command(self, line: str) -> bool:
        verb, _, rest = line.partition(" ")
        match verb.upper():
            case "EHLO":
                self._reset()
                await self._say("250-berth-mail", f"250-SIZE {SIZE_LIMIT}", "250-8BITMIME", "250 SMTPUTF8")
            case "HELO":
                self._reset()
                await self._say("250 berth-mail")
            case "MAIL":
                await self._mail(rest)
            case "RCPT":
                await self._rcpt(rest)
            case "DATA":
                await self._data()
            case "RSET":
                self._reset()
                await self._say("250 2.0.0 forgotten")
            case "NOOP":
                await self._say("250 2.0.0 still here")
            case "QUIT":
                await self._say("221 2.0.0 goodbye")
                return False
            case _:
                await self._say("502 5.5.2 not known here")
        return True

    def _reset(self) -> None:
        self._sender, self._recipients = None, []

    async def _mail(self, rest: str) -> None:
        found = PATH.fullmatch(rest.strip())
        if self._faults.take("busy") is not None:
            await self._say("451 4.3.0 busy, come back later")
        elif self._sender is not None or found is None:
            await self._say("503 5.5.1 one sender, in angle brackets")
        else:
            self._sender = found[1]
            await self._say("250 2.1.0 sender noted")

    async def _rcpt(self, rest: str) -> None:
        found = PATH.fullmatch(rest.strip())
        if self._sender is None or found is None or not found[1]:
            await self._say("503 5.5.1 first a sender, then recipients in angle brackets")
        elif self._faults.take("refuse_recipient", address=found[1]) is not None:
            await self._say("550 5.1.1 nobody of that name")
        else:
            self._recipients.append(found[1])
            await self._say("250 2.1.5 recipient noted")

    async def _data(self) -> None:
        if self._sender is None or not self._recipients:
            await self._say("503 5.5.1 first a sender and a recipient")
            return
        await self._say("354 go on, end with a dot alone")
        if self._faults.take("cut") is not None:
            raise Cut
        raw = bytearray()
        while (line := await self._line()) not in (b".\r\n", b".\n"):
            raw += line[1:] if line.startswith(b".") else line
            if len(raw) > SIZE_LIMIT:
                await self._say("552 5.3.4 too large")
                raise Cut
        mail_id = self._accept(self._sender, tuple(self._recipients), bytes(raw))
        self._reset()
        await self._say(f"250 2.0.0 kept as {mail_id}")


class Server:
    """The listening socket. `port` 0 takes a free one; `port` then says which."""

    def __init__(self, port: int, faults: Faults, accept: Accept) -> None:
        self.port = port
        self._faults, self._accept = faults, accept
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=SIZE_LIMIT)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await Session(reader, writer, self._faults, self._accept).serve()

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
