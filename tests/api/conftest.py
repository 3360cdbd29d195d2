"""The whole application on a port, as programs of others meet it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest
import uvicorn

from app.shared.context import Runtime


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(64)
        yield sock


@pytest.fixture
async def server(runtime: Runtime, listening: socket.socket) -> AsyncIterator[str]:
    """The whole application on a port; its address is its public one, as forms and cookies want."""
    from tests.fixtures.app import create_app

    url = f"http://localhost:{listening.getsockname()[1]}"
    replace = msgspec.structs.replace
    runtime.settings = replace(runtime.settings, web=replace(runtime.settings.web, public_url=url))
    config = uvicorn.Config(create_app(runtime), lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server.serve(sockets=[listening]))
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.01)
    yield url
    server.should_exit = True
    await task
