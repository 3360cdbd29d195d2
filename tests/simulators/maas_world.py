"""A simulated MAAS on a real socket, people with keys, and a stand-in for the nodes process."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from devstack.simulators.http import (
    Application,
    Message,
    Receive,
    Response,
    Scope,
    Send,
    json_response,
    read_request,
    send_response,
)
from devstack.simulators.maas.app import create_app
from tests.simulators.harness import receiving, running

ADMIN_KEY = "adminConsumer00001:adminToken00000001:adminSecret0000000000000000000001"
OUR_KEY = "berthConsumer00001:berthToken00000001:berthSecret0000000000000000000001"
SAMPLES = Path(__file__).parent / "samples" / "maas"
PATIENCE_S = 5.0


def sample(name: str) -> Any:
    """A recorded answer of a real MAAS."""
    return json.loads((SAMPLES / f"{name}.json").read_text())


def authorization(api_key: str, **changes: str) -> dict[str, str]:
    """An OAuth header; `changes` replace parts of it, an empty value leaves a part out."""
    consumer, token, secret = api_key.split(":")
    parts = {
        "oauth_version": "1.0",
        "oauth_signature_method": "PLAINTEXT",
        "oauth_consumer_key": consumer,
        "oauth_token": token,
        "oauth_signature": f"%26{secret}",
        "oauth_nonce": secrets.token_hex(8),
        "oauth_timestamp": str(int(time.time())),
    } | changes
    return {"Authorization": "OAuth " + ", ".join(f'{k}="{v}"' for k, v in parts.items() if v)}


class Person:
    """Somebody with an API key, signing every request."""

    def __init__(self, client: httpx2.AsyncClient, api_key: str) -> None:
        self.client = client
        self.api_key = api_key

    async def get(self, path: str, **query: Any) -> httpx2.Response:
        return await self.client.get(path, params=query, headers=authorization(self.api_key))

    async def post(self, path: str, op: str | None = None, **form: Any) -> httpx2.Response:
        query = {} if op is None else {"op": op}
        return await self.client.post(path, params=query, data=form, headers=authorization(self.api_key))

    async def put(self, path: str, **form: Any) -> httpx2.Response:
        return await self.client.put(path, data=form, headers=authorization(self.api_key))

    async def machines(self, **query: Any) -> list[dict[str, Any]]:
        answer = await self.get("machines/", **query)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()
        return found

    async def machine(self, hostname: str) -> dict[str, Any]:
        return (await self.machines(hostname=hostname))[0]

    async def until(self, system_id: str, status: str) -> dict[str, Any]:
        """The machine as soon as it shows this status_name; TimeoutError when it never does."""
        seen = ""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                machine: dict[str, Any] = (await self.get(f"machines/{system_id}/")).json()
                if machine["status_name"] == status:
                    return machine
                seen = machine["status_name"]
                await asyncio.sleep(0.01)
        raise AssertionError(f"stayed {seen}")

    async def deployed(self, hostname: str, **form: Any) -> dict[str, Any]:
        """A machine of this name, allocated, deployed and Deployed."""
        allocated = await self.post("machines/", "allocate", name=hostname)
        assert allocated.status_code == 200, allocated.text
        system_id = allocated.json()["system_id"]
        assert (await self.post(f"machines/{system_id}/", "deploy", **form)).status_code == 200
        return await self.until(system_id, "Deployed")


class World:
    """One running region."""

    def __init__(self, client: httpx2.AsyncClient, url: str) -> None:
        self.url = url
        self.client = client
        self.admin = Person(client, ADMIN_KEY)
        self.us = Person(client, OUR_KEY)

    async def fault(self, name: str, **spec: Any) -> None:
        """Switch a fault on."""
        answer = await self.client.put(f"{self.url.removesuffix('/MAAS')}/_faults/{name}", json=spec)
        assert answer.status_code == 200, answer.text

    async def faults(self) -> dict[str, Any]:
        """What is switched on."""
        answer = await self.client.get(f"{self.url.removesuffix('/MAAS')}/_faults")
        active: dict[str, Any] = answer.json()["faults"]
        return active

    async def heal(self) -> None:
        """Switch all faults off."""
        await self.client.delete(f"{self.url.removesuffix('/MAAS')}/_faults")


def configuration(fleet: int = 24, speed: float = 100.0, nodes_url: str = "", ssh_port: int = 2222) -> dict[str, Any]:
    """The part of the configuration file this simulator reads."""
    own = {"port": 0, "admin_api_key": ADMIN_KEY, "api_key": OUR_KEY, "nodes_url": nodes_url, "speed": speed}
    return {"fleet": fleet, "maas": own, "nodes": {"ssh_port": ssh_port}}


@asynccontextmanager
async def region(data_dir: Path, **options: Any) -> AsyncIterator[World]:
    """A region over `data_dir` (which exists), without a socket; opening it twice is a restart."""
    async with living(create_app(configuration(**options), data_dir)) as app:
        transport, url = httpx2.ASGITransport(app=app), "http://maas.test/MAAS"
        async with httpx2.AsyncClient(
            transport=transport, base_url=f"{url}/api/2.0/", trust_env=False, timeout=10
        ) as client:
            yield World(client, url)


@asynccontextmanager
async def served_region(data_dir: Path, **options: Any) -> AsyncIterator[World]:
    """A region on a real loopback socket."""
    async with running("maas", configuration(**options), data_dir) as port:
        url = f"http://127.0.0.1:{port}/MAAS"
        async with httpx2.AsyncClient(base_url=f"{url}/api/2.0/", trust_env=False, timeout=10) as client:
            yield World(client, url)


@asynccontextmanager
async def living(app: Application) -> AsyncIterator[Application]:
    """An application between the start and the end of its lifespan, in the test's own loop."""
    inbox: asyncio.Queue[Message] = asyncio.Queue()
    outbox: asyncio.Queue[Message] = asyncio.Queue()
    task = asyncio.ensure_future(app({"type": "lifespan"}, inbox.get, outbox.put))
    await inbox.put({"type": "lifespan.startup"})
    assert (await outbox.get())["type"] == "lifespan.startup.complete"
    try:
        yield app
    finally:
        await inbox.put({"type": "lifespan.shutdown"})
        await task


class Nodes:
    """Stands in for the nodes process: keeps what it is told, and can be told to be away."""

    def __init__(self) -> None:
        self.held: dict[str, dict[str, Any]] = {}
        self.log: list[tuple[str, str]] = []
        self.away = False
        self._changed = asyncio.Event()

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for a condition on what was told so far."""
        async with asyncio.timeout(PATIENCE_S):
            while not true():
                self._changed.clear()
                await self._changed.wait()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await read_request(scope, receive)
        assert request is not None
        if self.away:
            self.log.append(("REFUSED", request.path))
            response = Response(503)
        else:
            response = self._answer(request.method, request.segments, request.body)
        self._changed.set()
        await send_response(send, response)

    def _answer(self, method: str, segments: list[str], body: bytes) -> Response:
        if method == "GET":
            self.log.append(("GET", ""))
            return json_response({"machines": [{"system_id": key} for key in self.held]})
        self.log.append((method, segments[1]))
        if method == "PUT":
            self.held[segments[1]] = json.loads(body)
        else:
            self.held.pop(segments[1], None)
        return json_response({})


@asynccontextmanager
async def nodes_process() -> AsyncIterator[tuple[Nodes, str]]:
    """The stand-in on a socket, with its URL."""
    nodes = Nodes()
    async with receiving(nodes) as port:
        yield nodes, f"http://127.0.0.1:{port}"
