"""The client of webhook receivers, which are untrusted: addresses are checked before each call, redirects are not
followed, and only the beginning of the response is read.

A name is resolved once per attempt and the connection goes to the checked address, with the Host header and TLS name of
the URL. So a name cannot be changed to resolve elsewhere after the check.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address

import httpx2
import msgspec

from app.domains.notification.rules import addresses
from app.domains.notification.rules.addresses import Address, Refused, Target
from app.shared.context import Runtime
from app.shared.db import refuse_open_transaction
from app.shared.http_client import http_client

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 15.0
MAX_ANSWER = 4_000
USER_AGENT = "Berth-Webhooks/1"

Resolve = Callable[[str, int], Awaitable[list[Address]]]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The response: a status or a problem, and the beginning of the body, safe to store and show."""

    status: int | None
    problem: str | None
    text: str
    milliseconds: int

    @property
    def is_good(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


async def resolve(host: str, port: int) -> list[Address]:
    """Every address of a name, from the system's resolver."""
    loop = asyncio.get_running_loop()
    result = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [ip_address(str(entry[4][0]).partition("%")[0]) for entry in result]


class WebhookClient:
    """The process's one client for receivers. They are strangers to each other, so no connection is used twice."""

    def __init__(self, runtime: Runtime | None = None, *, trust: ssl.SSLContext | None = None) -> None:
        self._http = http_client(
            trust_env=False,
            verify=trust,
            timeout=httpx2.Timeout(TOTAL_SECONDS, connect=CONNECT_SECONDS),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=0),
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, loopback: bool, resolver: Resolve = resolve
    ) -> Answer:
        """Make one attempt, within 15 seconds. Never raises; a failure is the answer's `problem`."""
        refuse_open_transaction()
        started = time.monotonic()
        status: int | None = None
        text = ""
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                target = addresses.parse(url, loopback=loopback)
                address = await _checked(target, loopback, resolver)
                status, text = await self._call(target, address, body, headers)
                problem = "the receiver redirects, and redirects are not followed" if 300 <= status < 400 else None
        except Exception as error:  # any failure of the receiver
            problem = _problem_of(error)
        spent = round((time.monotonic() - started) * 1_000)
        return Answer(status=status, problem=problem, text=text, milliseconds=spent)

    async def _call(self, target: Target, address: Address, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        host = f"[{address}]" if address.version == 6 else str(address)
        sent = {
            "host": target.authority,
            "user-agent": USER_AGENT,
            "content-type": "application/json",
            "accept-encoding": "identity",
            "connection": "close",
            **headers,
        }
        async with self._http.stream(
            "POST",
            f"{target.scheme}://{host}:{target.port}{target.path}",
            content=body,
            headers=sent,
            extensions={"sni_hostname": target.host},
        ) as answer:
            return answer.status_code, await _beginning(answer)


async def _checked(target: Target, loopback: bool, resolver: Resolve) -> Address:
    if target.literal is not None:
        items = [target.literal]
    else:
        async with asyncio.timeout(CONNECT_SECONDS):
            items = await resolver(target.host, target.port)
    return addresses.check(items, loopback=loopback)[0]


async def _beginning(answer: httpx2.Response) -> str:
    """The first bytes as received; nothing is decompressed, so nothing can expand."""
    kept = bytearray()
    async for chunk in answer.aiter_raw(1_024):
        kept += chunk
        if len(kept) >= MAX_ANSWER:
            break
    return sanitised(bytes(kept[:MAX_ANSWER]))


def sanitised(raw: bytes) -> str:
    """Printable text: control characters and invalid bytes are replaced."""
    text = raw.decode("utf-8", "replace")
    return "".join(sign if sign.isprintable() or sign in "\n\t" else "\ufffd" for sign in text)


def _problem_of(error: Exception) -> str:
    if isinstance(error, Refused):
        return str(error)
    if isinstance(error, socket.gaierror):
        return "the name could not be resolved"
    if isinstance(error, httpx2.ConnectTimeout):
        return "no connection within 5 seconds"
    if isinstance(error, TimeoutError | httpx2.TimeoutException):
        return "no complete answer within 15 seconds"
    if isinstance(error, httpx2.ConnectError):
        return "the certificate is not valid for this name" if "CERTIFICATE" in str(error).upper() else "no connection"
    return f"the connection broke ({type(error).__name__})"
