"""One shell: its output ring, the sockets that show it, and the machine's side. It outlives every socket.

The machine is held back while the slowest socket that shows the output has `LAG` bytes of it not on its screen. With no
socket it runs on until `UNSEEN` bytes have been on no screen: so whoever comes back misses nothing, and a program that
writes without end costs nothing meanwhile.
"""

import asyncio
import time
from collections.abc import Callable
from uuid import UUID

from app.domains.terminal.contracts import Ended
from app.domains.terminal.rules.messages import ending
from app.domains.terminal.rules.ring import Ring
from app.domains.terminal.rules.screen import Screen
from app.domains.terminal.service.attachment import Attachment, Wire
from app.shared import ssh

RING = 1024 * 1024
LAG = 128 * 1024
UNSEEN = RING // 2  # what the connection has buffered when it is held back comes on top
MAX_CELLS = 1_000


def clamp(cols: int, rows: int) -> tuple[int, int]:
    """A size that a PTY can have."""
    return max(2, min(cols, MAX_CELLS)), max(1, min(rows, MAX_CELLS))


def last_words(code: str) -> Ended:
    """The frame that says why."""
    words = ending(code)
    return Ended(code=words.code, reason=words.reason, advice=words.advice, next=words.next)


class Shell:
    """Made by the host, which removes it when `on_end` is called."""

    def __init__(
        self,
        terminal_id: UUID,
        allocation_id: UUID,
        user_id: UUID,
        on_end: Callable[["Shell", str], None],
        workspace: tuple[UUID, UUID],
    ) -> None:
        self.id = terminal_id
        self.allocation_id = allocation_id
        self.user_id = user_id
        self.sessions: set[UUID] = set()  # the browser sessions that may hold it
        self.workspace = workspace  # organisation and project of the machine, wherever its person stands
        self._size = (80, 24)
        self.screen = Screen(*self._size)
        self.ring = Ring(RING, self.screen.feed)
        self.end_code: str | None = None
        self.lost: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._attachments: set[Attachment] = set()
        self._seen = 0  # output up to here was on a screen
        self._closing_at: float | None = None
        self._remote: ssh.Shell | None = None
        self._detached_at = time.monotonic()
        self._on_end = on_end

    def connect(self, remote: ssh.Shell, size: tuple[int, int]) -> None:
        """The machine's side is open."""
        self._remote, self._size = remote, size
        self.screen.resize_at(self.ring.end, *size)
        self.balance()

    @property
    def is_held(self) -> bool:
        """Whether the machine is held back."""
        return self._remote is not None and self._remote.paused

    @property
    def detached_seconds(self) -> float:
        """How long no socket has shown it."""
        return 0.0 if self._attachments else time.monotonic() - self._detached_at

    async def show(self, wire: Wire, session_id: UUID, held: int | None, size: tuple[int, int], *, new: bool) -> None:
        """Serve one socket until it or the shell ends."""
        attachment = Attachment(self, wire, session_id, held, new=new)
        if self.end_code is not None:
            attachment.end(last_words(self.end_code), drain=True)
        elif self._closing_at is not None:
            attachment.closing_at(self._closing_at)
        self.sessions.add(session_id)
        self._attachments.add(attachment)
        self.resize(*size)
        self.balance()
        try:
            await attachment.run()
        finally:
            self._attachments.discard(attachment)
            self._seen = max(self._seen, attachment.acked)
            self._detached_at = time.monotonic()
            self.balance()

    # -- the machine speaks (Listener) ------------------------------------------------------------------------------

    def on_output(self, data: bytes) -> None:
        self.ring.append(data)
        for attachment in self._attachments:
            attachment.output_arrived()
        self.balance()

    def on_closed(self, exited: bool) -> None:
        if not self.lost.done():
            self.lost.set_result(exited)

    def on_writable(self) -> None:
        for attachment in self._attachments:
            attachment.input_accepted()

    # -- a socket speaks (Owner) ------------------------------------------------------------------------------------

    def take_input(self, data: bytes) -> bool:
        """A key goes to the machine at once, whatever the output does."""
        if self._remote is None:
            return True
        self._remote.write(data)
        return self._remote.writable

    def resize(self, cols: int, rows: int) -> None:
        """The latest size wins."""
        size = clamp(cols, rows)
        if size != self._size and self._remote is not None:
            self._size = size
            self.screen.resize_at(self.ring.end, *size)
            self._remote.resize(*size)

    def balance(self) -> None:
        """Hold the machine back while somebody who looks cannot follow, or nobody is there."""
        if self._remote is None:
            return
        end = self.ring.end
        if not self._attachments:
            behind = end - self._seen > UNSEEN
        else:
            behind = any(end - attachment.acked > LAG for attachment in self._attachments if not attachment.paused)
        if behind:
            self._remote.pause()
        else:
            self._remote.resume()

    def close_by_person(self) -> None:
        self.end("closed")

    def closing_at(self, instant: float) -> None:
        """Say to whoever looks when it ends; `instant` is of the clock that never runs back."""
        self._closing_at = instant
        for attachment in self._attachments:
            attachment.closing_at(instant)

    # -- its end ----------------------------------------------------------------------------------------------------

    def end(self, code: str, *, drain: bool = False) -> None:
        """End it for everybody, saying why; the first reason stays."""
        if self.end_code is not None:
            return
        self.end_code = code
        for attachment in list(self._attachments):
            attachment.end(last_words(code), drain=drain)
        self._on_end(self, code)

    def end_session(self, session_id: UUID, code: str) -> None:
        """A browser session is over: its sockets close, and the shell with the last session that held it."""
        if session_id not in self.sessions:
            return
        self.sessions.discard(session_id)
        if not self.sessions:
            self.end(code)
            return
        for attachment in list(self._attachments):
            if attachment.session_id == session_id:
                attachment.end(last_words(code), drain=False)

    async def hang_up(self) -> None:
        """Close the machine's side."""
        remote, self._remote = self._remote, None
        if remote is not None:
            await remote.close()
