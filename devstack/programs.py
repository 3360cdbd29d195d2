"""The Python processes of the stack, in the shape of a service: simulators, web, worker, provisioner.

Ready is asked from outside: an HTTP answer, a blocked pop on the job queue, a poller on the task queue.
"""

import json
import os
import socket
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from devstack.home import ROOT
from devstack.services.base import HOST, Service, Spawn, answers, fetch
from devstack.services.valkey import Valkey

LOOPBACK = "localhost,127.0.0.1,::1"


def child_environment(extra: dict[str, str]) -> dict[str, str]:
    """Common settings of our Python children: no proxy on loopback, unbuffered logs."""
    kept = os.environ.get("NO_PROXY") or os.environ.get("no_proxy")
    direct = f"{kept},{LOOPBACK}" if kept else LOOPBACK
    return {"NO_PROXY": direct, "no_proxy": direct, "PYTHONUNBUFFERED": "1", **extra}


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
    environment: dict[str, str]

    @property
    def url(self) -> str:
        return ""

    def spawn(self) -> Spawn:
        argv = [sys.executable, "-m", "app.cli", self.name]
        return Spawn(argv, env=child_environment(self.environment), cwd=ROOT)


@dataclass(slots=True)
class Web(_Product):
    """Ready when it and what it depends on answer."""

    name: ClassVar[str] = "web"
    port: int

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def ready(self) -> bool:
        return answers(f"{self.url}/readyz")


@dataclass(slots=True)
class Worker(_Product):
    """Ready when some client waits for jobs (a blocked BLMOVE)."""

    name: ClassVar[str] = "worker"
    valkey: Valkey

    def ready(self) -> bool:
        return b" cmd=blmove" in _client_list(self.valkey)


@dataclass(slots=True)
class Provisioner(_Product):
    """Ready when the task queue was polled since the start (pollers of a dead process stay listed for minutes)."""

    name: ClassVar[str] = "provisioner"
    http_port: int
    namespace: str
    queue: str
    since: datetime = field(default_factory=lambda: datetime.now(UTC))

    def prepare(self) -> None:
        self.since = datetime.now(UTC)

    def ready(self) -> bool:
        path = f"/api/v1/namespaces/{self.namespace}/task-queues/{self.queue}"
        answer = fetch(f"http://{HOST}:{self.http_port}{path}")
        if answer is None:
            return False
        pollers = json.loads(answer).get("pollers", [])
        return any(_moment(poller.get("lastAccessTime", "")) >= self.since for poller in pollers)


def _moment(text: str) -> datetime:
    """An RFC 3339 time with any number of decimals; the distant past when there is none."""
    seconds = text.split(".")[0].rstrip("Z")
    decimals = text.rstrip("Z").partition(".")[2][:6].ljust(6, "0")
    if not seconds:
        return datetime.min.replace(tzinfo=UTC)
    return datetime.fromisoformat(f"{seconds}.{decimals}+00:00")


def _client_list(valkey: Valkey) -> bytes:
    try:
        with socket.create_connection((HOST, valkey.port), timeout=0.5) as connection:
            connection.settimeout(0.8)
            connection.sendall(b"AUTH %s\r\nCLIENT LIST\r\nQUIT\r\n" % valkey.password.encode())
            answer = b""
            while part := connection.recv(65536):
                answer += part
    except OSError:
        return b""
    return answer
