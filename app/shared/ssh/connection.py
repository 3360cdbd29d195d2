"""An open connection: commands, streams to Unix sockets, shells. A machine is not trusted, so every answer is bounded
in bytes and in time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncssh
import msgspec

from app.shared.ssh.errors import SshRefused, SshUnreachable, unreachable_when_broken
from app.shared.ssh.shell import INPUT_HIGH, INPUT_LOW, Listener, Shell, ShellSession
from app.shared.telemetry.spans import Kind, span

COMMAND_SECONDS = 40.0
CLOSE_SECONDS = 2.0  # how long a machine may take to agree that a command is over
CHANNEL_SECONDS = 10.0
SILENT_SECONDS = 60.0  # how long a machine may take nothing of what it is sent
MAX_OUTPUT = 1_048_576  # bytes of one answer
MAX_ERROR = 4_096  # bytes of standard error that are read
WINDOW = 256 * 1024  # bytes that a machine may send ahead while nobody reads
READ = 64 * 1024


class Completed(msgspec.Struct, frozen=True, kw_only=True):
    """What a command left behind. `status` is -1 where the machine gave none: a signal ended it."""

    status: int
    output: bytes
    error: bytes


class Stream:
    """Bytes both ways to a socket on the machine. Raises OSError when it breaks."""

    def __init__(self, reader: "asyncssh.SSHReader[bytes]", writer: "asyncssh.SSHWriter[bytes]") -> None:
        self._reader = reader
        self._writer = writer

    async def read(self, max_bytes: int = READ) -> bytes:
        """What is there, at least one byte; empty at the end."""
        try:
            return await self._reader.read(max_bytes)
        except asyncssh.Error as error:
            raise ConnectionResetError("the machine is gone") from error

    async def write(self, data: bytes) -> None:
        """Give bytes, and wait while the other side does not take them."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except asyncssh.Error as error:
            raise ConnectionResetError("the machine is gone") from error

    @property
    def is_closed(self) -> bool:
        return self._writer.channel.is_closing()

    def close(self) -> None:
        self._writer.channel.abort()


class SshConnection:
    """Made by `dial`. Methods raise SshUnreachable (nobody knows) or SshRefused (it answered, and not well)."""

    def __init__(self, connection: asyncssh.SSHClientConnection) -> None:
        self._connection = connection
        self._streams: set[Stream] = set()

    @property
    def is_open(self) -> bool:
        return not self._connection.is_closed()

    @property
    def is_busy(self) -> bool:
        """Whether a stream to a socket is open."""
        return any(not stream.is_closed for stream in self._streams)

    async def run(self, command: str, given: bytes = b"", *, max_output: int = MAX_OUTPUT) -> Completed:
        """Run a command with `given` as its input, within `COMMAND_SECONDS`."""
        with span("ssh run", Kind.CLIENT) as recorded, unreachable_when_broken():
            async with asyncio.timeout(COMMAND_SECONDS), self._process(command) as process:
                with suppress(BrokenPipeError):  # it may end without reading: its answer says why
                    process.stdin.write(given)
                    process.stdin.write_eof()
                done = await _completed(process, max_output)
                recorded.set(**{"process.exit.code": done.status})
                return done

    async def feed(self, command: str, content: AsyncIterator[bytes]) -> Completed:
        """Run a command with `content` as its input, however long that takes while the machine goes on taking it. Also
        raises what `content` raises."""
        with unreachable_when_broken():
            async with self._process(command) as process:
                with suppress(BrokenPipeError):
                    async for chunk in content:
                        process.stdin.write(chunk)
                        async with asyncio.timeout(SILENT_SECONDS):
                            await process.stdin.drain()
                    process.stdin.write_eof()
                async with asyncio.timeout(SILENT_SECONDS):
                    return await _completed(process, MAX_OUTPUT)

    @asynccontextmanager
    async def _process(self, command: str) -> "AsyncIterator[asyncssh.SSHClientProcess[bytes]]":
        """A command of which nothing is left at the end, also when the machine never says that it is over."""
        process = await self._connection.create_process(command, encoding=None)
        try:
            yield process
        finally:
            process.close()
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await process.wait_closed()

    async def open_stream(self, path: str) -> Stream:
        """A stream to a Unix socket that the login may use."""
        try:
            async with asyncio.timeout(CHANNEL_SECONDS):
                reader, writer = await self._connection.open_unix_connection(path, encoding=None, window=WINDOW)
        except (OSError, TimeoutError, asyncssh.Error) as error:
            if isinstance(error, asyncssh.ChannelOpenError) and self.is_open:
                raise SshRefused("Nothing listens there.") from error
            raise SshUnreachable("The connection to the machine broke.") from error
        self._streams = {stream for stream in self._streams if not stream.is_closed}
        self._streams.add(stream := Stream(reader, writer))
        return stream

    async def open_shell(self, listener: Listener, size: tuple[int, int], term: str) -> Shell:
        """The login shell in a PTY of `size` (columns, rows). It owns the connection, which is closed when it fails."""
        session = ShellSession(listener)
        try:
            with unreachable_when_broken():
                async with asyncio.timeout(CHANNEL_SECONDS):
                    channel, _ = await self._connection.create_session(
                        lambda: session, encoding=None, term_type=term, term_size=size, window=WINDOW
                    )
        except BaseException:
            self.close()
            raise
        channel.set_write_buffer_limits(high=INPUT_HIGH, low=INPUT_LOW)
        return Shell(self._connection, channel, session)

    def close(self) -> None:
        """At once; whatever runs over it breaks off."""
        self._connection.abort()


async def _completed(process: "asyncssh.SSHClientProcess[bytes]", max_output: int) -> Completed:
    errors = asyncio.ensure_future(_beginning(process.stderr))  # beside it: a full buffer of one holds back the other
    try:
        output = b""
        while chunk := await process.stdout.read(READ):
            output += chunk
            if len(output) > max_output:
                raise SshRefused("The machine answered with more than any answer needs.")
        error, done = await errors, await process.wait()
    finally:
        errors.cancel()
    return Completed(status=-1 if done.exit_status is None else done.exit_status, output=output, error=error)


async def _beginning(reader: "asyncssh.SSHReader[bytes]") -> bytes:
    kept = b""
    while chunk := await reader.read(READ):
        kept = (kept + chunk)[:MAX_ERROR]
    return kept
