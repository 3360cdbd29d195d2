"""One socket against a wire of the test's own: what a client that talks and never reads may cost."""

from __future__ import annotations

import asyncio
from itertools import cycle
from uuid import uuid4

from app.domains.terminal.rules.ring import Ring
from app.domains.terminal.rules.screen import Screen
from app.domains.terminal.service.attachment import VIOLATION, Attachment


class Shell:
    """An owner that takes everything."""

    def __init__(self) -> None:
        self.id = uuid4()
        self.screen = Screen(80, 24)
        self.ring = Ring(64 * 1024, self.screen.feed)

    def take_input(self, data: bytes) -> bool:
        return True

    def resize(self, cols: int, rows: int) -> None: ...

    def balance(self) -> None: ...

    def close_by_person(self) -> None: ...


class Deaf:
    """A client that says `frames` for ever and never reads a byte."""

    def __init__(self, *frames: bytes | str) -> None:
        self._frames = cycle(frames)
        self.closed: int | None = None

    async def receive(self) -> bytes | str:
        await asyncio.sleep(0)
        return next(self._frames)

    async def send(self, frame: bytes | str) -> None:
        await asyncio.Event().wait()

    async def close(self, code: int, reason: str) -> None:
        self.closed = code


async def cost_of(wire: Deaf) -> int:
    """How many answers waited when the socket was closed."""
    attachment = Attachment(Shell(), wire, uuid4(), None, new=True)
    async with asyncio.timeout(5):
        await attachment.run()
    assert wire.closed == VIOLATION
    return len(attachment._control)


async def test_who_looks_away_and_back_and_never_reads_is_closed() -> None:
    assert await cost_of(Deaf('{"type":"pause"}', '{"type":"resume","offset":0}')) < 300


async def test_who_types_and_never_reads_is_closed() -> None:
    assert await cost_of(Deaf(b"x" * 16 * 1024)) < 300
