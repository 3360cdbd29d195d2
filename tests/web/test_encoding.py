"""How few bytes leave: content codings as the client reads them, streams as they come, files kept for ever."""

import re
import zlib
from collections.abc import Sequence
from urllib.parse import urlsplit

import pytest
from backports import zstd
from litestar.types import Message

from app.web.assets import assets_in
from app.web.csrf import csrf_token, is_csrf_token
from app.web.middleware.encoding import SMALLEST, ContentCoding, accepted_codings
from tests.fixtures.app import Browser

FIRST_PAGE = 40_000  # bytes on the wire without fonts
PART = b"2026-11-30,machine-1,0.4200\n" * 100
TEXT = (b"content-type", b"text/csv")


@pytest.mark.parametrize(
    ("accept", "codings"),
    [
        ("gzip, deflate, br, zstd", ("zstd", "gzip")), ("GZIP", ("gzip",)), ("br", ()), ("", ()), ("identity", ()),
        ("*", ("zstd", "gzip")), ("*;q=0, gzip;q=0.5", ("gzip",)), ("zstd;q=0, *", ("gzip",)), ("gzip;q=0", ()),
        ("gzip; q=0.001", ("gzip",)), ("gzip;q=x", ()), ("x-gzip, zstdx", ()), (",;,=", ()),
    ],
)  # fmt: skip
def test_a_client_gets_only_what_it_reads(accept: str, codings: tuple[str, ...]) -> None:
    assert accepted_codings(accept) == codings


async def answered(
    parts: Sequence[bytes],
    *headers: tuple[bytes, bytes],
    accept: bytes = b"zstd",
    status: int = 200,
    method: str = "GET",
    query: bytes = b"",
    asked: Sequence[tuple[bytes, bytes]] = (),
) -> tuple[dict[bytes, bytes], list[bytes]]:
    """Head and parts as they leave when an application sends `parts`."""
    sent: list[Message] = []

    async def app(_scope: object, _receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": status, "headers": list(headers)})  # type: ignore[operator]
        for index, part in enumerate(parts):
            before = len(sent)
            await send({"type": "http.response.body", "body": part, "more_body": index < len(parts) - 1})  # type: ignore[operator]
            assert len(sent) > before, "a part was held back"

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "query_string": query, "headers": [(b"accept-encoding", accept), *asked]}
    await ContentCoding(app)(scope, None, send)  # type: ignore[arg-type]
    return dict(sent[0]["headers"]), [message["body"] for message in sent[1:]]  # type: ignore[typeddict-item]


