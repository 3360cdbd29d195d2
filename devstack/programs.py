"""The Python processes of the stack, in the shape of a service: simulators, web, worker, provisioner, terminal host.

Ready is asked from outside: an HTTP answer, or the heartbeat that a process writes to Valkey.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar

from devstack.home import ROOT
from devstack.services.base import HOST, Service, Spawn, answers
from devstack.services.valkey import Valkey

LOOPBACK = "localhost,127.0.0.1,::1"


def child_environment(extra: dict[str, str]) -> dict[str, str]:
    """Common settings of our Python children: no proxy on loopback, unbuffered logs."""
    kept = os.environ.get("NO_PROXY") or os.environ.get("no_proxy")
    direct = f"{kept},{LOOPBACK}" if kept else LOOPBACK
    stamp = {"BERTH_COMMIT": commit} if (commit := os.environ.get("BERTH_COMMIT") or checkout_commit()) else {}
    return {"NO_PROXY": direct, "no_proxy": direct, "PYTHONUNBUFFERED": "1", **stamp, **extra}


@cache
def checkout_commit() -> str:
    """The commit of this checkout, shortened; empty without git or outside a checkout."""
    asked = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=False, timeout=5).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


@dataclass(slots=True)
class Simulators(Service):
    """One simulator process; `ports` answer GET /healthz."""

    name: ClassVar[str] = "simulators"
    module: str
    config: Path
    ports: list[int]

    @property
    def label(self) -> str:
        return "nodes" if self.module.endswith(".nodes") else "simulators"

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.ports[0]}"

    def spawn(self) -> Spawn:
        argv = [sys.executable, "-m", self.module, "--config", str(self.config)]
        return Spawn(argv, env=child_environment({}), cwd=ROOT)

    def ready(self) -> bool:
        return all(answers(f"http://{HOST}:{port}/healthz") for port in self.ports)


@dataclass(slots=True)
class _Product(Service):
    program: ClassVar[str] = "app.cli"
    environment: dict[str, str]

    @property
    def url(self) -> str:
        return ""

    def spawn(self) -> Spawn:
        argv = [sys.executable, "-m", self.program, self.name]
        return Spawn(argv, env=child_environment(self.environment), cwd=ROOT)


@dataclass(slots=True)
class Web(_Product):
    """Ready when it and what it depends on answer."""

    name: ClassVar[str] = "web"
    program: ClassVar[str] = "devstack.web"
    port: int

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def ready(self) -> bool:
        return answers(f"{self.url}/readyz")


@dataclass(slots=True)
class Background(_Product):
    """A process that answers no browser: ready when this very process has written its heartbeat to Valkey."""

    valkey: Valkey

    def ready(self) -> bool:
        if self.process is None:
            return False
        return self.valkey.ask(b"EXISTS berth:%s:%d" % (self.name.encode(), self.process.pid)) == b":1"


@dataclass(slots=True)
class Worker(Background):
    """Jobs, outbox relay, event consumers."""

    name: ClassVar[str] = "worker"


@dataclass(slots=True)
class Provisioner(Background):
    """Workflows and activities."""

    name: ClassVar[str] = "provisioner"


@dataclass(slots=True)
class TerminalHost(Background):
    """Shells of terminals."""

    name: ClassVar[str] = "terminal-host"
