"""Clients of vendors are parts of their process: made once, shared by everybody in it, closed with it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from app.domains.admin.service.system import record_health
from app.domains.auth.service.oidc import gateway_of as issuer_of
from app.domains.maas.gateway import MAX_IN_FLIGHT
from app.domains.maas.public import gateway_of as maas_of
from app.domains.notification.gateway.smtp import MailServer
from app.domains.notification.gateway.webhook import WebhookClient
from app.domains.payments.gateway import gateway_of as stripe_of
from app.domains.storage.gateway.s3 import Bucket
from app.shared.context import Runtime
from app.shared.http_client import http_client

pytestmark = pytest.mark.anyio
VERSION = b'{"version": "3.5.0", "subversion": "", "capabilities": []}'


@pytest.fixture
def contexts(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every TLS context that is made."""
    made: list[object] = []
    real = ssl.SSLContext.__new__

    def counted(kind: type[ssl.SSLContext], *arguments: object, **options: object) -> ssl.SSLContext:
        made.append(kind)
        return real(kind, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(ssl.SSLContext, "__new__", counted)
    return made


async def _one_round(runtime: Runtime) -> None:
    """What a worker does again and again: the health of what it depends on, and every vendor once."""
    await record_health(runtime)
    maas_of(runtime), stripe_of(runtime), issuer_of(runtime), runtime.part(Bucket), runtime.part(MailServer)
    await runtime.part(WebhookClient).post("https://127.0.0.1:1/", b"{}", {}, loopback=True)


async def test_a_process_makes_its_tls_contexts_once(runtime: Runtime, contexts: list[object]) -> None:
    await _one_round(runtime)
    made = len(contexts)
    for _ in range(4):  # a minute of health checks
        await _one_round(runtime)
    assert len(contexts) == made


async def test_a_part_is_closed_with_its_process_and_made_anew_for_the_next(runtime: Runtime) -> None:
    first = maas_of(runtime)
    assert maas_of(runtime) is first
    await runtime.close_parts()
    assert first._http.is_closed
    assert maas_of(runtime) is not first


@asynccontextmanager
async def region(most: list[int]) -> AsyncIterator[str]:
    """Counts how many requests are answered at the same time."""
    under_way = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal under_way
        while await reader.readuntil(b"\r\n\r\n"):
            under_way += 1
            most.append(under_way)
            for _ in range(20):
                await asyncio.sleep(0)
            under_way -= 1
            head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nset-cookie: sessionid=x\r\n"
            writer.write(head + b"content-length: %d\r\n\r\n" % len(VERSION) + VERSION)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (asyncio.IncompleteReadError, OSError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/MAAS"


async def test_maas_gets_four_requests_at_a_time_from_a_process_whoever_asks(runtime: Runtime) -> None:
    most: list[int] = []
    async with region(most) as url:
        runtime.settings = msgspec.structs.replace(
            runtime.settings, maas=msgspec.structs.replace(runtime.settings.maas, url=url)
        )
        await asyncio.gather(*(maas_of(runtime).version() for _ in range(12)))
        await runtime.close_parts()
    assert len(most) == 12
    assert max(most) <= MAX_IN_FLIGHT


async def test_a_client_keeps_no_cookie() -> None:
    async with region([]) as url, http_client() as client:
        assert (await client.get(url)).headers["set-cookie"]
        assert not client.cookies
        assert "cookie" not in (await client.get(url)).request.headers
