"""What the client does with refusals, retries and idempotency keys, against answers made up for the purpose."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import httpx2
import pytest

from app.cli.client import connection, http, output
from app.cli.client.connection import NotReached
from app.cli.client.exits import Exit, Failure
from app.cli.client.head_timeout import TimedClient
from app.cli.client.main import main

Handler = Callable[[httpx2.Request], httpx2.Response]


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Callable[[Handler], list[httpx2.Request]]:
    """Let a function be the server; what it was asked is in the list. Pauses are noted, not made."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("BERTH_URL", "http://berth.test")
    monkeypatch.setenv("BERTH_TOKEN", "token")
    monkeypatch.setattr(http.time, "sleep", lambda _seconds: None)
    real = httpx2.Client

    def install(handler: Handler) -> list[httpx2.Request]:
        asked: list[httpx2.Request] = []

        def handle(request: httpx2.Request) -> httpx2.Response:
            asked.append(request)
            return handler(request)

        transport = httpx2.MockTransport(handle)
        monkeypatch.setattr(http.httpx2, "Client", lambda **settings: real(transport=transport, **settings))
        return asked

    return install


def refusal(status: int, code: str, **headers: str) -> httpx2.Response:
    error = {"code": code, "message": "No.", "details": {}, "correlation_id": "abc", "retryable": False}
    return httpx2.Response(status, json={"error": error}, headers=headers)


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [
        (500, "internal_error", Exit.UNEXPECTED),
        (422, "validation_error", Exit.USAGE),
        (400, "idempotency_key_required", Exit.USAGE),
        (401, "token_missing", Exit.NOT_SIGNED_IN),
        (403, "forbidden", Exit.NOT_ALLOWED),
        (404, "not_found", Exit.NOT_FOUND),
        (409, "conflict", Exit.CONFLICT),
        (412, "version_changed", Exit.CONFLICT),
        (409, "allocation_no_capacity", Exit.NO_CAPACITY),
        (402, "insufficient_credit", Exit.NO_CREDIT),
        (502, "maas_error", Exit.UNAVAILABLE),
        (503, "service_unavailable", Exit.UNAVAILABLE),
        (429, "rate_limited", Exit.RATE_LIMITED),
    ],
)
def test_each_refusal_has_its_exit_code_and_says_the_correlation_id(answering, capsys, status, code, exit_code) -> None:
    answering(lambda _request: refusal(status, code))
    assert main(["balance"]) == exit_code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("berth: No.\n")
    assert "abc" in said.err


