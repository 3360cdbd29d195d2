"""Apps of a simulated machine: what `berth-node app-start` starts outlives every session, and ends with the machine.

Also the other half of direct-streamlocal: joins an SSH channel with a Unix socket in a login's own home.
"""

import asyncio
import contextlib
import os
import signal
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import asyncssh
from asyncssh.stream import SSHUNIXStreamSession

from devstack.simulators.nodes import packages, processes
from devstack.simulators.nodes.confinement import Launch, Level, Room, home_path, launch

_GRACE = 15.0  # seconds between TERM and KILL, as the unit of the real script has it
_CHUNK = 64 * 1024


class Apps:
    """The running apps of one machine, by login and name."""

    def __init__(self, level: Level) -> None:
        self._level = level
        self._children: dict[tuple[str, str], subprocess.Popen[bytes]] = {}
        self._ways_out: dict[tuple[str, str], asyncio.Server] = {}

    async def start(self, login: str, app: str, room: Room, env: dict[str, str]) -> None:
        """Start it unless it runs. It waits for a line on its input, so that the way to packages is there before it."""
        child = self._children.get((login, app))
        if child is not None and child.poll() is None:
            return
        self._close_way_out((login, app))
        if self._level is Level.NAMESPACES:
            env = {**env, **packages.environment()}
        run = f"read -r _ && exec /usr/bin/python3 -I .berth/berth-app run {app} </dev/null"
        child = _spawn(launch(self._level, room, ("/bin/bash", "-lc", run), env, tty=False))
        self._children[login, app] = child
        if self._level is Level.NAMESPACES:
            sock = await asyncio.to_thread(packages.listen_in, child.pid)
            self._ways_out[login, app] = await packages.serve(sock, packages.registries())
        assert child.stdin is not None  # noqa: S101
        with contextlib.suppress(OSError):
            child.stdin.write(b"\n")
            child.stdin.close()

    async def stop(self, login: str, app: str) -> None:
        """TERM to its main process, KILL to all of it after the grace."""
        child = self._children.pop((login, app), None)
        self._close_way_out((login, app))
        if child is None or child.poll() is not None:
            return
        main = next((pid for pid in processes.descendants(child.pid) if _is_runner(pid)), child.pid)
        processes.send(main, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                while child.poll() is None:  # noqa: ASYNC110  (there is no event to wait for here)
                    await asyncio.sleep(0.05)
        _kill(child)

    def kill(self, chosen: Callable[[str], bool]) -> None:
        """End at once the apps of these logins."""
        for key in [key for key in self._children if chosen(key[0])]:
            self._close_way_out(key)
            _kill(self._children.pop(key))

    def _close_way_out(self, key: tuple[str, str]) -> None:
        server = self._ways_out.pop(key, None)
        if server is not None:
            server.close()


def _spawn(start: Launch) -> subprocess.Popen[bytes]:
    nothing = subprocess.DEVNULL
    return subprocess.Popen(
        start.argv, env=start.env, cwd=start.cwd, stdin=subprocess.PIPE, stdout=nothing, stderr=nothing
    )


def _is_runner(pid: int) -> bool:
    try:
        argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return argv[0].endswith(b"python3") and b".berth/berth-app" in argv


def _kill(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        for pid in processes.descendants(child.pid):
            processes.send(pid, signal.SIGKILL)
    child.wait()


async def open_socket(level: Level, room: Room, path: str) -> "SSHUNIXStreamSession[bytes]":
    """The channel's session, once the socket is open. Only sockets below the login's home and of its uid: we may be
    root, it is not. Raises ChannelOpenError."""
    try:
        upstream, downstream = await _connect(level, room, path)
    except (OSError, ValueError) as error:
        raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "open failed") from error

    async def pump(reader: asyncssh.SSHReader[bytes], writer: asyncssh.SSHWriter[bytes]) -> None:
        try:
            await asyncio.gather(_pump(reader, downstream), _pump(upstream, writer))
        except (OSError, asyncssh.Error):
            pass
        finally:
            downstream.close()
            writer.close()

    return SSHUNIXStreamSession(pump)


async def _connect(level: Level, room: Room, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """To the socket that the session sees at `path`. Raises ValueError or OSError."""
    real = (room.folder / "home" / room.login).resolve()
    relative = Path(path).relative_to(home_path(level, room))
    folder = (real / relative).parent.resolve(strict=True)
    if not folder.is_relative_to(real):
        raise ValueError("not in the home")
    found = (folder / relative.name).lstat()
    if not stat.S_ISSOCK(found.st_mode) or found.st_uid not in (room.uid, os.geteuid()):
        raise ValueError("no socket of this login")
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:  # a path through a descriptor is short, however long the folder's is
        return await asyncio.open_unix_connection(f"/proc/self/fd/{descriptor}/{relative.name}")
    finally:
        os.close(descriptor)


async def _pump(
    source: asyncssh.SSHReader[bytes] | asyncio.StreamReader, target: asyncssh.SSHWriter[bytes] | asyncio.StreamWriter
) -> None:
    while data := await source.read(_CHUNK):
        target.write(data)
        await target.drain()
    target.write_eof()
