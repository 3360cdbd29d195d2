"""One socket that shows a shell: what it was sent, what it has on its screen, what it typed.

One task sends, one receives; neither waits for the other, so that a key gets through however much output is under way.
The unconfirmed output under way is at most `FLIGHT` bytes, the unconfirmed input `MOST_INPUT`.
"""

import asyncio
import contextlib
import time
from collections import deque
from typing import Protocol
from uuid import UUID

import msgspec

from app.domains.terminal.contracts import (
    Accepted,
    Ack,
    Attached,
    Close,
    Closing,
    Ended,
    FromClient,
    FromServer,
    Pause,
    Ping,
    Resize,
    Resume,
)
from app.domains.terminal.rules.flow_control import Bucket
from app.domains.terminal.rules.ring import Ring
from app.domains.terminal.rules.screen import Screen

CHUNK = 32 * 1024  # bytes of output in one frame
FLIGHT = 128 * 1024  # bytes sent and not yet on the screen
MAX_INPUT = 512 * 1024  # bytes typed that the machine does not take
ACK_EVERY = 16 * 1024
MAX_UNREAD = 256  # control frames that wait because the client does not read
MAX_FRAME = 64 * 1024
FRAMES_PER_SECOND, FRAMES_AT_ONCE = 1_000, 4_000
PING_SECONDS, DEAD_SECONDS = 15.0, 40.0
LAST_WORDS_SECONDS = 2.0
NORMAL, VIOLATION, TOO_BIG, LOST = 1000, 1008, 1009, 4408

_decode: msgspec.json.Decoder[FromClient] = msgspec.json.Decoder(FromClient)
_encode = msgspec.json.Encoder()


class SocketGone(Exception):
    """The other side is not there any more."""


class Wire(Protocol):
    """A WebSocket, as far as the terminal needs one."""

    async def receive(self) -> bytes | str:
        """One frame. Raises SocketGone."""
        ...

    async def send(self, frame: bytes | str) -> None:
        """Raises SocketGone."""
        ...

    async def close(self, code: int, reason: str) -> None: ...


class Owner(Protocol):
    """The shell behind an attachment."""

    id: UUID
    ring: Ring
    screen: Screen  # what the bytes before the ring have drawn

    def take_input(self, data: bytes) -> bool:
        """Give input to the machine; False when it does not take more for now."""
        ...

    def resize(self, cols: int, rows: int) -> None: ...

    def balance(self) -> None:
        """Hold the machine back, or let it go on."""
        ...

    def close_by_person(self) -> None: ...


def decode_frame(text: str) -> FromClient:
    """A control frame. Raises msgspec's DecodeError or ValidationError."""
    return _decode.decode(text)


class Violation(Exception):
    """The client broke the protocol's rules; `code` closes the socket."""

    def __init__(self, code: int, reason: str) -> None:
        self.code, self.reason = code, reason
        super().__init__(reason)


