"""The product in this process on throw-away services, with a customer who has fifty machines.

A request is sent straight to the application, without a socket: its CPU is that of this process and of nothing else.
"""

import io
import logging
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import text

from app.asgi import create_app, wire
from app.domains.appruntime.service.manifests import publish_built_in
from app.domains.billing.jobs import run_tick
from app.shared.authz.actor import SYSTEM
from app.shared.clock import DatabaseClock
from app.shared.context import Runtime
from app.shared.db import Database
from app.shared.rdb import connect
from app.shared.telemetry.logs import configure_logs
from app.web.templating import create_environment
from devstack import assets
from devstack.keys import ensure_authorities
from devstack.services.valkey import throwaway_valkey
from tests.domains.inventory.stock import node_ids, plant, see
from tests.domains.provisioning.hall import machine
from tests.domains.provisioning.test_pages import give_credit
from tests.fixtures.app import ORIGIN, Browser, open_session, settings_for
from tests.fixtures.clock import FakeClock
from tests.fixtures.postgres import DatabaseUrls, copied_cluster

MACHINES, NODES, POOL = 50, 20, 20
USD = 1_000_000
POLICY = text("""
    INSERT INTO shared.policy_values (id, key, value) VALUES (uuidv7(), :key, CAST(:value AS jsonb))
""")


class Answer(NamedTuple):
    """Status, headers, content and the CPU seconds of this process that it took."""

    status: int
    headers: dict[str, str]
    content: bytes
    cpu: float


@dataclass
class Stack:
    """One process of the product, its people and addresses of its services."""

    runtime: Runtime
    app: Any
    urls: DatabaseUrls
    people: dict[str, Browser]

    async def get(self, path: str, who: str = "ada", **headers: str) -> Answer:
        """GET as that person."""
        person = self.people[who]
        cookie = "; ".join(f"{cookie.name}={cookie.value}" for cookie in person.client.cookies.jar)
        return await request(self.app, "GET", path, {"cookie": cookie, **headers})


async def request(app: Any, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> Answer:
    """One request to an ASGI application."""
    route, _, query = path.partition("?")
    host = ORIGIN.partition("//")[2]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": route, "raw_path": route.encode(), "query_string": query.encode(), "root_path": "",
        "headers": [(b"host", host.encode()), *((name.encode(), value.encode()) for name, value in headers.items())],
        "server": ("127.0.0.1", 8000), "client": ("127.0.0.1", 50_000), "state": {}, "extensions": {},
    }  # fmt: skip
    messages: list[Any] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    began = time.process_time()
    await app(scope, receive, send)
    spent = time.process_time() - began
    start = next(message for message in messages if message["type"] == "http.response.start")
    content = b"".join(message.get("body", b"") for message in messages[1:])
    names = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], names, content, spent)


@asynccontextmanager
async def stack(*, machines: int = MACHINES) -> AsyncIterator[Stack]:
    """Started, furnished, and deleted at the end."""
    assets.write()
    async with AsyncExitStack() as closing:
        plain = closing.enter_context(ExitStack())
        folder = Path(plain.enter_context(TemporaryDirectory(prefix="berth-bench-")))
        quiet_logs()
        urls = plain.enter_context(plain.enter_context(copied_cluster()).clone("bench"))
        valkey = plain.enter_context(throwaway_valkey())
        settings = settings_for(urls.app, valkey.url, folder / "pki")
        settings.pki_dir.mkdir()
        ensure_authorities(settings.pki_dir)
        pool = msgspec.structs.replace(settings.database, pool_size=POOL)  # nobody waits for a connection here
        runtime = Runtime(settings, Database(pool), connect(settings.valkey_url))
        runtime.templates = create_environment()
        wire(runtime)
        closing.push_async_callback(runtime.close)
        people = {
            name: await open_session(runtime, closing, name, operator=name == "olga") for name in ("ada", "ben", "olga")
        }
        made = Stack(runtime, create_app(runtime), urls, people)
        await furnish(made, machines)
        yield made


class Nowhere(io.TextIOBase):
    """Takes every text and keeps none."""

    def write(self, text: str) -> int:
        return len(text)


def quiet_logs() -> None:
    """Log lines are made as in production and written nowhere."""
    configure_logs("web")
    [handler] = logging.getLogger().handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(Nowhere())


async def allow(made: Stack, **values: int) -> None:
    """These policies for everybody, by the part of their names behind `provisioning.`."""
    async with made.runtime.context(SYSTEM) as ctx:
        for name, value in values.items():
            key = f"provisioning.{name}"
            await ctx.session.execute(POLICY, {"key": key, "value": str(value)})


async def furnish(made: Stack, machines: int) -> None:
    """Types with prices, twenty nodes, credit, machines with an hour of usage."""
    runtime, ada = made.runtime, made.people["ada"]
    now = datetime.now(UTC)
    runtime.clock = FakeClock(now - timedelta(days=1))
    await plant(runtime)
    runtime.clock = DatabaseClock()
    await see(runtime, ["h100x8"] * NODES)
    async with runtime.context(SYSTEM) as ctx:
        await publish_built_in(ctx)
    await give_credit(runtime, ada, 100_000 * USD)
    nodes = await node_ids(runtime)
    runtime.clock = FakeClock(now - timedelta(hours=1))
    for number in range(machines):
        slots, node = (number % 5,), nodes[number // 5]
        await machine(runtime, ada, node, slots=slots, sku="h100x8", name=f"train-{number:03}", metered=True)
    runtime.clock = DatabaseClock()
    await run_tick(runtime, {})
