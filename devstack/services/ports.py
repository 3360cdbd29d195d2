"""Free TCP ports: testing, choosing, and saying who holds a taken one. Opens no service of its own."""

import os
import random
import socket
from collections.abc import Iterable
from pathlib import Path

# Below the kernel's range for outgoing connections (32768-60999), so no passing connection takes a chosen port.
LOWEST, HIGHEST = 20000, 32000
# Not the shared generator: a test run seeds that one, and two workers would then choose the same ports.
_dice = random.SystemRandom()
_LISTEN = "0A"
_reservations: dict[int, int] = {}  # the descriptor that each port is claimed by


def is_free(port: int) -> bool:
    """True when nothing listens on this TCP port of 127.0.0.1 or ::1 (`localhost` may mean either)."""
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
        except OSError:
            if family == socket.AF_INET6 and not _has_ipv6():
                continue
            return False
    return True


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def choose(count: int = 1, taken: Iterable[int] = ()) -> list[int]:
    """`count` different free ports between LOWEST and HIGHEST, none of them in `taken`."""
    chosen: list[int] = []
    refused = set(taken)
    while len(chosen) < count:
        port = _dice.randrange(LOWEST, HIGHEST)
        if port not in refused and is_free(port):
            chosen.append(port)
        refused.add(port)
    return chosen


def claim(count: int = 1, taken: Iterable[int] = ()) -> list[int]:
    """As `choose`, and reserved: two that choose at the same moment never get the same port."""
    claimed: list[int] = []
    while len(claimed) < count:
        claimed += filter(reserve, choose(1, [*taken, *claimed]))
    return claimed


def reserve(port: int) -> bool:
    """Claims a free port for this process until it ends, against other checkouts that are starting at this moment.

    The claim is a name in the kernel's abstract socket space: no file, gone with the process, seen by every user.
    """
    if port in _reservations:
        return True
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0berth-port-{port}")
    except OSError:
        claim.close()
        return False
    if not is_free(port):
        claim.close()
        return False
    _reservations[port] = claim.detach()
    return True


def listeners() -> dict[int, int]:
    """Every listening TCP port of this machine (IPv4 and IPv6), with the inode of its socket."""
    found: dict[int, int] = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            if fields[3] == _LISTEN:
                found[int(fields[1].rsplit(":", 1)[1], 16)] = int(fields[9])
    return found


def holder(port: int) -> tuple[int, str] | None:
    """The process that listens on `port`: its pid and command line; None when it is not ours to see."""
    inode = listeners().get(port)
    if inode is None:
        return None
    wanted = f"socket:[{inode}]"
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            if any(os.readlink(fd) == wanted for fd in (process / "fd").iterdir()):
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                return int(process.name), command
        except OSError:
            continue
    return None
