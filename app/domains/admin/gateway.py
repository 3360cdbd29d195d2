"""Health checks of dependencies, and in development the faults of the simulators.

Each check has two seconds. An HTTP service must respond with a status below 500, NATS must send its greeting, Temporal
and SMTP must accept a connection. No secret is sent.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import httpx2
import msgspec

from app.domains.admin.rules.faults import given_text
from app.domains.admin.rules.values import Dependency, Fault
from app.settings import Settings
from app.shared.context import Runtime
from app.shared.db import refuse_open_transaction
from app.shared.http_client import http_client
from app.shared.records import UNREADABLE

SECONDS = 2.0
TIMEOUT = httpx2.Timeout(SECONDS)
Probe = Callable[[], Awaitable[str]]


async def check(runtime: Runtime) -> tuple[Dependency, ...]:
    """Check all dependencies at the same time."""
    refuse_open_transaction()
    probes = _probes(runtime)
    return tuple(await asyncio.gather(*(_run(name, probe) for name, probe in probes.items())))


def _probes(runtime: Runtime) -> dict[str, Probe]:
    settings = runtime.settings
    nats, temporal = urlsplit(settings.nats_url), settings.temporal.address
    probes: dict[str, Probe] = {
        "PostgreSQL": lambda: _ping_database(runtime),
        "Valkey": lambda: _ping_valkey(runtime),
        "NATS": lambda: _greeting(nats.hostname or "", nats.port or 4222),
        "Temporal": lambda: _opens(temporal),
        "S3": lambda: _page(runtime, settings.s3.url),
        "MAAS": lambda: _page(runtime, f"{settings.maas.url}/api/2.0/version/"),
        "Stripe": lambda: _page(runtime, settings.stripe.api_url or "https://api.stripe.com"),
        "Identity provider": lambda: _page(
            runtime, f"{settings.oidc.issuer.removesuffix('/')}/.well-known/openid-configuration"
        ),
    }
    mail = settings.mail
    if mail is not None:
        probes["Mail"] = lambda: _opens(f"{mail.host}:{mail.port}")
    return probes


async def _run(name: str, probe: Probe) -> Dependency:
    started = time.monotonic()
    try:
        async with asyncio.timeout(SECONDS):
            detail, ok = await probe(), True
    except TimeoutError:
        detail, ok = f"no answer within {SECONDS:.0f} s", False
    except Exception as error:  # any failure means that it does not answer
        detail, ok = type(error).__name__, False
    return Dependency(name=name, ok=ok, milliseconds=int((time.monotonic() - started) * 1000), detail=detail)


async def _ping_database(runtime: Runtime) -> str:
    await runtime.database.ping()
    return "answers"


async def _ping_valkey(runtime: Runtime) -> str:
    await runtime.valkey.ping()
    return "answers"


class Visitor:
    """The process's one client for looking at dependencies and simulators."""

    def __init__(self, runtime: Runtime) -> None:
        self.http = http_client(timeout=TIMEOUT)

    async def aclose(self) -> None:
        await self.http.aclose()


async def _page(runtime: Runtime, url: str) -> str:
    answer = await runtime.part(Visitor).http.get(url)
    if answer.status_code >= 500:
        raise ConnectionError(f"status {answer.status_code}")
    return f"answers {answer.status_code}"


async def _greeting(host: str, port: int) -> str:
    async with _connected(host, port) as reader:
        line = await reader.readline()
    if not line:
        raise ConnectionError("closed without a greeting")
    return "greets"


async def _opens(address: str) -> str:
    host, _, port = address.rpartition(":")
    async with _connected(host, int(port)):
        return "takes connections"


@asynccontextmanager
async def _connected(host: str, port: int) -> AsyncIterator[asyncio.StreamReader]:
    """A connection that is closed at the end."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        yield reader
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def simulators(settings: Settings) -> dict[str, str]:
    """URLs of the faults of the simulators, in a development stack; empty in any other."""
    if not settings.development or not settings.stripe.api_url:
        return {}
    urls = {"maas": settings.maas.url, "stripe": settings.stripe.api_url, "oidc": settings.oidc.issuer}
    return {name: f"{urlsplit(url).scheme}://{urlsplit(url).netloc}/_faults" for name, url in urls.items()}


async def list_faults(runtime: Runtime) -> tuple[Fault, ...]:
    """The faults that are on. A simulator that does not answer is skipped."""
    refuse_open_transaction()
    items: list[Fault] = []
    client = runtime.part(Visitor).http
    for name, url in simulators(runtime.settings).items():
        try:
            active = msgspec.json.decode((await client.get(url)).content, type=dict[str, dict[str, object]])
        except (httpx2.HTTPError, *UNREADABLE):
            continue
        for fault, spec in active.get("faults", {}).items():
            items.append(Fault(simulator=name, name=fault, given=given_text(spec)))
    return tuple(items)


async def set_fault(runtime: Runtime, simulator: str, name: str, spec: dict[str, object] | None) -> bool:
    """Switch a fault on, or off when `spec` is None. False when the simulator is unknown or refused."""
    refuse_open_transaction()
    url = simulators(runtime.settings).get(simulator)
    if url is None:
        return False
    client = runtime.part(Visitor).http
    if spec is None:
        answer = await client.delete(f"{url}/{name}")
    else:
        answer = await client.put(f"{url}/{name}", content=msgspec.json.encode(spec))
    return answer.status_code < 300
