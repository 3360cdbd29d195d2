"""The processes of one checkout: found by what they carry, never by name alone; ended politely, then for certain.

Every child of the supervisor carries `BERTH_STACK_HOME=<home>` in its environment. PostgreSQL and Valkey overwrite
that memory with their process title, so they are known by working inside the home.
"""

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MARKER = "BERTH_STACK_HOME"
_TITLED = {"postgres", "valkey-server"}


@dataclass(frozen=True, slots=True)
class Process:
    """One process, told from a later one with the same pid by its start time."""

    pid: int
    started: str
    parent: int
    program: str

    @property
    def alive(self) -> bool:
        now = inspect(self.pid)
        return now is not None and now.started == self.started


def inspect(pid: int) -> Process | None:
    """The running process with this pid; None when there is none or it is a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    program = ""  # of another user, or already on its way out but still holding its ports
    with suppress(OSError):
        program = os.path.basename(os.readlink(f"/proc/{pid}/exe")).removesuffix(" (deleted)")
    fields = stat[stat.rindex(")") + 2 :].split()
    if fields[0] in "ZX":
        return None
    return Process(pid, fields[19], int(fields[1]), program)


def of_home(home: Path) -> list[Process]:
    """Every process that belongs to the stack of this home, with its descendants; not the caller or its ancestors."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    everyone = [process for pid in pids if (process := inspect(pid))]
    spared = _ancestors({process.pid: process for process in everyone})
    found = {process.pid: process for process in everyone if process.pid not in spared and _belongs(process, home)}
    family = found
    while family:
        family = {p.pid: p for p in everyone if p.parent in family and p.pid not in found and p.pid not in spared}
        found |= family
    return list(found.values())


def _belongs(process: Process, home: Path) -> bool:
    with suppress(OSError):
        if f"{MARKER}={home}".encode() in Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0"):
            return True
    if process.program not in _TITLED:
        return False
    with suppress(OSError):
        return Path(os.readlink(f"/proc/{process.pid}/cwd").removesuffix(" (deleted)")).is_relative_to(home)
    return False


def _ancestors(everyone: dict[int, Process]) -> set[int]:
    pid, found = os.getpid(), set()
    while pid and pid not in found:
        found.add(pid)
        pid = everyone[pid].parent if pid in everyone else 0
    return found


def end(processes: list[Process], grace: float = 6.0) -> None:
    """Asks all to stop, kills those still there after `grace` seconds, returns when none is left."""
    for process in processes:
        # SIGTERM would make a postmaster wait for its clients; SIGINT cuts them.
        _signal(process, signal.SIGINT if process.program == "postgres" else signal.SIGTERM)
    deadline = time.monotonic() + grace
    while any(process.alive for process in processes) and time.monotonic() < deadline:
        time.sleep(0.02)
    for process in processes:
        _signal(process, signal.SIGKILL)
    while any(process.alive for process in processes):
        time.sleep(0.02)


def _signal(process: Process, number: signal.Signals) -> None:
    if process.alive:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)
