"""A bench for tests: the nodes process as a child, a user CA, a host CA, user-data as the product writes it, and SSH.

Used by the tests of the simulator and by any test that wants a machine to log in to. Nothing here is served.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import asyncssh

from devstack.services import ports

REPOSITORY = Path(__file__).resolve().parents[3]
SYSTEM_ID = "n1abcd"
HOSTNAME = "train-07"
SSHD_CONFIG = (
    "TrustedUserCAKeys /etc/ssh/berth_user_ca.pub\nAuthorizedPrincipalsFile /etc/ssh/auth_principals/%u\n"
    "AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/auth_keys/%u\n"
    "RevokedKeys /etc/ssh/berth_revoked_keys\n"
    "PasswordAuthentication no\nPermitRootLogin no\nAllowAgentForwarding no\nAllowTcpForwarding no\n"
    "AllowStreamLocalForwarding local\n"
)


def gpus(count: int = 4) -> list[dict[str, object]]:
    """GPUs in the form in which MAAS describes them to the nodes process."""
    return [
        {"index": i, "name": "NVIDIA L40S", "memory_mib": 46068, "uuid": f"GPU-0000000{i}-aaaa", "pci": "10de:26b9"}
        for i in range(count)
    ]


class Bench:
    """One nodes process with its folder; `start`, `put` machines, `connect`, `stop`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.control_port, self.ssh_port = ports.claim(2)
        self.address = f"127.{20 + self.ssh_port % 80}.3.7"
        self.user_ca = asyncssh.generate_private_key("ssh-ed25519")
        self.host_ca = asyncssh.generate_private_key("ssh-ed25519")
        self.child: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        """Start the process and wait until it answers; raises RuntimeError when it does not within 10 s."""
        config = self.folder / "simulators.json"
        listeners = {"control_port": self.control_port, "ssh_port": self.ssh_port}
        config.write_text(json.dumps({"data_dir": str(self.folder / "data"), "fleet": 24, "nodes": listeners}))
        config.chmod(0o600)
        argv = (sys.executable, "-m", "devstack.simulators.nodes", "--config", str(config), *options)
        self.child = subprocess.Popen(argv, cwd=REPOSITORY)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and self.child.poll() is None:
            try:
                if self.http("GET", "/healthz")[0] == 200:
                    return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("the nodes process did not start")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the process with a signal and return its exit status."""
        assert self.child is not None  # noqa: S101
        self.child.send_signal(number)
        return self.child.wait(10)

    def http(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        """Call the control port; error statuses are returned, not raised."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.control_port}{path}", data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def user_data(self, logins: Sequence[str] = ("ada", "ben"), **changes: object) -> str:
        """cloud-config for a machine with these people; `changes` replaces whole top-level keys (None removes)."""
        host_key = asyncssh.generate_private_key("ssh-ed25519")
        certificate = self.host_ca.generate_host_certificate(host_key, HOSTNAME, principals=[self.address, HOSTNAME])
        sudo = "ALL=(root) NOPASSWD: /usr/local/sbin/berth-node"
        files = {
            "/etc/ssh/berth_user_ca.pub": self.user_ca.export_public_key().decode(),
            "/etc/ssh/sshd_config.d/10-berth.conf": SSHD_CONFIG,
            "/etc/ssh/berth_revoked_keys": "# none\n",
            "/etc/ssh/auth_principals/berth-mgmt": f"berth-mgmt:{SYSTEM_ID}\n",
            "/usr/local/sbin/berth-node": "#!/bin/sh\n",
            **{f"/etc/ssh/auth_principals/{login}": f"alloc:a1:{login}\n" for login in logins},
        }
        config: dict[str, object] = {
            "hostname": HOSTNAME,
            "ssh_keys": {
                "ed25519_private": host_key.export_private_key().decode(),
                "ed25519_public": host_key.export_public_key().decode(),
                "ed25519_certificate": certificate.export_certificate().decode(),
            },
            "users": [
                {"name": "berth-mgmt", "uid": "990", "shell": "/bin/bash", "sudo": sudo},
                *({"name": login, "gecos": login.title(), "shell": "/bin/bash"} for login in logins),
            ],
            "write_files": [{"path": path, "content": content} for path, content in files.items()],
        }
        config.update(changes)
        return "#cloud-config\n" + json.dumps({k: v for k, v in config.items() if v is not None})

    def spec(self, **changes: object) -> dict[str, object]:
        """The body of PUT /machines/…; `changes` replaces whole keys."""
        spec = {
            "hostname": HOSTNAME, "address": self.address, "user_data": self.user_data(), "gpus": gpus(),
            "cpu_count": 64, "memory_mib": 524288, "faults": [],
        }  # fmt: skip
        return {**spec, **changes}

    def put(self, system_id: str = SYSTEM_ID, **changes: object) -> None:
        """Deploy a machine; raises RuntimeError when that is refused."""
        status, answer = self.http("PUT", f"/machines/{system_id}", self.spec(**changes))
        if status != 200:
            raise RuntimeError(f"{status}: {answer!r}")

    def certificate(
        self, *principals: str, ca: asyncssh.SSHKey | None = None, valid_before: str = "+5m", valid_after: str = "-1m"
    ) -> tuple[asyncssh.SSHKey, asyncssh.SSHCertificate]:
        """A fresh key and a certificate of the user CA for these principals."""
        key = asyncssh.generate_private_key("ssh-ed25519")
        certificate = (ca or self.user_ca).generate_user_certificate(
            key, "test", principals=list(principals), valid_after=valid_after, valid_before=valid_before,
            permit_x11_forwarding=False, permit_agent_forwarding=False, permit_port_forwarding=False,
            permit_user_rc=False,
        )  # fmt: skip
        return key, certificate

    async def connect(
        self,
        login: str = "ada",
        keys: object = None,
        *,
        address: str = "",
        host_ca: asyncssh.SSHKey | None = None,
    ) -> asyncssh.SSHClientConnection:
        """Log in, verifying the host by its certificate; raises what asyncssh raises."""
        if keys is None:
            principal = f"berth-mgmt:{SYSTEM_ID}" if login == "berth-mgmt" else f"alloc:a1:{login}"
            keys = [self.certificate(principal)]
        authority = (host_ca or self.host_ca).export_public_key().decode()
        return await asyncio.wait_for(
            asyncssh.connect(
                address or self.address, self.ssh_port, username=login, client_keys=keys, agent_path=None, config=None,
                known_hosts=asyncssh.import_known_hosts(f"@cert-authority * {authority}"),
            ),
            10,
        )  # fmt: skip

    async def node_command(self, arguments: str) -> tuple[int, dict[str, object]]:
        """Run berth-node as the management login; returns exit status and the decoded line."""
        connection = await self.connect("berth-mgmt")
        try:
            done = await connection.run(f"sudo /usr/local/sbin/berth-node {arguments}")
        finally:
            connection.close()
        return -1 if done.exit_status is None else done.exit_status, json.loads(str(done.stdout))

    def memory_bytes(self) -> int:
        """Resident memory of the process."""
        assert self.child is not None  # noqa: S101
        pages = int(Path(f"/proc/{self.child.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