class Attachment:
    """Made by the shell; `run` serves it until the socket or the shell ends."""

    def __init__(self, owner: Owner, wire: Wire, session_id: UUID, held: int | None, *, new: bool) -> None:
        self.session_id = session_id
        self.paused = False
        self._owner = owner
        self._wire = wire
        self._wake = asyncio.Event()
        self._control: deque[FromServer] = deque()
        self._last: Ended | None = None
        self._drain_until = 0.0
        self._last_frame_at = time.monotonic()
        self._typed = self._accepted = self._acknowledged = 0
        self._before = b""  # the screen that stands before what is kept, as far as it is not sent yet
        self._sent = self.acked = 0
        self._bucket = Bucket(FRAMES_PER_SECOND, FRAMES_AT_ONCE, self._last_frame_at)
        self._begin(held, new=new)

    async def run(self) -> None:
        """Serve the socket. Returns when it is closed, by whomever."""
        code, reason = NORMAL, ""
        tasks = [asyncio.ensure_future(work()) for work in (self._send_loop, self._receive_loop, self._ping_loop)]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except Violation as violation:
            code, reason = violation.code, violation.reason
        except SocketGone:
            return
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(TimeoutError, SocketGone):
            async with asyncio.timeout(1):
                await self._wire.close(code, reason)

    def output_arrived(self) -> None:
        self._wake.set()

    def input_accepted(self) -> None:
        """The machine takes input again: everything typed so far is on its way."""
        self._accepted = self._typed
        self._acknowledge_input()

    def closing_at(self, instant: float) -> None:
        """Say how many seconds the shell has left."""
        self._say(Closing(seconds=max(0, round(instant - time.monotonic()))))

    def end(self, words: Ended, *, drain: bool) -> None:
        """Say the last words and close; with `drain` after the output that is still there, if that goes quickly."""
        if self._last is None:
            self._last = words
            self._drain_until = time.monotonic() + LAST_WORDS_SECONDS if drain else 0.0
            if drain:
                asyncio.get_running_loop().call_later(LAST_WORDS_SECONDS, self._wake.set)
        self._wake.set()

    def _say(self, frame: FromServer) -> None:
        self._control.append(frame)
        self._wake.set()

    # -- out ------------------------------------------------------------------------------------------------------

    async def _send_loop(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while await self._send_next():
                pass
            if self._last is not None and (self._caught_up() or time.monotonic() >= self._drain_until):
                await self._wire.send(_encode.encode(self._last).decode())
                return

    async def _send_next(self) -> bool:
        if self._last is not None and time.monotonic() >= self._drain_until:
            return False
        if self._control:
            await self._wire.send(_encode.encode(self._control.popleft()).decode())
            return True
        ring = self._owner.ring
        if self.paused or self._sent >= ring.end or self._sent - self.acked >= FLIGHT:
            return False
        if self._sent + len(self._before) < ring.start:
            self._begin(self._sent, new=False)
            return True
        if self._before:
            data, self._before = self._before[:CHUNK], self._before[CHUNK:]
        else:
            data = ring.read(self._sent, CHUNK)
        self._sent += len(data)
        await self._wire.send(data)
        return True

    def _caught_up(self) -> bool:
        return not self._control and (self.paused or self._sent >= self._owner.ring.end)

    def _begin(self, held: int | None, *, new: bool) -> None:
        """Go on behind `held`. Who misses bytes that are gone, or never had any, is drawn the screen that they left:
        it stands before the bytes that are kept, as if it had been written there. That some of it is gone is no news
        to a client that had nothing."""
        ring = self._owner.ring
        offset, gap = ring.resume(held)
        self._before = self._owner.screen.snapshot() if offset == ring.start != held else b""
        self._sent = self.acked = offset - len(self._before)
        self._say(Attached(terminal_id=self._owner.id, offset=self._sent, end=ring.end, gap=gap, new=new))

    # -- in -------------------------------------------------------------------------------------------------------

    async def _receive_loop(self) -> None:
        while True:
            frame = await self._wire.receive()
            self._last_frame_at = time.monotonic()
            if len(frame) > MAX_FRAME:
                raise Violation(TOO_BIG, "a frame may hold 64 KiB")
            if not self._bucket.take(1, self._last_frame_at):
                raise Violation(VIOLATION, "too many frames in a short time")
            if isinstance(frame, bytes):
                self._typed_bytes(frame)
            else:
                self._control_frame(frame)
            if len(self._control) > MAX_UNREAD:
                raise Violation(VIOLATION, "what was said is not read")

    def _typed_bytes(self, data: bytes) -> None:
        if self._last is not None:
            return
        self._typed += len(data)
        if self._typed - self._accepted > MAX_INPUT:
            raise Violation(VIOLATION, "the machine does not take more input now")
        if self._owner.take_input(data):
            self._accepted = self._typed
            self._acknowledge_input()

    def _acknowledge_input(self) -> None:
        if self._accepted - self._acknowledged >= ACK_EVERY:
            self._acknowledged = self._accepted
            self._say(Accepted(bytes=self._accepted))

    def _control_frame(self, text: str) -> None:
        try:
            frame = decode_frame(text)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise Violation(VIOLATION, "this frame is not part of the protocol") from error
        match frame:
            case Ack(offset=offset):
                self._acknowledge(offset)
            case Resize(cols=cols, rows=rows):
                self._owner.resize(cols, rows)
            case Pause():
                self.paused = True
                self._owner.balance()
            case Resume(offset=offset):
                if self.paused and offset <= self._sent:
                    self.paused = False
                    self._begin(offset, new=False)
                    self._owner.balance()
            case Close():
                self._owner.close_by_person()
            case _:
                pass

    def _acknowledge(self, offset: int) -> None:
        if offset > self._sent:
            raise Violation(VIOLATION, "that output was never sent")
        if offset > self.acked:
            self.acked = offset
            self._wake.set()
            self._owner.balance()

    async def _ping_loop(self) -> None:
        while True:
            await asyncio.sleep(PING_SECONDS)
            if time.monotonic() - self._last_frame_at > DEAD_SECONDS - PING_SECONDS / 2:
                raise Violation(LOST, "nothing was heard for too long")
            self._say(Ping())
