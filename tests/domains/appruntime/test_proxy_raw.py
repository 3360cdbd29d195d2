"""Clients and apps that speak raw bytes, on both sides of the real portal; and real programs behind it."""

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvicorn
from websockets.asyncio.server import ServerConnection, unix_serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Request, Response

from app.domains.appruntime.contracts import AppView
from devstack.services import ports
from tests.domains.appruntime.raw import answering, open_tcp, open_unix, raw_app
from tests.domains.appruntime.world import Desk, Tab
from tests.domains.terminal.world import Visitor

pytestmark = pytest.mark.commits
Open = Callable[[AppView], Tab]
StandIn = Callable[..., Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def raw(tab: Tab, *lines: str, body: bytes = b"") -> bytes:
    """The whole answer to bytes that no client library would send; the connection is closed after it."""
    host, port = "127.0.0.1", int(tab.origin.rpartition(":")[2])
    reader, writer = await asyncio.open_connection(host, port)
    head = [*lines, f"Host: {tab.host}", f"Cookie: {tab.cookie}", "Connection: close"]
    writer.write("\r\n".join([*head, "", ""]).encode() + body)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    return answer


async def test_what_is_hidden_in_a_body_reaches_nobody(
    desk: Desk, ada: Visitor, tabs: Open, stand_in: StandIn, tmp_path: Path
) -> None:
    """An app that takes a body for the next request, and one that closes, dawdles or talks on after its answer."""
    app = await desk.running()
    tab = tabs(app)
    await tab.enter(ada, app.id)

    async def keep_alive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            line = (await reader.readuntil(b"\r\n\r\n")).partition(b" HTTP")[0]
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(line), line))
            await writer.drain()

    hidden = b"GET /hidden HTTP/1.1\r\nHost: app\r\n\r\n"
    async with raw_app(tmp_path, keep_alive) as odd:
        await stand_in(app, odd.open)
        for _ in range(3):
            sent = await raw(tab, "GET /first HTTP/1.1", f"Content-Length: {len(hidden)}", body=hidden)
            assert sent.endswith(b"GET /first") and b"hidden" not in sent
            assert (await tab.get("/second")).text == "GET /second"
    async with raw_app(tmp_path, answering(OK + OK, then_talks=b"more")) as odd:
        await stand_in(app, odd.open)
        assert [(await tab.get("/")).text for _ in range(3)] == ["ok"] * 3


async def test_no_framing_of_a_client_is_our_failure(
    desk: Desk, ada: Visitor, tabs: Open, stand_in: StandIn, tmp_path: Path
) -> None:
    app = await desk.running()
    tab = tabs(app)
    await tab.enter(ada, app.id)
    seen: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        await answering(OK, reads=False)(reader, writer)

    async with raw_app(tmp_path, talk) as odd:
        await stand_in(app, odd.open)
        for name in ("content-length", "transfer-encoding", "host", "cookie", "content-type, content-length"):
            lines = ("POST / HTTP/1.1", f"Connection: {name}", "Content-Length: 3", "Content-Type: a/b")
            assert (await raw(tab, *lines, body=b"abc")).startswith(b"HTTP/1.1 200")
            assert b"\r\ncontent-length: 3\r\n" in seen[-1].lower()
        assert b"content-type" not in seen[-1].lower()
        for lines in (
            ("POST / HTTP/1.1", "Content-Length: 3", "Content-Length: 3"),
            ("POST / HTTP/1.1", "Content-Length: 3", "Transfer-Encoding: chunked"),
            ("POST / HTTP/1.1", "Transfer-Encoding: gzip, chunked"),
            ("POST / HTTP/1.1", "Content-Length: 3, 3"),
            ("TRACE / HTTP/1.1",),
        ):
            count = len(seen)
            answer = await raw(tab, *lines, body=b"0\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 400"), (lines, answer)
            assert len(seen) == count
        assert (await raw(tab, "GET /caf\xe9?q=\xfc HTTP/1.1")).startswith((b"HTTP/1.1 200", b"HTTP/1.1 400"))
        expecting = ("POST / HTTP/1.1", "Expect: 100-continue", "Content-Length: 3")
        assert b"\r\n\r\nok" in await raw(tab, *expecting, body=b"abc")
        assert b"expect" not in seen[-1].lower()


