"""A machine, a real web server that also answers on the origins of apps, people, and apps that run."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import msgspec
import pytest
import uvicorn

from app.domains.appruntime.contracts import AppView
from app.domains.appruntime.gateway import AppChannel
from app.domains.appruntime.gateway.channel import OpenStream
from app.domains.appruntime.rules.manifests import socket_path
from app.domains.appruntime.service.admission import Admission
from app.domains.appruntime.service.links import AppLinks
from app.domains.appruntime.service.manifests import publish_built_in
from app.settings import Settings
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from devstack.simulators.nodes.testing import Bench
from tests.domains.appruntime.world import Desk, Tab
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
    replace, port = msgspec.structs.replace, listening.getsockname()[1]
    return replace(
        settings,
        web=replace(settings.web, public_url=f"http://localhost:{port}", apps_url=f"http://*.localhost:{port}"),
        maas=replace(settings.maas, node_ssh_port=bench.ssh_port),
    )


@pytest.fixture
async def server(runtime: Runtime, listening: socket.socket) -> AsyncIterator[str]:
    """The whole application behind uvicorn in the test's own loop, with the options of `berth web`."""
    from tests.fixtures.app import create_app

    config = uvicorn.Config(create_app(runtime), lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server.serve(sockets=[listening]))
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.01)
    yield runtime.settings.web.public_url
    await runtime.part(Admission).aclose()
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


@pytest.fixture
async def desk(runtime: Runtime, ada: Visitor, machine: Machine) -> AsyncIterator[Desk]:
    """Ada's apps on that machine."""
    async with runtime.context(SYSTEM) as ctx:
        await publish_built_in(ctx)
    yield Desk(runtime, ada, machine)
    await runtime.part(AppLinks).aclose()


@pytest.fixture
async def tabs(runtime: Runtime) -> AsyncIterator[Callable[..., Tab]]:
    """`tabs(app)`: a browser tab on that app's origin."""
    opened: list[Tab] = []

    def tab(app) -> Tab:  # type: ignore[no-untyped-def]
        opened.append(Tab(runtime, app))
        return opened[-1]

    yield tab
    for one in opened:
        await one.close()


@pytest.fixture
async def stand_in(desk: Desk) -> Callable[..., Awaitable[None]]:
    """`await stand_in(app, open_stream)`: the proxy reaches another program instead of that app."""

    async def stand_in(app: AppView, open_stream: OpenStream) -> None:
        path = socket_path(await desk.links.seat(app))
        desk.links._channels[app.id] = (path, AppChannel(open_stream, 20))

    return stand_in
