"""What clients do wrong is never our fault: no 500, no stack in the log, nothing read that need not be."""

import asyncio

import httpx
import pytest

from app.web.middleware.concurrency import Concurrency, ConcurrencyLimits
from tests.fixtures.app import create_app

FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json"}


def scope_of(person, method: str, path: str, headers: dict[str, str]) -> dict:
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in person.client.cookies.jar)
    sent = {"host": "localhost:8000", "cookie": cookies, "sec-fetch-site": "same-origin", **headers}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in sent.items()]
    return {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"", "headers": raw,
        "client": ("127.0.0.1", 1), "server": ("localhost", 8000), "scheme": "http", "http_version": "1.1",
        "root_path": "", "asgi": {"version": "3.0"},
    }  # fmt: skip


class Body:
    """What the client sends, message by message; counts what was asked for."""

    def __init__(self, *messages: dict) -> None:
        self.messages, self.read = list(messages), 0

    async def __call__(self) -> dict:
        self.read += 1
        return self.messages.pop(0) if self.messages else {"type": "http.disconnect"}


async def answer_of(app, scope: dict, receive: Body) -> int:
    sent: list[dict] = []

    async def send(message: dict) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"]


@pytest.mark.parametrize("path", ["/api/v1/service-accounts", "/oauth/token", "/webhooks/stripe", "/theme", "/login"])
async def test_a_body_that_breaks_off_is_no_error_of_ours(runtime, sign_in_as, caplog, capsys, path: str) -> None:
    ada, app = await sign_in_as("ada"), create_app(runtime)
    kind = JSON if "api" in path or "webhooks" in path else FORM
    headers = {**kind, "content-length": "900", "x-csrftoken": ada.csrf, "x-idempotency-key": "k"}
    part = {"type": "http.request", "body": b'{"name":', "more_body": True}
    for body in (Body(part), Body()):
        status = await answer_of(app, scope_of(ada, "POST", path, headers), body)
        assert 400 <= status < 500, path
    assert "Traceback" not in caplog.text + "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "body", [b"\xff\xfe{\x00}", b'{"name": "\xc3"}', b'"\xed\xa0\x80"', "{}".encode("utf-16"), b"\x00", b"{" * 200_000]
)
async def test_json_that_is_no_utf_8_is_refused_in_words(sign_in_as, caplog, capsys, body: bytes) -> None:
    ada = await sign_in_as("ada")
    headers = {**JSON, "sec-fetch-site": "same-origin", "x-csrftoken": ada.csrf, "x-idempotency-key": "k"}
    for method, path in (("POST", "/api/v1/service-accounts"), ("PUT", "/api/v1/notifications/preferences")):
        answer = await ada.client.request(method, path, content=body, headers=headers)
        assert answer.status_code in (400, 413, 422), (path, answer.text[:200])
    assert "Traceback" not in caplog.text + "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "name", ["cookie", "authorization", "accept", "accept-language", "content-type", "x-correlation-id",
             "if-none-match", "if-match", "x-csrftoken", "x-idempotency-key", "origin", "referer", "range"],
)  # fmt: skip
@pytest.mark.parametrize(
    "value", [b"\xff\xfe\x80", b"", b"\xc3\xa4; =", b'"' * 50, b"a" * 5000, b"%00%ff", b",;,=;q=,"]
)
async def test_odd_bytes_in_a_header_never_break_us(sign_in_as, name: str, value: bytes) -> None:
    ada = await sign_in_as("ada")
    for method, path in (("GET", "/"), ("GET", "/api/v1/me"), ("POST", "/api/v1/service-accounts"), ("POST", "/theme")):
        headers = [(b"sec-fetch-site", b"same-origin"), (name.encode(), value)]
        answer = await ada.client.request(method, path, headers=headers, content=b"{}")
        assert answer.status_code < 500, (method, path, answer.text[:200])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"content-length": "999999"}, 413),
        ({"content-length": "999999", "content-type": "application/json"}, 415),
    ],
)
async def test_a_form_that_is_refused_by_its_head_is_not_read(runtime, sign_in_as, headers, status: int) -> None:
    ada, app = await sign_in_as("ada"), create_app(runtime)
    body = Body({"type": "http.request", "body": b"a=1&" * 250_000, "more_body": False})
    assert (
        await answer_of(app, scope_of(ada, "POST", "/theme", {**FORM, "content-length": "9", **headers}), body)
        == status
    )
    assert body.read == 0


async def test_a_form_of_countless_fields_is_refused_before_it_is_parsed(runtime, sign_in_as, monkeypatch) -> None:
    ada, app = await sign_in_as("ada"), create_app(runtime)

    def parse(*_given: object) -> None:
        raise AssertionError("it was parsed")

    for place in ("litestar.connection.request", "litestar._kwargs.extractors"):
        monkeypatch.setattr(f"{place}.parse_url_encoded_form_data", parse)
    for body, wanted in ((b"a=1&" * 60_000, 413), (b"a=1&" * 100_000, 413), (b"a=1", 403)):
        chunk = Body({"type": "http.request", "body": body, "more_body": False})
        headers = {**FORM, "transfer-encoding": "chunked"}
        assert await answer_of(app, scope_of(ada, "POST", "/theme", headers), chunk) == wanted


async def test_one_session_and_one_address_have_so_much_open_and_others_are_answered(settings) -> None:
    going = asyncio.Event()

    async def slow(scope, receive, send) -> None:
        await going.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    crowd = Concurrency(slow, settings, ConcurrencyLimits(requests_of_session=2, requests_of_address=3))

    async def tracing(scope, receive, send) -> None:
        from app.shared.telemetry.trace import new_trace

        scope["state"] = {"trace": new_trace()}
        await crowd(scope, receive, send)

    def client(address: str, token: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(tracing, client=(address, 1))
        return httpx.AsyncClient(transport=transport, base_url="http://x", headers={"authorization": token})

    async with client("10.0.0.1", "a") as ada, client("10.0.0.1", "b") as ben, client("10.0.0.2", "c") as chloe:
        open_now = [asyncio.create_task(each.get("/")) for each in (ada, ada, ben)]
        await asyncio.sleep(0)
        while len(crowd._open) < 3:  # noqa: ASYNC110 - until all three are inside
            await asyncio.sleep(0)
        for crowded in (ada, ben):
            refused = await crowded.get("/")
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "2")
            assert refused.json()["error"]["code"] == "rate_limited"
        other = asyncio.create_task(chloe.get("/"))
        going.set()
        assert {answer.status_code for answer in await asyncio.gather(*open_now, other)} == {204}
        assert (await ada.get("/")).status_code == 204
    assert not crowd._open
