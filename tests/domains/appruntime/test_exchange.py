"""One request, one connection: apps that behave badly on the wire, met over real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from app.domains.appruntime.errors import MachineSilent, MalformedRequest
from app.domains.appruntime.gateway import Request
from tests.domains.appruntime.raw import RawApp, answering, raw_app

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: app\r\n\r\n"


def asked(method: bytes = b"GET", target: bytes = b"/", length: int | None = 0, **headers: str) -> Request:
    fields = [(b"host", b"app"), *((name.encode(), value.encode()) for name, value in headers.items())]
    return Request(method=method, target=target, headers=fields, length=length)


async def body_of(*parts: bytes) -> AsyncGenerator[bytes, None]:
    for part in parts:
        yield part


async def ask(app: RawApp, request: Request, *body: bytes) -> tuple[int, bytes]:
    async with asyncio.timeout(5), app.channel().request(request, body_of(*body) if body else None) as upstream:
        return upstream.status, b"".join([part async for part in upstream.body])


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (OK, (200, b"ok")),
        (OK + OK, (200, b"ok")),  # two answers at once
        (OK + b"garbage", (200, b"ok")),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", (200, b"until the end")),
        (b"HTTP/1.0 200 OK\r\nServer: simple\r\n\r\nold", (200, b"old")),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK, (200, b"ok")),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nbody", (204, b"")),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nbody", (304, b"")),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            (200, b"ok"),
        ),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nok\r\n0\r\nT: x\r\n\r\n" + OK, (200, b"ok")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok", (200, b"ok")),
        (b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", (413, b"")),
        (b"HTTP/1.1 599 Odd\r\nContent-Length: 0\r\n\r\n", (599, b"")),
    ],
)
async def test_an_answer_is_what_its_framing_says_and_nothing_after_it(
    tmp_path: Path, answer: bytes, expected: tuple[int, bytes]
) -> None:
    async with raw_app(tmp_path, answering(answer, then_talks=SMUGGLED)) as app:
        got = await ask(app, asked())
        if b"until the end" in answer or b"HTTP/1.0" in answer:
            expected = (expected[0], expected[1] + SMUGGLED)  # only the end of the connection ends these
        assert got == expected
        assert (await ask(app, asked()))[0] == expected[0]
        assert app.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",  # nobody asked
        b"HTTP/1.1 600 Odd\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 50 + OK,
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        SMUGGLED,
    ],
)
async def test_an_answer_that_is_not_http_is_none(tmp_path: Path, answer: bytes) -> None:
    async with raw_app(tmp_path, answering(answer)) as app:
        with pytest.raises(MachineSilent):
            await ask(app, asked())


async def test_an_app_that_reads_no_bodies_never_answers_what_was_hidden_in_one(tmp_path: Path) -> None:
    """A keep-alive server that takes the body of a GET for the next request: its second answer goes to nobody."""
    seen: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            line = (await reader.readuntil(b"\r\n\r\n")).partition(b" HTTP")[0]
            seen.append(line)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(line), line))
            await writer.drain()

    async with raw_app(tmp_path, talk) as app:
        channel = app.channel()
        for name in (b"/eve", b"/ada") * 3:
            hidden = SMUGGLED if name == b"/eve" else b""
            request = asked(target=name, length=len(hidden))
            async with channel.request(request, body_of(hidden) if hidden else None) as upstream:
                assert b"".join([part async for part in upstream.body]) == b"GET " + name
        assert app.connections == 6


async def test_an_answer_before_the_body_was_read_is_an_answer(tmp_path: Path) -> None:
    """The app neither reads the rest nor closes: the body is larger than any buffer on the way."""
    closed = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await writer.drain()
        with contextlib.suppress(ConnectionError):
            while await reader.read(1000):
                pass
        closed.set()

    async with raw_app(tmp_path, talk) as app:
        given = [b"x" * 65_536] * 200
        assert await ask(app, asked(b"POST", length=65_536 * 200), *given) == (200, b"ok")
        async with asyncio.timeout(5):
            await closed.wait()  # what was not read is not kept for anybody


async def test_an_app_that_answers_and_closes_at_once_is_heard(tmp_path: Path) -> None:
    async with raw_app(tmp_path, answering(OK, reads=False)) as app:
        assert await ask(app, asked(b"POST", length=65_536 * 50), *[b"x" * 65_536] * 50) == (200, b"ok")


async def test_an_app_that_closes_idle_connections_answers_every_request(tmp_path: Path) -> None:
    async with raw_app(
        tmp_path, answering(b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok")
    ) as app:
        for method in (b"GET", b"POST", b"GET", b"DELETE"):
            assert await ask(app, asked(method)) == (200, b"ok")


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (asked(b"POST", length=3), b"content-length: 3"),
        (asked(b"GET", length=3), b"content-length: 3"),
        (asked(b"POST", length=0), b"content-length: 0"),
        (asked(b"PUT", length=None), b"transfer-encoding: chunked"),
        (asked(b"GET", length=None), b"transfer-encoding: chunked"),
    ],
)
async def test_a_request_is_framed_once(tmp_path: Path, request_: Request, said: bytes) -> None:
    seen: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        await answering(OK, reads=False)(reader, writer)

    async with raw_app(tmp_path, talk) as app:
        await ask(app, request_, *([] if request_.length == 0 else [b"abc"]))
    lines = seen[0].lower().split(b"\r\n")
    framing = [line for line in lines if line.startswith((b"content-length", b"transfer-encoding"))]
    assert framing == [said] and b"connection: close" in lines


@pytest.mark.parametrize("request_", [asked(x="a\r\nb"), asked(x="a\0b"), asked(target=b"/a b"), asked(b"G T")])
async def test_what_is_not_http_is_not_sent(tmp_path: Path, request_: Request) -> None:
    async with raw_app(tmp_path, answering(OK)) as app:
        with pytest.raises(MalformedRequest):
            await ask(app, request_)
        assert app.connections == 0


@pytest.mark.parametrize("parts", [[b"abcd"], [b"a"]])
async def test_a_body_of_another_length_than_was_said_ends_the_connection(tmp_path: Path, parts: list[bytes]) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(3)
        writer.write(OK)

    async with raw_app(tmp_path, talk) as app:
        with pytest.raises(MachineSilent):
            await ask(app, asked(b"POST", length=3), *parts)


async def test_a_body_whose_sender_goes_away_ends_the_connection(tmp_path: Path) -> None:
    ended = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass
        ended.set()

    async def broken() -> AsyncGenerator[bytes, None]:
        yield b"half"
        raise ConnectionResetError("the browser went away")

    async with raw_app(tmp_path, talk) as app, asyncio.timeout(5):
        with pytest.raises(MachineSilent):
            async with app.channel().request(asked(b"POST", length=8), broken()):
                pass
        await ended.wait()


async def test_no_more_exchanges_at_once_than_the_policy_says(tmp_path: Path) -> None:
    go = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await go.wait()
        await answering(OK)(reader, writer)

    async with raw_app(tmp_path, talk) as app:
        channel = app.channel(limit=2)

        async def one() -> int:
            async with channel.request(asked(), None) as upstream:
                return upstream.status

        asking = [asyncio.ensure_future(one()) for _ in range(5)]
        while app.connections < 2:  # noqa: ASYNC110 - both are on their way over a real socket
            await asyncio.sleep(0)
        for _ in range(20):
            await asyncio.sleep(0)
        assert app.connections == 2
        go.set()
        assert await asyncio.gather(*asking) == [200] * 5
