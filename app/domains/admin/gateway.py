"""Asks our dependencies whether they answer, and in development the simulators which faults are on.

Each question has two seconds. HTTP services are asked for a page (any answer below 500 will do: it is there), NATS and
SMTP for their greeting, Temporal for an open port. It knows no secret and sends none.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import httpx2
import msgspec

from app.domains.admin.contracts.operations import Dependency, Fault
from app.domains.admin.rules.faults import given_of
from app.settings import Settings
from app.shared.context import Runtime
from app.shared.db import refuse_open_transaction
from app.shared.records import UNREADABLE

SECONDS = 2.0
TIMEOUT = httpx2.Timeout(SECONDS)
Question = Callable[[], Awaitable[str]]


async def look(runtime: Runtime) -> tuple[Dependency, ...]:
    """Every dependency, asked at the same time."""
    refuse_open_transaction()
    questions = _questions(runtime)
    return tuple(await asyncio.gather(*(_ask(name, question) for name, question in questions.items())))


def _questions(runtime: Runtime) -> dict[str, Question]:
    settings = runtime.settings
    nats, temporal = urlsplit(settings.nats_url), settings.temporal.address
    found: dict[str, Question] = {
        "PostgreSQL": lambda: _said(runtime.database.ping(), "answers"),
        "Valkey": lambda: _said(_ping(runtime), "answers"),
        "NATS": lambda: _greeting(nats.hostname or "", nats.port or 4222),
        "Temporal": lambda: _opens(temporal),
        "S3": lambda: _page(settings.s3.url),
        "MAAS": lambda: _page(f"{settings.maas.url}/api/2.0/version/"),
        "Stripe": lambda: _page(settings.stripe.api_url or "https://api.stripe.com"),
        "Identity provider": lambda: _page(
            f"{settings.oidc.issuer.removesuffix('/')}/.well-known/openid-configuration"
        ),
    }
    mail = settings.mail
    if mail is not None:
        found["Mail"] = lambda: _opens(f"{mail.host}:{mail.port}")
    return found


async def _ask(name: str, question: Question) -> Dependency:
    started = time.monotonic()
    try:
        async with asyncio.timeout(SECONDS):
            detail, ok = await question(), True
    except TimeoutError:
        detail, ok = f"no answer within {SECONDS:.0f} s", False
    except Exception as error:  # whatever it is: it does not answer
        detail, ok = type(error).__name__, False
    return Dependency(name=name, ok=ok, milliseconds=int((time.monotonic() - started) * 1000), detail=detail)


async def _said(asking: Awaitable[object], word: str) -> str:
    await asking
    return word


async def _ping(runtime: Runtime) -> None:
    await runtime.valkey.ping()


async def _page(url: str) -> str:
    async with httpx2.AsyncClient(timeout=TIMEOUT, follow_redirects=False) as client:
        answer = await client.get(url)
    if answer.status_code >= 500:
        raise ConnectionError(f"status {answer.status_code}")
    return f"answers {answer.status_code}"


async def _greeting(host: str, port: int) -> str:
    async with _connected(host, port) as reader:
        line = await reader.readline()
    if not line:
        raise ConnectionError("closed without a word")
    return "greets"


async def _opens(address: str) -> str:
    host, _, port = address.rpartition(":")
    async with _connected(host, int(port)):
        return "takes connections"


@asynccontextmanager
async def _connected(host: str, port: int) -> AsyncIterator[asyncio.StreamReader]:
    """A connection that is closed at the end, and seen to be closed."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        yield reader
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def simulators(settings: Settings) -> dict[str, str]:
    """Where faults can be switched on: the simulators of a development stack; nothing anywhere else."""
    if not settings.development or not settings.stripe.api_url:
        return {}
    found = {"maas": settings.maas.url, "stripe": settings.stripe.api_url, "oidc": settings.oidc.issuer}
    return {name: f"{urlsplit(url).scheme}://{urlsplit(url).netloc}/_faults" for name, url in found.items()}


async def list_faults(settings: Settings) -> tuple[Fault, ...]:
    """The faults that are on; a simulator that does not answer has none."""
    refuse_open_transaction()
    found: list[Fault] = []
    async with httpx2.AsyncClient(timeout=TIMEOUT) as client:
        for name, url in simulators(settings).items():
            try:
                active = msgspec.json.decode((await client.get(url)).content, type=dict[str, dict[str, object]])
            except (httpx2.HTTPError, *UNREADABLE):
                continue
            for fault, spec in active.get("faults", {}).items():
                found.append(Fault(simulator=name, name=fault, given=given_of(spec)))
    return tuple(found)


async def set_fault(settings: Settings, simulator: str, name: str, spec: dict[str, object] | None) -> bool:
    """Switch a fault on, or off without a spec. False when there is no such simulator or it refused."""
    refuse_open_transaction()
    url = simulators(settings).get(simulator)
    if url is None:
        return False
    async with httpx2.AsyncClient(timeout=TIMEOUT) as client:
        if spec is None:
            answer = await client.delete(f"{url}/{name}")
        else:
            answer = await client.put(f"{url}/{name}", content=msgspec.json.encode(spec))
    return answer.status_code < 300
