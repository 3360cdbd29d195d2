"""A login shell in a PTY over a connection of its own, with the flow held back in both directions."""

import asyncio
from typing import Protocol

import asyncssh

INPUT_HIGH, INPUT_LOW = 128 * 1024, 16 * 1024  # bytes of input that wait for the machine


class Listener(Protocol):
    """Who hears a shell. Called from the event loop; must not block."""

    def on_output(self, data: bytes) -> None: ...

    def on_closed(self, exited: bool) -> None: ...

    def on_writable(self) -> None: ...


class ShellSession(asyncssh.SSHClientSession[bytes]):
    """What asyncssh calls when the machine speaks."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._exited = False
        self.writable = True

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        self._listener.on_output(data)

    def exit_status_received(self, status: int) -> None:
        self._exited = True

    def pause_writing(self) -> None:
        self.writable = False

    def resume_writing(self) -> None:
        self.writable = True
        self._listener.on_writable()

    def connection_lost(self, exc: Exception | None) -> None:
        self.writable = True
        self._listener.on_closed(self._exited)


class Shell:
    """An open shell. Methods after its end do nothing."""

    def __init__(
        self,
        connection: asyncssh.SSHClientConnection,
        channel: asyncssh.SSHClientChannel[bytes],
        session: ShellSession,
    ) -> None:
        self._connection = connection
        self._channel = channel
        self._session = session
        self.paused = self._resuming = False  # paused: whether output is read no more

    @property
    def writable(self) -> bool:
        """Whether the machine takes input as fast as we give it."""
        return self._session.writable

    def write(self, data: bytes) -> None:
        """Give input; it is kept for the machine however slow that is, so look at `writable` first."""
        if not self._channel.is_closing():
            self._channel.write(data)

    def resize(self, cols: int, rows: int) -> None:
        if not self._channel.is_closing():
            self._channel.change_terminal_size(cols, rows)

    def pause(self) -> None:
        """Read no more output: the machine's program is held back once the window of the channel is full."""
        if not self.paused:
            self.paused = True
            if not self._resuming:
                self._channel.pause_reading()

    def resume(self) -> None:
        """Read on. All that waits is given first, even when `pause` is called meanwhile: asyncssh opens its window
        whole with the first bytes that it hands on, so keeping a rest would let another window in on top each time."""
        if not self.paused:
            return
        self.paused = False
        if self._resuming:
            return
        self._resuming = True
        self._channel.resume_reading()
        self._resuming = False
        if self.paused:
            self._channel.pause_reading()

    async def close(self) -> None:
        """Hang up. The machine ends what ran in the foreground."""
        self.resume()
        self._connection.close()
        try:
            async with asyncio.timeout(2):
                await self._connection.wait_closed()
        except TimeoutError:
            self._connection.abort()
