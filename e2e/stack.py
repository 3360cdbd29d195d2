"""The running portal that journeys talk to: `./berth up` with a home of its own, or one that runs already.

Owns starting, asking (`berth status`, `berth ledger verify`) and ending it. Never touches the checkout's own stack.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devstack.services import scratch

ROOT = Path(__file__).resolve().parent.parent
FIRST_PORT = 8600  # the next free one is taken; away from 8000, where a developer's own portal listens
START_SECONDS = 180
LOGS = ("web", "worker", "provisioner", "terminal-host")


@dataclass(frozen=True)
class Stack:
    """One portal with everything behind it."""

    home: Path
    status: dict[str, Any]

    @property
    def url(self) -> str:
        return str(self.status["url"])

    @property
    def issuer(self) -> str:
        return str(self.status["oidc"]["issuer"])

    @property
    def checkout(self) -> str:
        """The origin of the simulated payment page."""
        return str(self.status["stripe"]["url"]).replace("127.0.0.1", "localhost")

    @property
    def files(self) -> str:
        """The origin of the file store."""
        return str(self.status["services"]["s3"]["url"])

    def berth(self, *words: str, seconds: float = 60) -> "subprocess.CompletedProcess[str]":
        """Runs `./berth WORDS` against this stack."""
        return _berth(self.home, *words, seconds=seconds)

    def log(self, name: str) -> Path:
        return Path(self.status["services"][name]["log"])

    def tails(self, lines: int = 25) -> str:
        """The ends of the portal's own logs, for a failed journey."""
        parts = []
        for name in LOGS:
            path = self.log(name)
            end = path.read_text(errors="replace").splitlines()[-lines:] if path.exists() else ["(no log)"]
            parts.append("\n".join([f"── {name}", *(line[:400] for line in end)]))
        return "\n".join(parts)

    def keep_logs(self, folder: Path) -> None:
        """Copies every log beside a failed journey's trace."""
        shutil.copytree(self.home / "logs", folder, dirs_exist_ok=True)


@contextmanager
def running_stack(home: str | None = None) -> Iterator[Stack]:
    """A portal that is ready; ended afterwards unless it ran before (`home` or `BERTH_E2E_HOME` names its home)."""
    if home := home or os.environ.get("BERTH_E2E_HOME"):
        yield Stack(Path(home), _status(Path(home)))
        return
    with scratch.folder("berth-e2e-") as path:
        try:
            started = _berth(path, "up", "--detach", "--port", str(FIRST_PORT), seconds=START_SECONDS)
            if started.returncode:
                raise RuntimeError(f"berth up failed:\n{started.stdout}\n{started.stderr}")
            yield Stack(path, _status(path))
        finally:
            _berth(path, "down", seconds=60)


def _status(home: Path) -> dict[str, Any]:
    answer = _berth(home, "status", "--json", seconds=30)
    status: dict[str, Any] = json.loads(answer.stdout)
    if status.get("phase") != "ready":
        raise RuntimeError(f"the stack in {home} is not ready: {answer.stdout[:500]}")
    return status


def _berth(home: Path, *words: str, seconds: float) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BERTH_DATABASE")}
    environment["BERTH_HOME"] = str(home)
    return subprocess.run(
        [str(ROOT / "berth"), *words],
        cwd=ROOT, env=environment, timeout=seconds, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