async def test_odd_answers_leave_the_browsers_connection_in_order(
    desk: Desk, ada: Visitor, tabs: Open, stand_in: StandIn, tmp_path: Path
) -> None:
    app = await desk.running()
    tab = tabs(app)
    await tab.enter(ada, app.id)
    for answer, status, text in (
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nbody", 204, ""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n", 304, ""),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK, 200, "ok"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200, "ok"),
        (b"HTTP/1.0 200 OK\r\n\r\nto the end", 200, "to the end"),
        (
            b"HTTP/1.1 299 Odd\r\nConnection: content-length, x-own\r\nX-Own: 1\r\nContent-Length: 2\r\n\r\nok",
            299,
            "ok",
        ),
        (b"HTTP/1.1 999 Odd\r\n\r\n", 502, ""),
        (b"", 502, ""),
    ):
        async with raw_app(tmp_path, answering(answer)) as odd:
            await stand_in(app, odd.open)
            got = await tab.get("/")
            assert got.status_code == status and (status == 502 or got.text == text), answer
            assert "x-own" not in got.headers and len(got.headers.get_list("date")) == 1
            assert status == 502 or "frame-ancestors 'self'" in got.headers["content-security-policy"]
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"
    async with raw_app(tmp_path, answering(head)) as odd:
        await stand_in(app, odd.open)
        got = await tab.client.head("/", headers=tab.headers())
        assert (got.status_code, got.headers["content-length"]) == (200, "999")
        cut = await raw(tab, "GET / HTTP/1.1")
        assert cut.endswith(b"\r\n\r\n") and b"500" not in cut  # broken off, not finished


async def test_a_right_that_ends_before_the_app_answers_is_told_in_words(
    desk: Desk, ada: Visitor, tabs: Open, stand_in: StandIn, tmp_path: Path
) -> None:
    app = await desk.running()
    tab = tabs(app)
    await tab.enter(ada, app.id)
    asked = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await reader.read()

    async with raw_app(tmp_path, silent) as odd, asyncio.timeout(8):
        await stand_in(app, odd.open)
        waiting = asyncio.ensure_future(tab.get("/"))
        await asked.wait()
        await ada.sign_out()
        ended = await waiting
    assert ended.status_code == 403 and ended.text == "Your access to this app has ended.\n"


