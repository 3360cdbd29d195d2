"""Web processes and terminal hosts as real processes, and a balancer that sends each connection to another web."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count

from app.settings import Settings
from app.shared.context import Runtime
from devstack.home import ROOT
from devstack.services import ports


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables that give a process these settings."""
    web, kept = settings.web, {name: value for name, value in os.environ.items() if not name.startswith("BERTH_")}
    return kept | {
        "BERTH_ENV": settings.env,
        "BERTH_PUBLIC_URL": web.public_url,
        "BERTH_SECRET_KEY": web.secret_key,
        "BERTH_INSTANCE": web.instance,
        "BERTH_DATABASE_URL": settings.database.url,
        "BERTH_DATABASE_POOL": "5",
        "BERTH_VALKEY_URL": settings.valkey_url,
        "BERTH_NATS_URL": settings.nats_url,
        "BERTH_TEMPORAL_ADDRESS": settings.temporal.address,
        "BERTH_S3_URL": settings.s3.url,
        "BERTH_S3_ACCESS_KEY": settings.s3.access_key,
        "BERTH_S3_SECRET_KEY": settings.s3.secret_key,
        "BERTH_MAAS_URL": settings.maas.url,
        "BERTH_MAAS_API_KEY": settings.maas.api_key,
        "BERTH_NODE_SSH_PORT": str(settings.maas.node_ssh_port),
        "BERTH_STRIPE_SECRET_KEY": settings.stripe.secret_key,
        "BERTH_STRIPE_WEBHOOK_SECRET": settings.stripe.webhook_secret,
        "BERTH_OIDC_ISSUER": settings.oidc.issuer,
        "BERTH_OIDC_CLIENT_SECRET": settings.oidc.client_secret,
        "BERTH_PKI_DIR": str(settings.pki_dir),
        "PYTHONUNBUFFERED": "1",
    }


class Processes:
    """What was started; `kill` and `stop` one of them by its number."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.web_ports: list[int] = []
        self._ports: dict[str, int] = {}
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    async def start(self, command: str, name: str, **settings: str) -> None:
        """Start `berth COMMAND`; it may not be ready yet."""
        environment = environment_of(self._runtime.settings) | settings
        port = int(settings.get("BERTH_PORT") or ports.claim(1)[0])
        environment["BERTH_PORT"] = environment["BERTH_TERMINAL_PORT"] = str(port)
        if command == "web":
            self.web_ports.append(port)
        argv = [sys.executable, "-m", "app.cli", command]
        self._ports[name] = port
        self._children[name] = await asyncio.to_thread(subprocess.Popen, argv, cwd=ROOT, env=environment)

    async def until_ready(self, seconds: float = 180) -> None:
        """Until everything that was started and lives takes connections."""
        async with asyncio.timeout(seconds):
            for name, child in self._children.items():
                while child.poll() is None and not await _listens(self._ports[name]):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.05)

    def host_of(self, name: str) -> str:
        """The process behind a terminal host's name, `address:port/random`."""
        port = int(name.partition("/")[0].rpartition(":")[2])
        return next(process for process, own in self._ports.items() if own == port)

    def pid(self, name: str) -> int:
        return self._children[name].pid

    def send(self, name: str, number: signal.Signals) -> None:
        self._children[name].send_signal(number)

    async def kill(self, name: str) -> None:
        """SIGKILL; it is gone when this returns."""
        self.send(name, signal.SIGKILL)
        await self.ended(name)

    async def ended(self, name: str, seconds: float = 20) -> int:
        """Its exit status, once it has ended."""
        return await asyncio.to_thread(self._children[name].wait, seconds)

    async def aclose(self) -> None:
        for name, child in self._children.items():
            if child.poll() is None:
                await self.kill(name)


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@asynccontextmanager
async def balancing(listening: socket.socket, backends: list[int]) -> AsyncIterator[None]:
    """Each connection goes to the next backend that takes it, as from a balancer that knows nothing of sessions."""
    turn = count()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in backends:
            port = backends[next(turn) % len(backends)]
            try:
                back_reader, back_writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                continue
            await asyncio.gather(pump(reader, back_writer), pump(back_reader, writer))
            return
        writer.close()

    server = await asyncio.start_server(serve, sock=listening)
    try:
        yield
    finally:
        server.close()
