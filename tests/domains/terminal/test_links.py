"""A link serves only who holds the installation's key, and says what a host is; a host is found where it says it is."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from uuid import uuid4

import msgspec
import pytest

from app.domains.terminal.contracts import Ticket
from app.domains.terminal.service import directory, handshake
from app.domains.terminal.service.attachment import SocketGone
from app.domains.terminal.service.handshake import HOST, WEB, Connect, Hello, NotTheHost, Refused, Welcome
from app.domains.terminal.service.link import BINARY, CLOSE, HEADER, HIGH, MAX_FRAME, TEXT, Link, LinkClosed
from app.domains.terminal.service.server import TerminalServer
from app.shared.authz.actor import ANONYMOUS
from app.shared.context import Runtime
from app.shared.crypto import authenticate

TICKET = Ticket(
    user_id=uuid4(), session_id=uuid4(), allocation_id=uuid4(), terminal_id=None, host="", origin="http://localhost"
)
KEY = secrets.token_hex(32)


@pytest.fixture
async def pair() -> AsyncIterator[tuple[Link, Link]]:
    """Both ends of one link."""
    ends: asyncio.Queue[Link] = asyncio.Queue()

    def made() -> Link:
        link = Link()
        ends.put_nowait(link)
        return link

    loop = asyncio.get_running_loop()
    server = await loop.create_server(made, "127.0.0.1", 0)
    _, one = await loop.create_connection(Link, *server.sockets[0].getsockname())
    other = await ends.get()
    await other.made.wait()
    yield one, other
    one.abandon()
    other.abandon()
    server.close()


async def test_frames_arrive_as_they_were_sent_and_the_end_says_why(pair: tuple[Link, Link]) -> None:
    one, other = pair
    sent = ["text é", b"", b"\x00" * 200_000, "", b"x"]
    for frame in sent:
        await one.send(frame)
    await one.close(4408, "nothing was heard for too long")
    assert [await other.receive() for _ in sent] == sent
    with pytest.raises(LinkClosed) as closed:
        await other.receive()
    assert (closed.value.code, closed.value.reason) == (4408, "nothing was heard for too long")
    with pytest.raises(SocketGone):
        await one.send(b"x")


async def test_who_is_not_read_waits(pair: tuple[Link, Link]) -> None:
    one, other = pair
    sent = 0

    async def flood() -> None:
        nonlocal sent
        while True:
            await one.send(b"x" * 32_768)
            sent += 32_768

    flooding = asyncio.create_task(flood())
    before = -1
    while sent != before:
        before = sent
        await asyncio.sleep(0.2)  # nothing says that nothing more happens
    assert other._queued <= HIGH + 512 * 1024
    assert sent < 16_000_000  # what both kernels buffer, and little more
    flooding.cancel()


@pytest.mark.parametrize("head", [HEADER.pack(MAX_FRAME + 1, 2), HEADER.pack(1, 0), HEADER.pack(1, 9)])
async def test_what_is_no_frame_ends_the_link(pair: tuple[Link, Link], head: bytes) -> None:
    one, other = pair
    assert one._transport is not None
    one._transport.write(head + b"x")
    with pytest.raises(SocketGone):
        await other.receive()


@pytest.mark.parametrize(
    "frame", [HEADER.pack(2, TEXT) + b"\xff\xfe", HEADER.pack(0, CLOSE), HEADER.pack(1, CLOSE) + b"x"]
)
async def test_a_frame_without_meaning_ends_the_link(pair: tuple[Link, Link], frame: bytes) -> None:
    one, other = pair
    assert one._transport is not None
    one._transport.write(frame)
    with pytest.raises(SocketGone) as ended:
        await other.receive()
    assert not isinstance(ended.value, LinkClosed)


async def test_empty_frames_wait_as_others_do(pair: tuple[Link, Link]) -> None:
    one, other = pair
    assert one._transport is not None
    count = 4 * HIGH // HEADER.size
    one._transport.write(HEADER.pack(0, BINARY) * count)
    while other._reading:
        await other._arrived.wait()
        await asyncio.sleep(0)
    assert len(other._frames) < count
    assert [await other.receive() for _ in range(count)] == [b""] * count


async def test_a_greeting_that_is_no_text_is_of_no_host(pair: tuple[Link, Link]) -> None:
    web, host = pair
    await host.send(msgspec.msgpack.encode(Hello(host="hh", nonce=b"n")).replace(b"hh", b"\xff\xfe"))
    with pytest.raises(NotTheHost):
        await handshake.greeted_by(web)


async def test_both_sides_prove_that_they_hold_the_key(pair: tuple[Link, Link]) -> None:
    web, host = pair
    accepting = asyncio.create_task(handshake.accept(host, KEY, "h", draining=False))
    hello, greeting = await handshake.greeted_by(web)
    await handshake.connect(web, greeting, KEY, hello.host, ANONYMOUS, TICKET)
    request = await accepting
    assert request is not None and request.ticket == TICKET and request.actor == ANONYMOUS


@pytest.mark.parametrize("wrong", ["key", "side", "ticket", "replay"])
async def test_a_host_serves_nobody_without_the_proof_of_this_very_connection(
    pair: tuple[Link, Link], wrong: str
) -> None:
    web, host = pair
    accepting = asyncio.create_task(handshake.accept(host, KEY, "h", draining=False))
    _, greeting = await handshake.greeted_by(web)
    asked = msgspec.msgpack.encode(Connect(host="h", nonce=b"n" * 32, actor=ANONYMOUS, ticket=TICKET))
    old = msgspec.msgpack.encode(Hello(host="h", nonce=b"o" * 32))
    proof = authenticate(
        secrets.token_hex(32) if wrong == "key" else KEY,
        (old if wrong == "replay" else greeting) + asked,
        HOST if wrong == "side" else WEB,
    )
    await web.send(asked[:-1] + b"!" if wrong == "ticket" else asked)
    await web.send(proof)
    assert await accepting is None


async def test_a_host_without_the_key_gets_nothing_shown(pair: tuple[Link, Link]) -> None:
    web, host = pair
    greeting = msgspec.msgpack.encode(Hello(host="h", nonce=b"n" * 32))
    connecting = asyncio.create_task(handshake.connect(web, greeting, KEY, "h", ANONYMOUS, TICKET))
    asked, proof = await host.receive(), await host.receive()
    assert isinstance(asked, bytes) and isinstance(proof, bytes)
    await host.send(msgspec.msgpack.encode(Welcome(proof=proof)))  # what it got, sent back
    with pytest.raises(NotTheHost):
        await connecting


async def test_a_host_that_drains_takes_no_new_shell(pair: tuple[Link, Link]) -> None:
    web, host = pair
    accepting = asyncio.create_task(handshake.accept(host, KEY, "h", draining=True))
    _, greeting = await handshake.greeted_by(web)
    with pytest.raises(Refused):
        await handshake.connect(web, greeting, KEY, "h", ANONYMOUS, TICKET)
    assert await accepting is None


async def test_a_host_is_found_until_it_ends_and_another_at_its_address_is_not_it(runtime: Runtime) -> None:
    server = TerminalServer(runtime)
    await server.start("127.0.0.1", 0, "127.0.0.1")
    name = server.name
    assert await directory.list_hosts(runtime.valkey) == [name]
    assert not await directory.is_gone(name)
    assert await directory.is_gone(name.rpartition("/")[0] + "/another")
    await server.aclose()
    assert await directory.list_hosts(runtime.valkey) == []
    assert await directory.is_gone(name)
    assert await directory.is_gone("web-1:4711:abcdef")  # how a web process was named that held shells


async def test_a_host_that_is_killed_is_forgotten_and_those_with_fewer_shells_come_first(runtime: Runtime) -> None:
    for name, shells in (("h:1/a", 100), ("h:2/b", 3), ("h:3/c", 40), ("h:4/d", 0)):
        await directory.announce(runtime.valkey, name, shells)
    await runtime.valkey.delete("terminal:host:h:3/c")  # as its lease does by itself
    hosts = await directory.list_hosts(runtime.valkey)
    assert set(hosts[:2]) == {"h:2/b", "h:4/d"} and hosts[2:] == ["h:1/a"]
    assert await runtime.valkey.scard(directory.HOSTS) == 3
