"""The server against clients that do not play fair, by raw sockets: nothing they leave unfinished is kept, and whoever
asks properly is answered. The application behind it is a small one; what is tested stands before any application."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec
import pytest
import uvicorn

from app.cli.server.bounds import Bounds, Census, network_of
from app.cli.server.serve import configured
from app.settings import Settings

SOON = Bounds(head_seconds=0.3, body_seconds=0.3, body_rate=1_000_000, linger_seconds=0.5)
PATIENT = Bounds()


class Served:
    """A running server, and what its application was asked."""

    def __init__(self, port: int, census: Census) -> None:
        self.port, self.census = port, census
        self.bodies: list[bytes | None] = []

    async def app(self, scope, receive, send) -> None:
        """Reads all, answers with its length; None stands for a body that broke off. `/fast` answers unread."""
        body = b""
        while scope["path"] != "/fast":
            message = await receive()
            if message["type"] == "http.disconnect":
                self.bodies.append(None)
                return
            body += message["body"]
            if not message["more_body"]:
                break
        self.bodies.append(body)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    async def talk(self, *parts: bytes, end: bool = True) -> bytes:
        """Send the parts, and read until the server closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
            if end:
                return await asyncio.wait_for(reader.read(), 10)
            return await asyncio.wait_for(reader.readuntil(b"ok"), 10)
        except ConnectionError:
            return b""
        finally:
            writer.close()


@pytest.fixture
async def serving(settings: Settings) -> AsyncIterator[Callable]:
    async with AsyncExitStack() as stack:

        async def start(bounds: Bounds = PATIENT) -> Served:
            return await stack.enter_async_context(_running(settings, bounds))

        yield start


@asynccontextmanager
async def _running(settings: Settings, bounds: Bounds) -> AsyncIterator[Served]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(2048)
        held: list[Served] = []

        async def app(scope, receive, send) -> None:
            await held[0].app(scope, receive, send)

        config = configured(app, settings, bounds=bounds, lifespan="off")
        held.append(Served(sock.getsockname()[1], config.http.args[1]))  # type: ignore[union-attr]
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        task = asyncio.create_task(server.serve(sockets=[sock]))
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.01)
        yield held[0]
        server.should_exit = True
        await task


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