@pytest.mark.parametrize("coding", ["zstd", "gzip"])
async def test_each_part_of_a_stream_can_be_read_when_it_comes(coding: str) -> None:
    head, parts = await answered([PART, PART, b""], TEXT, (b"content-length", b"9"), accept=coding.encode())
    assert (head[b"content-encoding"], head[b"vary"]) == (coding.encode(), b"accept-encoding")
    assert b"content-length" not in head
    reader = zstd.ZstdDecompressor() if coding == "zstd" else zlib.decompressobj(wbits=31)
    assert [reader.decompress(part) for part in parts] == [PART, PART, b""]
    assert reader.eof


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (PART[: SMALLEST - 1], [TEXT]),
        (PART, [(b"content-type", b"application/octet-stream")]),
        (PART, [(b"content-type", b"text/event-stream")]),
        (PART, [TEXT, (b"content-encoding", b"br")]),
        (PART, [TEXT, (b"content-range", b"bytes 0-2799/9999")]),
        (PART, [TEXT, (b"cache-control", b"no-store, no-transform")]),
    ],
)
async def test_what_gains_nothing_or_must_stay_as_it_is_stays(body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    head, parts = await answered([body], *headers)
    assert parts == [body]
    assert head.get(b"content-encoding") == dict(headers).get(b"content-encoding")


async def test_what_another_site_caused_with_a_query_of_its_own_is_not_compressed() -> None:
    for site, query, is_coded in (("cross-site", b"q=a", False), ("same-site", b"q=a", False), ("none", b"q=a", True),
                                  ("same-origin", b"q=a", True), ("cross-site", b"", True)):  # fmt: skip
        asked = [(b"cookie", b"session=x"), (b"sec-fetch-site", site.encode())]
        head, _ = await answered([PART], TEXT, asked=asked, query=query)
        assert (b"content-encoding" in head) is is_coded, (site, query)
        assert head[b"vary"] == b"accept-encoding"


async def test_head_says_what_get_would() -> None:
    tag = (b"etag", b'W/"7"')
    got, _ = await answered([PART], TEXT, tag, (b"content-length", b"2800"))
    asked, parts = await answered([b""], TEXT, tag, (b"content-length", b"2800"), method="HEAD")
    assert got.items() - {(b"content-length", got.get(b"content-length"))} == asked.items()
    assert (parts, b"content-encoding" in asked) == ([b""], True)


async def test_what_promises_its_bytes_by_a_strong_tag_leaves_as_it_is() -> None:
    head, parts = await answered([PART], TEXT, (b"etag", b'"7"'), (b"content-length", b"2800"))
    assert (head[b"etag"], b"".join(parts)) == (b'"7"', PART) and b"content-encoding" not in head


@pytest.mark.parametrize("path", ["/login", "/", "/catalog"])
async def test_a_first_visit_takes_few_bytes(sign_in_as, client, path: str) -> None:
    browser = client if path == "/login" else (await sign_in_as("ada")).client
    page = await _asked(browser, path)
    assert page.headers["content-encoding"] == "zstd"
    text = zstd.decompress(page.content).decode()
    files = set(re.findall(r'(?:href|src)="(/static/[^"]+\.(?:css|js|mjs|svg)(?:\?[^"]*)?)"', text))
    assert len(files) >= 3
    answers = [page, *[await _asked(browser, file) for file in sorted(files)]]
    assert sum(answer.num_bytes_downloaded for answer in answers) <= FIRST_PAGE


async def _asked(browser, path: str):
    return await browser.get(path, headers={"accept-encoding": "gzip, zstd", "sec-fetch-site": "none"})


async def test_a_file_under_its_version_is_kept_for_ever_and_another_version_is_not(client) -> None:
    url = assets_in().url("dist/berth.css")
    kept = await client.get(url, headers={"accept-encoding": "zstd"})
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert (kept.headers["content-encoding"], kept.headers["vary"]) == ("zstd", "accept-encoding")
    plain = await client.get(url, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == zstd.decompress(kept.content)
    for other in (urlsplit(url).path, f"{urlsplit(url).path}?v=0000000000000000"):
        answer = await client.get(other, headers={"if-none-match": kept.headers["etag"]})
        assert (answer.status_code, answer.headers["cache-control"]) == (304, "no-cache")


@pytest.mark.parametrize(
    "path", ["dist/gone.css", "..%2fasgi.py", "dist/../../asgi.py", "", "dist", "vendor/VENDORED.json"]
)
async def test_there_is_no_file_but_those_for_pages(client, path: str) -> None:
    assert (await client.get(f"/static/{path}")).status_code == 404


async def test_no_two_answers_write_the_token_alike_and_each_is_good(sign_in_as, runtime) -> None:
    ada: Browser = await sign_in_as("ada")
    pages = [(await ada.client.get("/")).text for _ in range(2)]
    tokens = [set(re.findall(r'name="(?:csrf-token|_csrf_token)" (?:content|value)="([^"]+)"', page)) for page in pages]
    assert [len(found) for found in tokens] == [1, 1]
    assert tokens[0] != tokens[1]
    web, cookie = runtime.settings.web, ada.client.cookies.get(runtime.settings.web.cookie("session"))
    for token in tokens[0] | tokens[1]:
        assert is_csrf_token(web, cookie, token)
        assert not is_csrf_token(web, "another", token)


@pytest.mark.parametrize("wrong", ["", "x", "ä" * 86, "A" * 86, "A" * 200])
def test_what_is_no_token_is_refused(settings, wrong: str) -> None:
    assert not is_csrf_token(settings.web, None, wrong)
    assert not is_csrf_token(settings.web, None, csrf_token(settings.web, None) + "AAAA")
