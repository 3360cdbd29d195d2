"""What the processes really write, while secrets are sent to them by every way in: none of them is there.

The web process, the worker and the provisioner are those of a whole portal, their standard output and error the files
that an operator reads.
"""

import asyncio
import json
from urllib.parse import urlsplit

import httpx2
import pytest
import websockets
from saq.queue.redis import RedisQueue
from temporalio.client import Client

from tests.faults.stack import Stack, until
from workers.saq import queue_client

PLANT = "c4naryQ7x9"
JWT = f"eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.{PLANT}"
MAIL = f"{PLANT}@acme.example"
RAW = (
    f"GET /{PLANT} HTTP/1.1\r\nhost: x\r\ncookie: session={PLANT}\r\nbad header {PLANT}\r\n\r\n",
    f"\x16{PLANT}\r\n\r\n",
    f"GET /?token={PLANT} HTTP/1.1\r\nhost: x\r\nx-{PLANT}: {PLANT * 9000}\r\n\r\n",
    f"POST /api/v1/ssh-keys HTTP/1.1\r\nhost: localhost\r\ncontent-length: 999\r\n\r\n{PLANT}",
)


async def _by_http(url: str) -> None:
    async with httpx2.AsyncClient(base_url=url, timeout=10, follow_redirects=False) as client:
        headers = {"authorization": f"Bearer {JWT}", "cookie": f"x={PLANT}; berth-session={PLANT}", "x-other": PLANT}
        headers |= {"sec-fetch-site": "same-origin", "x-csrftoken": PLANT, "x-idempotency-key": PLANT}
        for path in (f"/login?token={PLANT}&email={MAIL}", f"/{PLANT}/x", f"/api/v1/allocations/{PLANT}", "/api/v1/me"):
            await client.get(path)
            await client.get(path, headers=headers)
        for body in (f'{{"token": "{PLANT}"}}', f'{{"secret": "{PLANT}', "\xff" + PLANT):
            for path in ("/api/v1/ssh-keys", "/webhooks/stripe", "/oauth/token", "/login"):
                kind = {"content-type": "application/json"}
                await client.post(path, content=body.encode("latin-1"), headers=headers | kind)
        await client.post(
            "/oauth/token", data={"grant_type": "refresh_token", "client_id": "x", "refresh_token": PLANT}
        )


async def _by_sockets(url: str) -> None:
    place = urlsplit(url)
    headers = {"cookie": f"berth-session={PLANT}", "authorization": f"Bearer {JWT}"}
    for path in (f"/live?token={PLANT}&email={MAIL}", f"/terminal?token={PLANT}", f"/{PLANT}"):
        try:
            address = f"ws://{place.netloc}{path}"
            async with websockets.connect(
                address, additional_headers=headers, subprotocols=[f"token.{PLANT}"]
            ) as socket:
                await socket.send(PLANT * 1000)
                await asyncio.wait_for(socket.recv(), 5)
        except (websockets.WebSocketException, TimeoutError, OSError):
            continue
    for raw in RAW:
        _, writer = await asyncio.open_connection("127.0.0.1", place.port)
        writer.write(raw.encode("latin-1"))
        await writer.drain()
        writer.close()


async def _by_queues(stack: Stack) -> None:
    services = stack.status()["services"]
    client = queue_client(services["valkey"]["url"])
    try:
        queue = RedisQueue(client, name="maintenance")
        for name in ("no.such.job", "shared.housekeeping"):
            await queue.enqueue(name, arguments={"token": PLANT, "mail": MAIL}, correlation_id="canary-0001")
    finally:
        await client.aclose()
    temporal = await Client.connect(services["temporal"]["url"])
    for workflow in ("NoSuchWorkflow", "LaunchAllocation"):
        await temporal.start_workflow(
            workflow, {"token": PLANT, "mail": MAIL}, id=f"canary-{workflow}", task_queue="berth"
        )


@pytest.mark.slow
async def test_no_secret_that_comes_in_by_any_way_goes_out_into_what_a_process_writes(stack: Stack) -> None:
    before = {part: len((stack.home / "logs" / f"{part}.log").read_text()) for part in ("web", "worker", "provisioner")}
    await _by_http(stack.url)
    await _by_sockets(stack.url)
    await _by_queues(stack)

    async def noticed() -> bool:
        return all(len((stack.home / "logs" / f"{part}.log").read_text()) > size for part, size in before.items())

    await until(noticed, 30, "each process says something of what it was given")
    for part in before:
        lines = (stack.home / "logs" / f"{part}.log").read_text().splitlines()
        assert lines
        for line in lines:
            assert PLANT not in line, (part, line[:500])
            assert "level" in json.loads(line), (part, line[:500])
