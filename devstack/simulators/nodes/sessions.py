"""One SSH session of a simulated machine: a real process on a PTY or on pipes, pumped both ways with back-pressure."""

import asyncio
import contextlib
import errno
import fcntl
import os
import signal
import struct
import subprocess
import termios
from collections.abc import Callable

import asyncssh

from devstack.simulators.nodes import processes
from devstack.simulators.nodes.confinement import Launch

_BUFFER = 512 * 1024  # bytes an SSH channel may hold before we stop reading from the process
_BATCH = 64 * 1024
_GRACE = 0.3  # seconds between "the line is gone" and the end of the process
_SIGNALS = {"HUP", "INT", "KILL", "QUIT", "TERM", "USR1", "USR2"}

Process = asyncssh.SSHServerProcess[bytes]


class Session:
    """A running process and the SSH channel it is tied to; `kill` ends both at once."""

    def __init__(self, login: str, uid: int | None) -> None:
        self.login = login
        self._uid = uid
        self._child: subprocess.Popen[bytes] | None = None

    async def run(self, process: Process, start: Launch, greeting: bytes) -> None:
        """Start the process, pump until it ends, report its exit status; kills it when the client goes away."""
        process.channel.set_write_buffer_limits(high=_BUFFER, low=_BUFFER // 4)
        pty = process.term_type is not None
        ends = _Pty(process.term_size, self._uid) if pty else _Pipes()
        tasks: list[asyncio.Task[None]] = []
        try:
            self._child = child = ends.start(start)
            if greeting:
                process.stdout.write(greeting)
            done = asyncio.create_task(_exited(child))
            gone = asyncio.create_task(process.channel.wait_closed())
            outputs = [asyncio.create_task(_copy(fd, writer, done)) for fd, writer in ends.outputs(process)]
            tasks = [asyncio.create_task(self._feed(process, ends)), done, gone, *outputs]
            shown = asyncio.create_task(_all([done, *outputs]))
            tasks.append(shown)
            await asyncio.wait({shown, gone}, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                self.hang_up()
                await asyncio.wait({done}, timeout=_GRACE)
            self.kill()
            if not process.channel.is_closing():
                _report(process, child.wait())
        finally:
            for task in tasks:
                task.cancel()
            self.kill()
            await asyncio.gather(*tasks, return_exceptions=True)
            ends.close()

    def hang_up(self) -> None:
        """Tell the process that its line is gone."""
        self._signal(signal.SIGHUP)

    def kill(self) -> None:
        """End the process and everything below it, now."""
        child = self._child
        if child is None or child.returncode is not None:
            return
        for pid in processes.descendants(child.pid):
            processes.send(pid, signal.SIGKILL)
        child.wait()

    def _signal(self, number: int) -> None:
        if self._child is None or self._child.returncode is not None:
            return
        for pid in processes.descendants(self._child.pid):
            # In namespaces the outer processes are root's: they are ours to keep, and end with the inner one.
            if self._uid is None or processes.real_uid(pid) == self._uid:
                processes.send(pid, number)

    async def _feed(self, process: Process, ends: "_Pty | _Pipes") -> None:
        while True:
            try:
                data = await process.stdin.read(_BATCH)
            except asyncssh.TerminalSizeChanged as change:
                ends.resize(change.term_size)
                continue
            except asyncssh.SignalReceived as received:
                if received.signal in _SIGNALS:
                    self._signal(getattr(signal, f"SIG{received.signal}"))
                continue
            except asyncssh.BreakReceived:
                continue
            if not data:
                await ends.end_of_input()
                return
            try:
                await _write_all(ends.input, data)
            except OSError:
                return


class _Pty:
    def __init__(self, size: tuple[int, int, int, int], uid: int | None) -> None:
        self.input, self._slave = os.openpty()
        os.set_blocking(self.input, False)
        if uid is not None:
            os.fchown(self._slave, uid, uid)
        os.fchmod(self._slave, 0o600)
        self.resize(size)

    def start(self, start: Launch) -> subprocess.Popen[bytes]:
        slave, self._slave = self._slave, -1
        try:
            return subprocess.Popen(
                start.argv, stdin=slave, stdout=slave, stderr=slave, env=start.env, cwd=start.cwd, close_fds=True
            )
        finally:
            os.close(slave)

    def outputs(self, process: Process) -> list[tuple[int, asyncssh.SSHWriter[bytes]]]:
        return [(self.input, process.stdout)]

    def resize(self, size: tuple[int, int, int, int]) -> None:
        columns, rows, width, height = (max(0, min(value, 65535)) for value in size)
        fcntl.ioctl(self.input, termios.TIOCSWINSZ, struct.pack("HHHH", rows or 24, columns or 80, width, height))

    async def end_of_input(self) -> None:
        with contextlib.suppress(OSError):
            await _write_all(self.input, b"\x04")

    def close(self) -> None:
        if self._slave >= 0:
            os.close(self._slave)
        os.close(self.input)


class _Pipes:
    def __init__(self) -> None:
        self.input = -1
        self._child: subprocess.Popen[bytes] | None = None

    def start(self, start: Launch) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        child = subprocess.Popen(
            start.argv, stdin=pipe, stdout=pipe, stderr=pipe, env=start.env, cwd=start.cwd, bufsize=0
        )
        self._child = child
        for file in (child.stdin, child.stdout, child.stderr):
            assert file is not None  # noqa: S101
            os.set_blocking(file.fileno(), False)
        assert child.stdin is not None  # noqa: S101
        self.input = child.stdin.fileno()
        return child

    def outputs(self, process: Process) -> list[tuple[int, asyncssh.SSHWriter[bytes]]]:
        child = self._child
        assert child is not None and child.stdout is not None and child.stderr is not None  # noqa: S101
        return [(child.stdout.fileno(), process.stdout), (child.stderr.fileno(), process.stderr)]

    def resize(self, size: tuple[int, int, int, int]) -> None:
        """Pipes have no size."""

    async def end_of_input(self) -> None:
        if self._child is not None and self._child.stdin is not None:
            self._child.stdin.close()

    def close(self) -> None:
        if self._child is not None:
            for file in (self._child.stdin, self._child.stdout, self._child.stderr):
                if file is not None:
                    file.close()


async def _all(tasks: "list[asyncio.Task[None]]") -> None:
    await asyncio.wait(tasks)


async def _copy(fd: int, writer: asyncssh.SSHWriter[bytes], exited: "asyncio.Task[None]") -> None:
    """Read `fd` to its end, or until it is empty after the process has ended (a child may keep it open)."""
    while True:
        data = _read(fd)
        if data is None:
            if exited.done():
                return
            await _ready(asyncio.get_running_loop().add_reader, asyncio.get_running_loop().remove_reader, fd, exited)
            continue
        if not data:
            return
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(0)  # an endless reader must not keep Ctrl-C from being read


def _read(fd: int) -> bytes | None:
    """Up to a batch of what is there; None when nothing is, b"" at the end."""
    parts: list[bytes] = []
    size = 0
    while size < _BATCH:
        try:
            part = os.read(fd, _BATCH - size)
        except BlockingIOError:
            return b"".join(parts) if parts else None
        except OSError as error:
            if error.errno != errno.EIO:  # EIO is how a PTY says that nobody holds the other side any more
                raise
            part = b""
        if not part:
            break
        parts.append(part)
        size += len(part)
    return b"".join(parts)


async def _write_all(fd: int, data: bytes) -> None:
    loop = asyncio.get_running_loop()
    while data:
        try:
            data = data[os.write(fd, data) :]
        except BlockingIOError:
            await _ready(loop.add_writer, loop.remove_writer, fd, None)


async def _ready(
    add: Callable[..., None], remove: Callable[[int], bool], fd: int, until: "asyncio.Task[None] | None"
) -> None:
    ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    add(fd, lambda: _settle(ready))
    try:
        await asyncio.wait({ready, until} if until else {ready}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        remove(fd)


def _settle(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


async def _exited(child: subprocess.Popen[bytes]) -> None:
    """Wait for a process without a thread of its own."""
    loop = asyncio.get_running_loop()
    try:
        descriptor = os.pidfd_open(child.pid)
    except (AttributeError, OSError):
        while child.poll() is None:  # noqa: ASYNC110  (there is no event to wait for here)
            await asyncio.sleep(0.05)
        return
    try:
        await _ready(loop.add_reader, loop.remove_reader, descriptor, None)
        child.poll()
    finally:
        os.close(descriptor)


def _report(process: Process, status: int) -> None:
    if status < 0:
        process.exit_with_signal(signal.Signals(-status).name.removeprefix("SIG"))
    else:
        process.exit(status)
