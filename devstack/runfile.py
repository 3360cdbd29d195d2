"""run.json: the public face of a running stack. Written by the supervisor, read by status, down, logs and tests.

The shape that `./berth status --json` prints is a contract; fields are only ever added.
"""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from devstack.home import Home
from devstack.plan import OPERATOR, Plan
from devstack.processes import inspect
from devstack.supervisor import Part

LOGINS = {
    "customer": {"name": "Ada Marsh", "email": "ada@acme.example"},
    "demo": {"name": "Dana Reyes", "email": "dana@demo.example"},
    "new": {"name": "Nils Berg", "email": "nils@new.example"},
    "operator": {"name": "Olga Lind", "email": OPERATOR},
}
NAMES = (
    "postgres", "valkey", "nats", "temporal", "s3", "maas", "stripe", "oidc", "smtp", "nodes",
    "web", "worker", "provisioner", "terminal-host",
)  # fmt: skip
_OUTSIDE = ("maas", "stripe", "oidc", "smtp")


class Lock:
    """Held by the one supervisor of a home for its lifetime; the kernel drops it when the process ends."""

    def __init__(self, home: Home) -> None:
        self._path = home.path / "lock"
        self._file: int | None = None

    def take(self) -> bool:
        """False when another supervisor has it."""
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        for _ in range(20):  # someone who only asks for the holder has it for a moment
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.01)
        else:
            os.close(file)
            return False
        os.ftruncate(file, 0)
        os.pwrite(file, str(os.getpid()).encode(), 0)
        self._file = file
        return True

    def holder(self) -> int | None:
        """The pid of the running supervisor, None when there is none."""
        try:
            file = os.open(self._path, os.O_RDWR)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            with suppress(ValueError):
                return int(Path(self._path).read_text())
            return None
        finally:
            os.close(file)
        return None


def describe(plan: Plan, parts: dict[str, Part], phase: str) -> dict[str, Any]:
    """The whole of run.json: phase is starting, ready or stopping."""
    environment = plan.environment()
    urls = _urls(plan)
    return {
        "phase": phase,
        "supervisor": os.getpid(),
        "url": plan.url,
        "services": {name: _service(plan.home, name, parts, urls[name]) for name in NAMES},
        "maas": {
            "url": urls["maas"],
            "api_key": plan.secrets.maas_api_key,
            "admin_api_key": plan.secrets.maas_admin_api_key,
        },
        "stripe": {
            "url": urls["stripe"],
            "secret_key": plan.secrets.stripe_secret_key,
            "webhook_secret": plan.secrets.stripe_webhook_secret,
        },
        "oidc": {"issuer": urls["oidc"]},
        "smtp": {"url": environment["BERTH_SMTP_URL"], "inbox": urls["smtp"]},
        "s3": {
            "url": urls["s3"],
            "access_key": plan.secrets.s3_access_key,
            "secret_key": plan.secrets.s3_secret_key,
            "bucket": environment["BERTH_S3_BUCKET"],
        },
        "postgres": {"url": urls["postgres"], "owner_url": environment["BERTH_DATABASE_OWNER_URL"]},
        "fleet": plan.state.fleet,
        "logins": LOGINS,
    }


def _urls(plan: Plan) -> dict[str, str]:
    """Where each part answers, as the product reaches it; empty for those that serve nobody."""
    environment = plan.environment()
    return {
        "postgres": environment["BERTH_DATABASE_URL"],
        "valkey": environment["BERTH_VALKEY_URL"],
        "nats": environment["BERTH_NATS_URL"],
        "temporal": environment["BERTH_TEMPORAL_ADDRESS"],
        "s3": environment["BERTH_S3_URL"],
        "maas": environment["BERTH_MAAS_URL"],
        "stripe": environment["BERTH_STRIPE_API_URL"],
        "oidc": environment["BERTH_OIDC_ISSUER"],
        "smtp": plan.inbox_url,
        "nodes": f"http://127.0.0.1:{plan.port('nodes.control')}",
        "web": plan.url,
        "worker": "",
        "provisioner": "",
        "terminal-host": "",
    }


def _service(home: Home, name: str, parts: dict[str, Part], url: str) -> dict[str, Any]:
    label = "simulators" if name in _OUTSIDE else name
    part = parts.get(label)
    pid = part.pid if part else None
    return {"url": url, "pid": pid, "log": str(home.log(label)), "ready": bool(part and part.is_ready and pid)}


def read(home: Home) -> dict[str, Any] | None:
    """run.json checked against the living: None unless its supervisor runs; a part without process is not ready."""
    supervisor = Lock(home).holder()
    content = home.read("run.json") if supervisor else None
    if content is None or content["supervisor"] != supervisor:
        return None
    for service in content["services"].values():
        if service["pid"] is not None and inspect(service["pid"]) is None:
            service["pid"], service["ready"] = None, False
    return content
