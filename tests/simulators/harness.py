"""Running a simulator on a real loopback socket, in the test's own event loop."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import uvicorn

from devstack.simulators.__main__ import Config, Server, bind, load


@asynccontextmanager
async def running(name: str, config: Config, data_dir: Path, **options: object) -> AsyncIterator[int]:
    """One simulator; yields its port. `options` go to `create_app`.

    The port is written into `config`, so that a second run gets the same one.
    """
    sock = bind(config, (name,))[name]
    os.makedirs(data_dir, exist_ok=True)
    app = load(name)(config, data_dir, **options)
    settings = uvicorn.Config(app, lifespan="on", log_config=None, ws="none", timeout_graceful_shutdown=1)
    async with _serving(settings, sock) as port:
        yield port


@asynccontextmanager
async def _serving(settings: uvicorn.Config, sock: socket.socket) -> AsyncIterator[int]:
    server = Server(settings)
    task = asyncio.create_task(server.serve(sockets=[sock]))
    await server.up.wait()
    try:
        yield sock.getsockname()[1]
    finally:
        server.should_exit = True
        await task


def plain_client(timeout: float) -> httpx2.AsyncClient:
    """A client for plain HTTP that follows no redirect; it trusts no authority, which spares reading them (50 ms)."""
    return httpx2.AsyncClient(trust_env=False, timeout=timeout, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


@asynccontextmanager
async def receiving(app: object) -> AsyncIterator[int]:
    """Any other ASGI application (a webhook endpoint of a test) on a free port."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen(64)
    settings = uvicorn.Config(app, lifespan="off", log_config=None, ws="none", timeout_graceful_shutdown=1)
    async with _serving(settings, sock) as port:
        yield port
