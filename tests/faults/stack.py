"""A whole portal of this test run's own, started as people start it, and the hand that kills its parts.

Owns starting, asking and ending it. The supervisor's restarts are the restarts: nothing here starts a part by itself.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from devstack import processes, runfile
from devstack.home import ROOT, Home
from devstack.services import scratch

READY_SECONDS = 30.0  # the promise: a part, or all of them, is ready again within
START_SECONDS = 120.0
FIRST_PORT = 8800  # the next free one is taken
BACKING = ("postgres", "valkey", "nats", "temporal", "s3")
OUTSIDE = ("maas", "nodes")  # maas, stripe and oidc are one process
PRODUCT = ("web", "worker", "provisioner", "terminal-host")


@dataclass(frozen=True)
class Stack:
    """One portal with everything behind it, known by its home."""

    home: Path

    def status(self) -> dict[str, Any]:
        """What `./berth status --json` prints: urls, pids, keys. Empty services while nothing runs."""
        return runfile.read(Home(self.home)) or {"phase": "down", "services": {}}

    @property
    def url(self) -> str:
        return str(self.status()["url"])

    def berth(self, *words: str, seconds: float = START_SECONDS) -> "subprocess.CompletedProcess[str]":
        """Runs `berth WORDS` against this stack."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("BERTH_DATABASE")}
        environment["BERTH_HOME"] = str(self.home)
        command = [sys.executable, "-m", "app.cli", *words]
        return subprocess.run(
            command, cwd=ROOT, env=environment, timeout=seconds, capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def up(self) -> float:
        """Starts it, or joins what runs. Seconds until ready; fails with what it said."""
        began = time.monotonic()
        answer = self.berth("up", "--detach", *self._port())
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return time.monotonic() - began

    def _port(self) -> list[str]:
        return [] if (self.home / "state.json").exists() else ["--port", str(FIRST_PORT)]

    def pid(self, part: str) -> int | None:
        """The part's process now; None while it is down."""
        service = self.status()["services"].get(part)
        return service["pid"] if service else None

    def is_ready(self) -> bool:
        """Whether all parts are ready."""
        status = self.status()
        return status["phase"] == "ready" and all(
            service["ready"] for name, service in status["services"].items() if name in status["expected"]
        )

    def kill(self, *parts: str) -> list[int]:
        """SIGKILL, all in one go. Answers the pids that are dead now. A part that is down cannot be killed."""
        pids = [pid for part in parts if (pid := self.pid(part)) is not None]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        return pids

    def kill_everything(self) -> int:
        """SIGKILL to the supervisor and to every process of this home, as when the machine is switched off."""
        doomed = [self.status()["supervisor"], *(process.pid for process in processes.of_home(self.home))]
        for pid in doomed:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return len(doomed)

    def query(self, text: str, **values: object) -> list[dict[str, Any]]:
        """Rows of the database as it is now. Raises OperationalError while it is down."""
        url = str(self.status()["postgres"]["owner_url"])
        with psycopg.connect(url, row_factory=dict_row, autocommit=True, connect_timeout=3) as connection:
            return connection.execute(text, values).fetchall()  # type: ignore[arg-type]

    def log_tail(self, part: str, lines: int = 20) -> str:
        """The last words of a part."""
        path = self.home / "logs" / f"{part}.log"
        text = path.read_text(errors="replace") if path.exists() else ""
        return "\n".join(line[:300] for line in text.splitlines()[-lines:])


async def until(condition: Callable[[], Awaitable[bool]], seconds: float, what: str) -> float:
    """Waits for what must become true; answers the seconds it took. Fails, naming it, when it has not in time."""
    began = time.monotonic()
    while not await condition():
        if time.monotonic() - began > seconds:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        await asyncio.sleep(0.03)  # what is waited for happens in other processes
    return time.monotonic() - began


@contextmanager
def new_stack() -> Iterator[Stack]:
    """A portal that is ready, with all its data in a directory of its own; both are gone afterwards."""
    with scratch.folder("berth-faults-") as home:
        stack = Stack(home)
        try:
            stack.up()
            yield stack
        finally:
            stack.berth("down", seconds=60)
            kept = os.environ.get("BERTH_FAULT_LOGS")
            if kept:
                shutil.copytree(home / "logs", kept, dirs_exist_ok=True)
