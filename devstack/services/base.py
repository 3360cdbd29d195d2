"""What every backing service has in common: prepare, start, probe, stop. Knows no particular service.

`prepare()` may take a second and may run in any thread. `start()` only forks and must be called from a thread that
outlives the service (the main thread): the kernel stops the service when the thread that started it ends, so that a
starter killed with -9 leaves no server behind.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import ClassVar
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

HOST = "127.0.0.1"
NOBODY = 65534
AS_NOBODY = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]  # setpriv: root becomes nobody, for good
_direct = build_opener(ProxyHandler({}))  # a proxy in the environment must not see loopback probes


class ServiceFailed(Exception):
    """A service ended or did not become ready; the message names it and ends with the last lines of its log."""


@dataclass(slots=True)
class Spawn:
    """How to run one program. `as_nobody`: root steps down to nobody, because the program refuses root.

    In `cwd` the names of data and configuration are relative: no path is written in a program's language.
    """

    argv: list[str]
    env: dict[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    as_nobody: bool = False
    stop_signal: signal.Signals = signal.SIGTERM


@dataclass(slots=True)
class Service(ABC):
    """One program under our care. Data lives in `data_dir`, output is appended to `log_file`."""

    name: ClassVar[str] = ""
    data_dir: Path
    log_file: Path
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def label(self) -> str:
        """The name to show; differs from `name` where one program serves two roles."""
        return self.name

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients reach it, password included."""

    @abstractmethod
    def spawn(self) -> Spawn:
        """The program to run."""

    @abstractmethod
    def ready(self) -> bool:
        """Asks the service itself; answers within a second, never raises."""

    def prepare(self) -> None:
        """Makes the data directory, writes configuration, clears what a crash left. Repeated before every start."""
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)

    def start(self) -> subprocess.Popen[bytes]:
        """Starts the prepared program in a session of its own; returns at once."""
        spawn = self.spawn()
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [*_launcher(spawn), *spawn.argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=spawn.cwd or "/",
                env={**os.environ, **spawn.env},
                start_new_session=True,
            )
        return self.process

    @property
    def alive(self) -> bool:
        """True while the process we started runs."""
        return self.process is not None and self.process.poll() is None

    def wait_ready(self, timeout: float = 20.0) -> None:
        """Blocks until `ready()`; raises ServiceFailed when the program ends first or `timeout` seconds pass."""
        deadline = time.monotonic() + timeout
        while not self.ready():
            if not self.alive:
                raise ServiceFailed(f"{self.name} ended before it was ready\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise ServiceFailed(f"{self.name} was not ready after {timeout:.0f} s\n{self.log_tail()}")
            time.sleep(0.01)

    def run(self, timeout: float = 20.0) -> None:
        """prepare, start and wait until ready, in one call (tests)."""
        self.prepare()
        self.start()
        self.wait_ready(timeout)

    def stop(self, grace: float = 8.0) -> None:
        """Asks the program to stop, kills its whole session after `grace` seconds, and reaps it. Safe to repeat."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(self.spawn().stop_signal)
            try:
                self.process.wait(grace)
            except subprocess.TimeoutExpired:
                self.kill()
        self.process.wait()

    def kill(self) -> None:
        """SIGKILL to the program and its process group, as a crash would."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def log_tail(self, lines: int = 15) -> str:
        """The last lines of the log, for error messages."""
        try:
            text = self.log_file.read_text(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])


def _launcher(spawn: Spawn) -> list[str]:
    """The setpriv prefix: end with the starter, and as root give up root where the program refuses it."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        if spawn.as_nobody and os.geteuid() == 0:
            raise ServiceFailed("setpriv is missing: apt-get install util-linux")
        return []
    prefix = [setpriv, f"--pdeathsig={spawn.stop_signal.name.removeprefix('SIG')}"]
    if spawn.as_nobody and os.geteuid() == 0:
        prefix += AS_NOBODY
    return [*prefix, "--"]


def fetch(url: str, timeout: float = 0.8, headers: Mapping[str, str] | None = None) -> bytes | None:
    """The body of a successful (2xx) GET of this loopback URL, None otherwise."""
    try:
        with _direct.open(Request(url, headers=dict(headers or {})), timeout=timeout) as response:
            return bytes(response.read()) if 200 <= int(response.status) < 300 else None
    except (URLError, OSError, ValueError, HTTPException):
        return None


def answers(url: str, timeout: float = 0.8, headers: Mapping[str, str] | None = None) -> bool:
    """True when a GET of this loopback URL succeeds (2xx)."""
    return fetch(url, timeout, headers) is not None


def private_file(path: Path, text: str) -> None:
    """Writes a file only its owner may read (0600), whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


def venv_program(name: str) -> str:
    """Absolute path of a program that a wheel put beside the running Python."""
    path = Path(sys.executable).parent / name
    if not path.exists():
        raise ServiceFailed(f"{path} is missing: run ./berth once to install the development requirements")
    return str(path)
