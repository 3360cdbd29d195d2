"""`BERTH_HOME`: where one checkout keeps its data, what is in it, and the files that remember choices.

    state.json    ports, fleet, whether the seed was planted        chosen once, kept
    secrets.json  passwords and keys                                generated once, 0600
    run.json      the running supervisor and its parts              rewritten at every change
    env.json      the product's environment                         written by `up`, 0600
    logs/NAME.log  pki/  postgres/ valkey/ nats/ temporal/ s3/ simulators/

Refuses to guess: an unreadable file is an error with its path, never silently replaced.
"""

import json
import os
import secrets
import tempfile
import time
from dataclasses import asdict, dataclass, field, fields
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from devstack.services import ports
from devstack.services.base import private_file
from devstack.services.s3 import PORT_OPTIONS

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_WEB_PORT = 8000
DEFAULT_FLEET = 24


class HomeError(Exception):
    """A file of BERTH_HOME cannot be used; the message names it."""


@dataclass(frozen=True, slots=True)
class Home:
    """The directory and the names inside it."""

    path: Path

    @classmethod
    def of_environment(cls) -> Self:
        """`BERTH_HOME`, else `.berth` in the checkout; absolute."""
        return cls((ROOT / os.environ.get("BERTH_HOME", ".berth")).resolve())

    def make(self) -> None:
        """The directory, where it is missing. Raises HomeError where it cannot be written."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.path.chmod(0o711)  # PostgreSQL runs as nobody when we are root, and must pass through
            (self.path / "logs").mkdir(exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            cause = error.strerror or str(error)
            raise HomeError(
                f"{self.path} cannot be written: {cause}; set BERTH_HOME to a folder of your own"
            ) from error

    @property
    def instance(self) -> str:
        """A short name of this checkout: cookies of two checkouts on `localhost` must not meet."""
        return "berth" + sha256(str(self.path).encode()).hexdigest()[:6]

    def log(self, name: str) -> Path:
        return self.path / "logs" / f"{name}.log"

    def read(self, name: str) -> dict[str, Any] | None:
        """A JSON file of the home, None when it does not exist."""
        path = self.path / name
        try:
            content = json.loads(path.read_text())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise HomeError(f"{path} cannot be read ({error}); ./berth reset starts afresh") from error
        if not isinstance(content, dict):
            raise HomeError(f"{path} does not hold an object; ./berth reset starts afresh")
        return content

    def write(self, name: str, content: dict[str, Any]) -> None:
        """Replaces a JSON file of the home at once; only its owner may read it."""
        private_file(self.path / name, json.dumps(content, indent=1) + "\n")


@dataclass(slots=True)
class State:
    """Choices that outlive a run."""

    ports: dict[str, int] = field(default_factory=dict)
    earlier_oidc: list[int] = field(default_factory=list)  # ports of the simulated provider before: its issuers then
    fleet: int = DEFAULT_FLEET
    seeded: bool = False

    @classmethod
    def load(cls, home: Home) -> Self:
        content = home.read("state.json") or {}
        return cls(**{key: content[key] for key in content.keys() & {f.name for f in fields(cls)}})

    def save(self, home: Home) -> None:
        home.write("state.json", asdict(self))

    def settle_ports(self) -> list[str]:
        """Reserves every remembered port; chooses another for those taken. Returns a line for each change."""
        changes: list[str] = []
        for name in PORT_NAMES:
            port = self.ports.get(name)
            if port is not None and _reserve_again(port):
                continue
            if port is not None:
                changes.append(f"port {port} of {name} is taken{by_whom(port)}; another one is used")
                self.earlier_oidc += [port] if name == "oidc" else []
            [self.ports[name]] = ports.claim(taken=self.ports.values())
        return changes if len(changes) < 4 else [f"{len(changes)} remembered ports are taken; others are used"]

    def settle_web_port(self, wanted: int | None) -> list[str]:
        """Reserves the web port: the wanted one, else the remembered, else 8000; the next free one when taken."""
        first = wanted or self.ports.get("web") or DEFAULT_WEB_PORT
        port = first if _reserve_again(first) else next(p for p in range(first + 1, 65536) if ports.reserve(p))
        self.ports["web"] = port
        return [] if port == first else [f"port {first} is taken{by_whom(first)}; using {port}"]


PORT_NAMES = (
    "postgres", "valkey", "nats", "nats.monitor", "temporal", "temporal.http", "temporal.metrics",
    *PORT_OPTIONS, "maas", "stripe", "oidc", "smtp", "smtp.web", "nodes.control", "nodes.ssh",
)  # fmt: skip


def _reserve_again(port: int) -> bool:
    """Reserves a port that a killed process of ours may be giving back at this moment: nobody visible holds it then."""
    deadline = time.monotonic() + 2
    while not ports.reserve(port):
        if time.monotonic() > deadline or ports.holder(port) is not None:
            return False
        time.sleep(0.05)
    return True


def by_whom(port: int) -> str:
    """` by process 123 (command)`, or nothing when the holder cannot be seen."""
    found = ports.holder(port)
    return f" by process {found[0]} ({found[1][:80]})" if found else ""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Generated once per home; an added field is generated when first missed."""

    postgres_superuser: str
    postgres_owner: str
    postgres_app: str
    valkey: str
    nats: str
    s3_access_key: str
    s3_secret_key: str
    secret_key: str
    maas_api_key: str
    maas_admin_api_key: str
    stripe_secret_key: str
    stripe_webhook_secret: str
    oidc_client_secret: str

    @classmethod
    def load(cls, home: Home) -> Self:
        known = home.read("secrets.json") or {}
        content = {f.name: known.get(f.name) or _generate(f.name) for f in fields(cls)}
        if content != known:
            home.write("secrets.json", content)
        return cls(**content)


def _generate(name: str) -> str:
    if name == "secret_key":
        return secrets.token_hex(32)
    if name.startswith("maas_"):
        return ":".join(secrets.token_hex(9) for _ in range(3))
    if name == "stripe_secret_key":
        return "sk_test_" + secrets.token_hex(16)
    if name == "stripe_webhook_secret":
        return "whsec_" + secrets.token_hex(16)
    if name == "s3_access_key":
        return "AK" + secrets.token_hex(9).upper()
    return secrets.token_hex(20)
