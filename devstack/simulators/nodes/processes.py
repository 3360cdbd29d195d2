"""Finds and ends the processes of sessions, by /proc. Never touches a process that no session started."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

MARKER = "BERTH_NODE_SESSION"
_PROC = Path("/proc")


def descendants(pid: int) -> list[int]:
    """`pid` and every process below it."""
    children: dict[int, list[int]] = {}
    for child, parent in _parents():
        children.setdefault(parent, []).append(child)
    found, queue = [pid], [pid]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def with_uid(uids: frozenset[int]) -> list[int]:
    """Every process whose real uid is one of `uids`."""
    return [pid for pid in _pids() if _status(pid, "Uid:") in uids]


def with_marker(prefix: str) -> list[int]:
    """Every process of ours whose environment carries a session marker that starts with `prefix`."""
    wanted = f"\0{MARKER}={prefix}".encode()
    return [pid for pid in _pids() if wanted in b"\0" + _environment(pid)]


def end(find: Callable[[], list[int]], *, seconds: float = 1.5) -> bool:
    """Kill what `find` returns until it returns nothing; False when something survived for `seconds`."""
    deadline = time.monotonic() + seconds
    while pids := find():
        for pid in pids:
            send(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def send(pid: int, number: int) -> None:
    """Send a signal to one process; one that has already gone is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def real_uid(pid: int) -> int:
    """The real uid of a process; -1 when it has gone."""
    return _status(pid, "Uid:")


def _pids() -> Iterator[int]:
    try:
        names = os.listdir(_PROC)
    except OSError:
        return
    me = os.getpid()
    for name in names:
        if name.isdigit() and int(name) != me and not _is_zombie(int(name)):
            yield int(name)


def _parents() -> Iterator[tuple[int, int]]:
    for pid in _pids():
        yield pid, _status(pid, "PPid:")


def _is_zombie(pid: int) -> bool:
    try:
        return (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()[0] == b"Z"
    except (OSError, IndexError):
        return True


def _status(pid: int, field: str) -> int:
    try:
        text = (_PROC / str(pid) / "status").read_text()
    except OSError:
        return -1
    line = next((line for line in text.splitlines() if line.startswith(field)), "")
    return int(line.split()[1]) if line else -1


def _environment(pid: int) -> bytes:
    try:
        return (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return b""
