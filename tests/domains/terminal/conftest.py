"""A machine to log in to, a real web server on a real port, and browsers that open shells there."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import msgspec
import pytest
import uvicorn

from app.domains.terminal.service.server import TerminalServer
from app.settings import Settings
from app.shared.context import Runtime
from devstack.simulators.nodes.testing import Bench
from tests.domains.terminal.world import Machine, Visitor, stock_machine
from tests.fixtures.app import SignIn


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One nodes process for all tests; each test deploys a machine of its own on it."""
    bench = Bench(tmp_path_factory.mktemp("nodes"))
    bench.start()
    yield bench
    bench.stop()


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(64)
        yield sock


@pytest.fixture
def settings(settings: Settings, listening: socket.socket, bench: Bench) -> Settings:
    """The public address is the test's own server; the authorities are the bench's."""
    settings.pki_dir.mkdir(exist_ok=True)
    for name, key in (("user_ca", bench.user_ca), ("host_ca", bench.host_ca)):
        (settings.pki_dir / name).write_bytes(key.export_private_key())
    replace = msgspec.structs.replace
    url = f"http://localhost:{listening.getsockname()[1]}"
    return replace(
        settings,
        web=replace(settings.web, public_url=url),
        maas=replace(settings.maas, node_ssh_port=bench.ssh_port),
    )


@pytest.fixture
async def server(runtime: Runtime, listening: socket.socket) -> AsyncIterator[str]:
    """The application behind uvicorn; yields its address."""
    async with serving(runtime, listening):
        yield runtime.settings.web.public_url


@asynccontextmanager
async def serving(runtime: Runtime, listening: socket.socket) -> AsyncIterator[None]:
    """uvicorn in the test's own loop, with the options of `berth web`, and a terminal host."""
    from app.domains.auth import domain as auth
    from app.domains.terminal import domain as terminal
    from tests.fixtures.app import create_app

    app = create_app(runtime, [auth.DOMAIN, terminal.DOMAIN])
    config = uvicorn.Config(app, lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    shells = TerminalServer(runtime)
    await shells.start("127.0.0.1", 0, "127.0.0.1")
    task = asyncio.create_task(server.serve(sockets=[listening]))
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.01)
    try:
        yield
    finally:
        await shells.aclose()
        server.should_exit = True
        await task


@pytest.fixture
async def visitors(runtime: Runtime, sign_in_as: SignIn, server: str) -> AsyncIterator[Callable[..., Visitor]]:
    """`await visitors("ada")`: somebody signed in on the test's server."""
    opened: list[Visitor] = []

    async def visit(name: str = "ada") -> Visitor:
        visitor = Visitor(runtime, await sign_in_as(name))
        opened.append(visitor)
        return visitor

    yield visit
    for visitor in opened:
        await visitor.close()


@pytest.fixture
async def ada(visitors: Callable[..., Visitor]) -> Visitor:
    return await visitors("ada")


@pytest.fixture
async def machine(runtime: Runtime, bench: Bench, ada: Visitor) -> AsyncIterator[Machine]:
    """An active machine of Ada's project."""
    machine = await stock_machine(runtime, bench, ada)
    yield machine
    machine.remove()