def test_an_answer_without_an_envelope_and_a_broken_connection_are_said(answering, capsys) -> None:
    answering(lambda _request: httpx2.Response(502, text="<html>"))
    assert main(["balance"]) == Exit.UNAVAILABLE
    assert "502" in capsys.readouterr().err

    def cut(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused", request=request)

    answering(cut)
    assert main(["balance"]) == Exit.UNAVAILABLE


def test_a_change_is_sent_again_with_the_same_key_and_only_when_that_is_safe(answering) -> None:
    answers = [refusal(429, "rate_limited", **{"retry-after": "1"}), refusal(503, "x"), httpx2.Response(200, json={})]
    asked = answering(lambda _request: answers.pop(0))
    http.Api().post("/api/v1/things", {"a": 1})
    keys = {request.headers["x-idempotency-key"] for request in asked}
    assert (len(asked), len(keys)) == (3, 1)
    asked = answering(lambda _request: refusal(409, "conflict"))
    with pytest.raises(Failure):
        http.Api().post("/api/v1/things")
    assert len(asked) == 1


def test_two_changes_have_two_keys_and_a_look_has_none(answering) -> None:
    asked = answering(lambda _request: httpx2.Response(200, json={}))
    api = http.Api()
    api.post("/a")
    api.delete("/a")
    api.get("/a")
    assert asked[0].headers["x-idempotency-key"] != asked[1].headers["x-idempotency-key"]
    assert "x-idempotency-key" not in asked[2].headers


def test_retry_after_is_honoured_within_reason() -> None:
    assert http.pause_of(httpx2.Response(429, headers={"retry-after": "7"})) == 7
    assert http.pause_of(httpx2.Response(429, headers={"retry-after": "86400"})) == http.LONGEST_PAUSE
    assert http.pause_of(httpx2.Response(503)) == 2


def test_a_list_is_read_to_its_end(answering) -> None:
    pages = {"": ([{"id": "a"}], "one"), "one": ([{"id": "b"}], "two"), "two": ([{"id": "c"}], None)}

    def page(request: httpx2.Request) -> httpx2.Response:
        items, cursor = pages[request.url.params.get("cursor", "")]
        return httpx2.Response(200, json={"items": items, "next_cursor": cursor})

    asked = answering(page)
    assert [row["id"] for row in http.Api().items("/list")] == ["a", "b", "c"]
    assert len(asked) == 3


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_each_shell(capsys, shell: str) -> None:
    assert main(["completion", shell]) == 0
    assert "_BERTH_COMPLETE" in capsys.readouterr().out


def test_interrupted_is_130(answering) -> None:
    def interrupt(_request: httpx2.Request) -> httpx2.Response:
        raise KeyboardInterrupt

    answering(interrupt)
    assert main(["balance"]) == Exit.INTERRUPTED


@pytest.mark.parametrize(
    ("micro", "shown"),
    [
        (0, "0.00"),
        (1_005_000, "1.00"),
        (1_015_000, "1.02"),
        (-4_999, "0.00"),
        (-1_234_567_890, "-1,234.57"),
        (5_001, "0.01"),
    ],
)
def test_money_is_rounded_half_even_to_the_cent(micro: int, shown: str) -> None:
    assert output.money(micro, "USD") == f"{shown} USD"


@pytest.mark.parametrize(
    ("text", "width", "shown"), [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("日本語", 4, "日…"), ("é́", 1, "é́")]
)
def test_cells_are_cut_by_what_they_take_on_a_terminal(text: str, width: int, shown: str) -> None:
    assert output.cut(text, width) == shown


def test_nothing_from_a_server_moves_the_cursor() -> None:
    assert output.plain("a\x1b[2Jb\r\nc") == "a [2Jb  c"


class Dripping:
    """A server that answers a byte at a time, each well within the time-out of a read. `whole` answers come first."""

    def __init__(self, whole: int = 0) -> None:
        self.whole, self.over = whole, threading.Event()
        self._sock = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._sock.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                peer, _ = self._sock.accept()
                threading.Thread(target=self._answer, args=(peer,), daemon=True).start()

    def _answer(self, peer: socket.socket) -> None:
        with suppress(OSError), peer:
            while peer.recv(65536):
                if self.whole:
                    self.whole -= 1
                    peer.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}")
                    continue
                peer.sendall(b"HTTP/1.1 200 OK\r\n")
                while not self.over.wait(0.02):
                    peer.sendall(b"x")

    def close(self) -> None:
        self.over.set()
        self._sock.close()


@pytest.mark.parametrize("whole", [0, 1])
def test_a_head_that_comes_byte_by_byte_is_not_waited_for_without_end(whole: int) -> None:
    server = Dripping(whole)
    client = TimedClient(httpx2.Client(timeout=30), head_seconds=0.4)
    try:
        for _ in range(whole):
            assert connection.exchange(client, "GET", server.url).json() == {}
        began = time.monotonic()
        with pytest.raises(NotReached, match="did not begin its answer within 0 s") as caught:
            connection.exchange(client, "GET", server.url)
        assert time.monotonic() - began < 10
        assert not caught.value.again
    finally:
        client.close()
        server.close()


def test_a_body_may_take_longer_than_a_head() -> None:
    server = Dripping(whole=3)
    client = TimedClient(httpx2.Client(timeout=30), head_seconds=0.2)
    try:
        with connection.streamed(client, "GET", server.url) as answer:
            server.over.wait(0.4)  # longer than a head may take
            assert answer.read() == b"{}"
        assert connection.exchange(client, "GET", server.url).json() == {}
    finally:
        client.close()
        server.close()
