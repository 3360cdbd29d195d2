"""The real portal behind the real server, by sockets: what `/live` takes, and what a flood of unfinished requests costs
those who ask whole ones."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from app.cli.server.bounds import Census
from app.cli.server.serve import BOUNDS, configured
from app.cli.server.websocket import QUIET
from app.domains.notification.service.hub import LiveHub
from app.shared.context import Runtime
from tests.fixtures.app import create_app

LIMIT = QUIET["/live"]


class Portal(msgspec.Struct):
    port: int
    origin: str
    census: Census


@pytest.fixture
async def portal(runtime: Runtime) -> AsyncIterator[Portal]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(2048)
        port = sock.getsockname()[1]
        web = msgspec.structs.replace(runtime.settings.web, public_url=f"http://localhost:{port}")
        runtime.settings = msgspec.structs.replace(runtime.settings, web=web)
        config = configured(create_app(runtime), runtime.settings, lifespan="off")
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        task = asyncio.create_task(server.serve(sockets=[sock]))
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.01)
        yield Portal(port, web.public_url, config.http.args[1])  # type: ignore[union-attr]
        server.should_exit = True
        await task
        await runtime.part(LiveHub).aclose()  # the rest of the runtime is other fixtures'


@asynccontextmanager
async def live(portal: Portal, person, path: str = "/live") -> AsyncIterator[ClientConnection]:
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in person.client.cookies.jar)
    async with connect(
        f"ws://localhost:{portal.port}{path}",
        origin=portal.origin,  # type: ignore[arg-type]
        additional_headers={"cookie": cookies},
        compression=None,
    ) as opened:
        yield opened


async def code_of(opened: ClientConnection) -> int:
    """The code with which the server closed."""
    try:
        async with asyncio.timeout(10):
            while True:
                await opened.recv()
    except ConnectionClosed as error:
        return error.rcvd.code if error.rcvd else 1006


async def in_pieces(opened: ClientConnection, size: int) -> None:
    """One message in frames of a hundred bytes, each of them small."""
    data = b"a" * size
    for at in range(0, size, 100):
        frame = Frame(Opcode.TEXT if at == 0 else Opcode.CONT, data[at : at + 100], fin=at + 100 >= size)
        opened.transport.write(frame.serialize(mask=True))


async def at_once(opened: ClientConnection, size: int) -> None:
    await opened.send("a" * size)


async def as_bytes(opened: ClientConnection, size: int) -> None:
    await opened.send(b"\0" * size)


@pytest.mark.parametrize("path", ["/live", "/live?x=1", "/%6cive"])
@pytest.mark.parametrize("say", [at_once, as_bytes, in_pieces])
async def test_a_message_that_is_too_large_ends_the_live_socket(
    portal: Portal, sign_in_as, say: Callable, path: str
) -> None:
    ada = await sign_in_as("ada")
    for size in (LIMIT + 1, 500_000):
        async with live(portal, ada, path) as opened:
            await say(opened, size)
            assert await code_of(opened) == 1009


async def test_a_few_small_messages_are_overlooked_and_many_end_it(portal: Portal, sign_in_as) -> None:
    ada = await sign_in_as("ada")
    async with live(portal, ada) as opened:
        for _ in range(15):
            await opened.send("a" * LIMIT)
        await (await opened.ping())
        await opened.send("once more")
        assert await code_of(opened) == 1008


UNFINISHED = {
    "a head": b"GET /login HTTP/1.1\r\nhost: localhost:%d\r\n",
    "a body": b"POST /login HTTP/1.1\r\nhost: localhost:%d\r\ncontent-type: application/x-www-form-urlencoded\r\n"
    b"content-length: 9\r\n\r\nabc",
}


@pytest.mark.parametrize("unfinished", sorted(UNFINISHED))
async def test_a_flood_of_unfinished_requests_costs_others_nothing(portal: Portal, unfinished: str) -> None:
    flood = [await asyncio.open_connection("127.0.0.1", portal.port) for _ in range(1500)]
    try:
        for _, writer in flood:
            writer.write(UNFINISHED[unfinished] % portal.port)
        for address in ("127.0.0.1", "127.0.0.2"):
            began = time.monotonic()
            reader, writer = await asyncio.open_connection("127.0.0.1", portal.port, local_addr=(address, 0))
            writer.write(b"GET /login HTTP/1.1\r\nhost: localhost:%d\r\nconnection: close\r\n\r\n" % portal.port)
            answer = await asyncio.wait_for(reader.read(), 10)
            assert answer.startswith(b"HTTP/1.1 200"), answer[:200]
            assert time.monotonic() - began < 5
            writer.close()
        assert len(portal.census) <= BOUNDS.waiting_of_address
    finally:
        for _, writer in flood:
            writer.close()