async def test_a_web_socket_is_opened_refused_and_closed_as_the_app_says(
    desk: Desk, ada: Visitor, tabs: Open, stand_in: StandIn, tmp_path: Path
) -> None:
    app = await desk.running()
    tab = tabs(app)
    await tab.enter(ada, app.id)
    left: asyncio.Queue[tuple[int, str]] = asyncio.Queue()

    def answer(connection: ServerConnection, request: Request) -> Response | None:
        if request.path != "/refused":
            return None
        refused = connection.respond(418, "not today: ☕\n")
        refused.headers["Set-Cookie"] = "why=tea; Domain=localhost"
        return refused

    def dress(connection: ServerConnection, request: Request, response: Response) -> None:
        for name, value in (("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2"), ("X-Own", "yes")):
            response.headers[name] = value

    async def serve(socket: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for word in socket:
                if word == "empty":
                    socket.protocol.send_close()
                    socket.transport.write(b"".join(socket.protocol.data_to_send()))
                    return
                if word == "cut":
                    socket.transport.abort()
                    return
                code, _, reason = str(word).partition(" ")
                await socket.close(int(code), reason)
        await socket.wait_closed()
        left.put_nowait((socket.close_code or 0, socket.close_reason or ""))

    async with unix_serve(
        serve,
        str(tmp_path / "ws"),
        process_request=answer,
        process_response=dress,
        subprotocols=["other.v1"],  # type: ignore[list-item]
    ):
        await stand_in(app, lambda: open_unix(tmp_path / "ws"))
        for word, code, reason in (
            ("empty", 1005, ""), ("1000 ", 1000, ""), ("3001 done, grüße", 3001, "done, grüße"), ("4999 x", 4999, "x"),
            ("1012 again", 1012, "again"), ("cut", 1011, ""),
        ):  # fmt: skip
            socket = await tab.socket()
            assert socket.subprotocol == "other.v1"
            assert socket.response is not None and socket.response.headers["X-Own"] == "yes"
            assert socket.response.headers.get_all("Set-Cookie") == ["a=1; Path=/", "b=2"]
            await socket.send(word)
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(socket.recv(), 5)
            assert (socket.close_code, socket.close_reason) == (code, reason), word
        while not left.empty():
            left.get_nowait()
        for code, reason in ((3001, "fertig ✓"), (1000, ""), (4000, "")):
            await (await tab.socket()).close(code, reason)
            assert await asyncio.wait_for(left.get(), 5) == (code, reason)
        empty = await tab.socket()
        empty.protocol.send_close()
        empty.transport.write(b"".join(empty.protocol.data_to_send()))
        assert await asyncio.wait_for(left.get(), 5) == (1005, "")
        (await tab.socket()).transport.abort()
        assert await asyncio.wait_for(left.get(), 5) == (1006, "")
        with pytest.raises(InvalidStatus) as refused:
            await tab.socket("/refused")
        said = refused.value.response
        assert (said.status_code, bytes(said.body or b"").decode()) == (418, "not today: ☕\n")
        assert "why=tea" in said.headers.get_all("Set-Cookie")  # the app sets its others here too


async def _uvicorn_app(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": (await receive())["text"]})
        await send({"type": "websocket.close", "code": 3000, "reason": "said"})
        return
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message["body"]), message["more_body"]
    names = sorted({name.decode() for name, _ in scope["headers"]})
    body = f"{scope['method']} {size} {' '.join(names)}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def test_real_programs_answer_again_after_they_were_idle(
    desk: Desk, ada: Visitor, tabs: Open, stand_in: StandIn, tmp_path: Path
) -> None:
    """uvicorn, which closes connections that are idle, and `python -m http.server`, which speaks HTTP/1.0."""
    app = await desk.running()
    tab = tabs(app)
    await tab.enter(ada, app.id)
    config = uvicorn.Config(
        _uvicorn_app, uds=str(tmp_path / "uds"), lifespan="off", log_config=None, timeout_keep_alive=0
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
        await asyncio.sleep(0.01)
    await stand_in(app, lambda: open_unix(tmp_path / "uds"))
    for content in (b"", b"x" * 300_000, b"y"):
        answer = await tab.client.post("/", content=content, headers=tab.headers(origin=tab.origin))
        assert answer.text.startswith(f"POST {len(content)} ")
    assert (await tab.get("/")).text.startswith("GET 0 ")
    socket = await tab.socket()
    await socket.send("hello")
    assert await asyncio.wait_for(socket.recv(), 5) == "hello"
    with pytest.raises(ConnectionClosed):
        await socket.recv()
    assert (socket.close_code, socket.close_reason) == (3000, "said")
    server.should_exit = True
    await running

    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "page.txt").write_text("a page\n")
    [port] = ports.claim()
    argv = [
        sys.executable,
        "-m",
        "http.server",
        str(port),
        "--bind",
        "127.0.0.1",
        "--directory",
        str(tmp_path / "files"),
    ]
    quiet = asyncio.subprocess.DEVNULL
    program = await asyncio.create_subprocess_exec(*argv, stdout=quiet, stderr=quiet)
    try:
        async with asyncio.timeout(10):
            while True:
                with contextlib.suppress(OSError):
                    (await open_tcp(port)).close()
                    break
                await asyncio.sleep(0.05)
        await stand_in(app, lambda: open_tcp(port))
        for _ in range(3):
            assert (await tab.get("/page.txt")).text == "a page\n"
        assert (await tab.get("/none")).status_code == 404
        posted = await tab.client.post("/page.txt", content=b"z" * 200_000, headers=tab.headers(origin=tab.origin))
        assert posted.status_code == 501
    finally:
        program.terminate()
        await program.wait()