def is_ours(answer: bytes, status: int, code: str) -> None:
    """A refusal of the server has the envelope and the headers of every other answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert status_of(answer) == status, answer[:300]
    said = json.loads(body)["error"]
    assert said["code"] == code
    for header in (b"cache-control: no-store", b"x-content-type-options: nosniff", b"x-frame-options: DENY"):
        assert header in head
    assert f"x-correlation-id: {said['correlation_id']}".encode() in head


GET = b"GET / HTTP/1.1\r\nhost: x\r\n"


@pytest.mark.parametrize(
    "parts",
    [
        (GET, b"x: " + b"a" * 70_000),  # not ended yet
        (GET + b"x: " + b"a" * 70_000 + b"\r\n\r\n",),  # ended
        (GET, *[b"x: " + b"a" * 1000 + b"\r\n"] * 70),
        (GET + b"".join(b"x%d: 1\r\n" % number for number in range(40_000)) + b"\r\n",),
        (b"GET /" + b"a" * 70_000,),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",),
        (b"\r\n" * 40_000,),
        (GET + b"a" * 70_000 + b": 1\r\n\r\n",),
        (b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", b"t: " + b"a" * 70_000),
        (b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1;" + b"a" * 70_000,),
    ],
)
async def test_a_head_without_end_is_refused_and_not_gathered(serving, parts: tuple[bytes, ...]) -> None:
    served = await serving()
    is_ours(await served.talk(*parts), 431, "head_too_large")
    assert served.bodies in ([], [None])
    assert len(served.census) == 0


async def test_a_large_head_within_the_bounds_is_served(serving) -> None:
    served = await serving()
    many = b"".join(b"x%d: %s\r\n" % (number, b"a" * 600) for number in range(98))
    assert b"ok" in await served.talk(GET + many + b"\r\n", end=False)


@pytest.mark.parametrize(
    "junk", [b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/9.9\r\n\r\n", b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n",
             b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n", b"CONNECT a:1 HTTP/1.1\r\n\r\n", b"\x00" * 50],
)  # fmt: skip
async def test_what_is_no_request_is_answered_400_with_the_headers_of_all_answers(serving, junk: bytes) -> None:
    is_ours(await (await serving()).talk(junk), 400, "bad_request")


async def test_options_about_the_server_as_a_whole_is_a_request(serving) -> None:
    assert b"ok" in await (await serving()).talk(b"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n", end=False)


@pytest.mark.parametrize(
    "parts",
    [
        (GET,),
        (b"G",),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n",),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n", b"abc"),
        (b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",),
        (GET + b"\r\n" + GET,),  # the first of two is answered
    ],
)
async def test_a_request_that_is_not_finished_in_time_ends(serving, parts: tuple[bytes, ...]) -> None:
    served = await serving(SOON)
    answer = await served.talk(*parts)
    is_ours(answer[answer.rindex(b"HTTP/1.1") :], 408, "request_timeout")
    assert len(served.census) == 0


async def test_who_sends_nothing_is_closed_without_a_word(serving) -> None:
    assert await (await serving(SOON)).talk() == b""


async def test_a_slow_body_that_keeps_coming_is_read_to_its_end(serving) -> None:
    served = await serving(msgspec.structs.replace(SOON, body_rate=1))  # each byte is worth a second
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n")
    for _ in range(5):
        writer.write(b"a")
        await asyncio.sleep(0.15)  # pace of a slow client
    assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
    assert served.bodies == [b"aaaaa"]
    writer.close()


async def test_a_body_cut_off_is_never_taken_for_a_whole_one(serving) -> None:
    served = await serving()
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc")
    await writer.drain()
    writer.close()
    async with asyncio.timeout(5):
        while not served.bodies:  # noqa: ASYNC110 - the server's own time
            await asyncio.sleep(0.01)
    assert served.bodies == [None]


@pytest.mark.parametrize("unfinished", [GET, b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc"])
async def test_a_flood_of_unfinished_requests_leaves_room_for_the_same_address_and_for_others(
    serving, unfinished: bytes
) -> None:
    served = await serving()
    flood = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(1500)]
    try:
        for _, writer in flood:
            writer.write(unfinished)
        assert b"ok" in await served.talk(GET + b"\r\n", end=False)
        assert len(served.census) <= PATIENT.waiting_of_address
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port, local_addr=("127.0.0.2", 0))
        writer.write(GET + b"\r\n")
        assert await asyncio.wait_for(reader.readuntil(b"ok"), 5)
        writer.close()
    finally:
        for _, writer in flood:
            writer.close()


async def test_pipelined_requests_are_bounded_and_answered_in_order(serving) -> None:
    served = await serving()
    few = await served.talk(GET + b"\r\n" + GET + b"\r\n" + GET + b"connection: close\r\n\r\n")
    assert few.count(b"200 OK") == 3
    many = await served.talk((GET + b"\r\n") * 5000)
    assert many.count(b"200 OK") <= PATIENT.pipelined + 2


async def test_a_connection_is_used_again_and_again(serving) -> None:
    served = await serving(SOON)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    for _ in range(3):
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc")
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
    writer.close()
    assert served.bodies == [b"abc"] * 3


def test_addresses_are_counted_as_those_who_hold_them() -> None:
    assert network_of("10.1.2.3") == network_of("::ffff:10.1.2.3") == "10.1.2.3"
    assert network_of("2001:db8:1:2::1") == network_of("2001:db8:1:2:ffff::9") != network_of("2001:db8:1:3::1")
    assert network_of("testclient") == "testclient"


class Held:
    def __init__(self) -> None:
        self.is_gone = False

    def give_up(self) -> None:
        self.is_gone = True


def test_the_oldest_of_an_address_leaves_and_a_proxy_s_people_are_not_one_address() -> None:
    census = Census(Bounds(waiting_of_address=2, waiting=5), {"10.0.0.1"})
    mine = [Held() for _ in range(3)]
    for held in mine:
        census.add(held, "192.0.2.1")
    assert [held.is_gone for held in mine] == [True, False, False]
    proxied = [Held() for _ in range(4)]
    for held in proxied:
        census.add(held, "10.0.0.1")
    assert not any(held.is_gone for held in proxied)
    assert [held.is_gone for held in mine] == [True, True, False]
    assert len(census) == 5


# RFC 9112 section 6.3 and 11.2: what could be framed in two ways is refused, and nothing that follows it is a request.
AMBIGUOUS = {
    "length and chunked": (b"content-length: 4\r\ntransfer-encoding: chunked\r\n", b"0\r\n\r\n"),
    "chunked and length": (b"transfer-encoding: chunked\r\ncontent-length: 4\r\n", b"0\r\n\r\n"),
    "two lengths": (b"content-length: 0\r\ncontent-length: 60\r\n", b""),
    "two lengths alike in one": (b"content-length: 0, 0\r\n", b""),
    "signed length": (b"content-length: +0\r\n", b""),
    "negative length": (b"content-length: -1\r\n", b""),
    "hexadecimal length": (b"content-length: 0x0\r\n", b""),
    "endless length": (b"content-length: 99999999999999999999999\r\n", b""),
    "chunked twice": (b"transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n", b"0\r\n\r\n"),
    "chunked is not last": (b"transfer-encoding: chunked, gzip\r\n", b"0\r\n\r\n"),
    "nearly chunked": (b"transfer-encoding: xchunked\r\n", b"0\r\n\r\n"),
    "space before the colon": (b"content-length : 0\r\n", b""),
    "chunked, space before the colon": (b"transfer-encoding : chunked\r\n", b"0\r\n\r\n"),
    "folded": (b"x: a\r\n content-length: 60\r\n", b""),
    "size of a chunk signed": (b"transfer-encoding: chunked\r\n", b"-1\r\n\r\n"),
    "size of a chunk endless": (b"transfer-encoding: chunked\r\n", b"ffffffffffffffffff\r\n\r\n"),
    "chunk longer than it says": (b"transfer-encoding: chunked\r\n", b"1\r\nabc\r\n0\r\n\r\n"),
    "no carriage return": (b"transfer-encoding: chunked\r\n", b"0\n\n"),
    "zero in a header": (b"x: a\0b\r\n", b""),
}


@pytest.mark.parametrize("name", sorted(AMBIGUOUS))
async def test_what_could_be_framed_in_two_ways_hides_no_second_request(serving, name: str) -> None:
    served = await serving(SOON)
    fields, body = AMBIGUOUS[name]
    hidden = b"GET /hidden HTTP/1.1\r\nhost: x\r\n\r\n"
    answer = await served.talk(b"POST / HTTP/1.1\r\nhost: x\r\n" + fields + b"\r\n" + body + hidden)
    assert answer.count(b"HTTP/1.1 ") <= 1, answer
    assert status_of(answer) in (0, 400, 408, 501), answer[:200]
    assert b" 200 " not in answer
