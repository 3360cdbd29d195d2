"""The door to strangers, over real sockets: pinned, capped, cut, and it follows nobody."""

import asyncio
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.domains.notification.gateway import webhook
from app.domains.notification.gateway.webhook import Answer, WebhookClient, sanitised

NAME = "hooks.example.com"


@asynccontextmanager
async def receiver(answer: bytes, *, hang: bool = False, tls: ssl.SSLContext | None = None):
    """Takes one request after the other and answers these bytes; `hang` keeps the line open after them."""
    heard: list[bytes] = []
    released = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        heard.append(head + await reader.readexactly(length))
        writer.write(answer)
        if hang:
            await released.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1], heard
    finally:
        released.set()
        server.close()


async def post(*arguments, trust: ssl.SSLContext | None = None, **options) -> Answer:
    client = WebhookClient(trust=trust)
    try:
        return await client.post(*arguments, **options)
    finally:
        await client.aclose()


async def _post(port: int, **options):
    headers = {"webhook-id": "msg_1"}
    return await post(f"http://127.0.0.1:{port}/in?a=b", b'{"a":1}', headers, loopback=True, **options)


async def test_a_good_answer_is_told_with_its_beginning() -> None:
    async with receiver(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok") as (port, _):
        answer = await _post(port)
    assert (answer.status, answer.problem, answer.text, answer.is_good) == (200, None, "ok", True)


async def test_the_request_is_what_the_specification_asks_for() -> None:
    async with receiver(b"HTTP/1.1 204 No Content\r\n\r\n") as (port, heard):
        assert (await _post(port)).is_good
    [request] = heard
    head, body = request.split(b"\r\n\r\n")
    assert head.startswith(b"POST /in?a=b HTTP/1.1")
    assert f"host: 127.0.0.1:{port}".encode() in head.lower()
    assert b"webhook-id: msg_1" in head.lower()
    assert b"accept-encoding: identity" in head.lower()
    assert body == b'{"a":1}'


async def test_a_redirect_is_not_followed() -> None:
    async with receiver(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n") as (secret_port, secret):
        moved = f"HTTP/1.1 307 Moved\r\nlocation: http://127.0.0.1:{secret_port}/\r\ncontent-length: 0\r\n\r\n"
        async with receiver(moved.encode()) as (port, _):
            answer = await _post(port)
        assert secret == []
    assert (answer.status, answer.is_good) == (307, False)
    assert "redirect" in str(answer.problem)


async def test_a_body_without_end_is_read_no_further_than_it_is_kept() -> None:
    endless = b"HTTP/1.1 500 Oops\r\ncontent-length: 999999999\r\n\r\n" + b"x" * 50_000
    async with receiver(endless, hang=True) as (port, _):
        answer = await asyncio.wait_for(_post(port), 5)
    assert (answer.status, answer.text) == (500, "x" * webhook.MAX_ANSWER)


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nslow"])
async def test_a_receiver_that_dawdles_is_cut(monkeypatch, sent: bytes) -> None:
    monkeypatch.setattr(webhook, "TOTAL_SECONDS", 0.2)
    async with receiver(sent, hang=True) as (port, _):
        answer = await asyncio.wait_for(_post(port), 5)
    assert (answer.status, answer.is_good) == (None, False)
    assert answer.problem == "no complete answer within 15 seconds"


async def test_nobody_there_and_nonsense_are_problems_in_words() -> None:
    async with receiver(b"not http at all\r\n\r\n") as (port, _):
        assert "the connection broke" in str((await _post(port)).problem)
    assert (await _post(port)).problem == "no connection"


async def test_a_name_is_called_at_the_very_address_that_was_checked() -> None:
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> list[IPv4Address]:
        asked.append(host)
        return [ip_address("127.0.0.1" if len(asked) == 1 else "10.0.0.1")]

    async with receiver(b"HTTP/1.1 204 No Content\r\n\r\n") as (port, heard):
        url = f"http://localhost:{port}/"
        assert (await post(url, b"{}", {}, loopback=True, resolver=rebinding)).is_good
        assert asked == ["localhost"]
        assert f"host: localhost:{port}".encode() in heard[0].lower()
        again = await post(url, b"{}", {}, loopback=True, resolver=rebinding)
    assert len(heard) == 1
    assert "not on the public internet" in str(again.problem)


async def test_an_inner_name_is_refused_at_every_attempt_and_never_called() -> None:
    async def inner(host: str, port: int) -> list[IPv4Address]:
        return [ip_address("127.0.0.1")]

    async with receiver(b"HTTP/1.1 204 No Content\r\n\r\n") as (port, heard):
        answer = await post(f"https://{NAME}:{port}/", b"{}", {}, loopback=False, resolver=inner)
    assert heard == []
    assert "not on the public internet" in str(answer.problem)


def _certificate(name: str) -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private


@pytest.mark.parametrize(("certified", "good"), [(NAME, True), ("other.example.com", False)])
async def test_the_certificate_must_be_the_names_own_though_an_address_is_called(tmp_path, certified, good) -> None:
    public, private = _certificate(certified)
    (tmp_path / "cert.pem").write_bytes(public + private)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(tmp_path / "cert.pem")
    asked: list[str | None] = []
    serving.sni_callback = lambda _socket, name, _context: asked.append(name)
    trust = ssl.create_default_context(cadata=public.decode())

    async def here(host: str, port: int) -> list[IPv4Address]:
        return [ip_address("127.0.0.1")]

    async with receiver(b"HTTP/1.1 204 No Content\r\n\r\n", tls=serving) as (port, heard):
        url = f"https://{NAME}:{port}/"
        answer = await post(url, b"{}", {}, loopback=True, resolver=here, trust=trust)
    assert asked == [NAME]
    assert answer.is_good is good
    assert bool(heard) is good
    if not good:
        assert answer.problem == "the certificate is not valid for this name"


def test_what_is_kept_of_an_answer_can_be_stored_and_shown() -> None:
    assert sanitised(b"a\x00b\x1b[31m\xff\n\tc") == "a\ufffdb\ufffd[31m\ufffd\n\tc"
