"""E5: what a live page costs: to open, to hear, to be idle; fan-out beside `websockets.broadcast`.

The server is this process, so its CPU and memory are its own; the clients are a child. CPU counts, not time: both share
the machine. Run with `python -m bench.live`.
"""

import asyncio
import gc
import json
import resource
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec
import uvicorn
import uvloop

from app.cli.server.serve import configured
from app.domains.notification.rules import channel
from app.domains.notification.service.hub import LiveHub
from app.shared.context import Runtime
from bench.stack import Stack, stack
from devstack.home import ROOT

IDLE, MANY = 500, 5_000
MESSAGES = 100
MESSAGE = msgspec.json.encode(
    {"topics": ["allocation:0198c0de-0000-7000-8000-000000000001", "allocations", "capacity"]}
)


def resident() -> int:
    """Bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


class Clients:
    """A child process with so many open sockets."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(self, **command: object) -> dict[str, float]:
        """Send a command, and wait for its answer."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        return json.loads(await self._process.stdout.readline())


@asynccontextmanager
async def clients() -> AsyncIterator[Clients]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.live", "clients", cwd=ROOT, stdin=pipe, stdout=pipe
    )
    try:
        yield Clients(process)
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def serving(made: Stack) -> AsyncIterator[str]:
    """The portal on a port of its own, as `berth web` serves it; yields its origin."""
    runtime: Runtime = made.runtime
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(8192)
        url = f"http://localhost:{listening.getsockname()[1]}"
        web = msgspec.structs.replace(runtime.settings.web, public_url=url)
        runtime.settings = msgspec.structs.replace(runtime.settings, web=web)
        from app.asgi import create_app

        server = uvicorn.Server(configured(create_app(runtime), runtime.settings, lifespan="off"))
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        task = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.01)
        yield url
        server.should_exit = True
        await task


@asynccontextmanager
async def peer() -> AsyncIterator[tuple[str, set]]:
    """`websockets` alone; yields its origin and the set of its connections."""
    from websockets.asyncio.server import serve

    opened: set = set()

    async def handle(connection) -> None:
        opened.add(connection)
        await connection.wait_closed()
        opened.discard(connection)

    async with serve(handle, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        yield f"http://localhost:{server.sockets[0].getsockname()[1]}", opened


async def measure() -> dict[str, float]:
    """Each figure by its name."""
    from websockets.asyncio.server import broadcast

    found: dict[str, float] = {}
    async with stack(machines=1) as made, serving(made) as url:
        ada = made.people["ada"]
        cookie = "; ".join(f"{one.name}={one.value}" for one in ada.client.cookies.jar)
        hub, name = made.runtime.part(LiveHub), channel(ada.actor.tenant_id)

        async with clients() as many:
            nobody = found["idle without any, % of a core"] = await idle(8)
            await many.ask(open=50, url=url, cookie=cookie)  # warm
            gc.collect()
            memory, spent = resident(), time.process_time()
            await many.ask(open=IDLE, url=url, cookie=cookie)
            found["open, CPU-ms"] = (time.process_time() - spent) / IDLE * 1000
            gc.collect()
            found["memory, kB each"] = (resident() - memory) / IDLE / 1000
            found["idle 550, % of a core"] = await idle(20) - nobody
            ours, theirs = [], []
            async with peer() as (peer_url, opened), clients() as others:
                await others.ask(open=550, url=peer_url, cookie="")
                for _ in range(3):
                    ours.append(await fan_out(many, lambda: hub._fan_out(name, MESSAGE)))
                    theirs.append(await fan_out(others, lambda: broadcast(opened, MESSAGE.decode())))
            found["fan-out, CPU-us a message"], found["websockets.broadcast"] = sorted(ours)[1], sorted(theirs)[1]
            found["ratio of rates"] = found["websockets.broadcast"] / found["fan-out, CPU-us a message"]
        async with clients() as many:
            await many.ask(open=MANY, url=url, cookie=cookie)
            began = time.time()
            hub._fan_out(name, MESSAGE)
            last = (await many.ask(heard=1))["last"]
            found["last of 5,000 clients, ms"] = (last - began) * 1000
    return found


async def idle(seconds: float) -> float:
    """Percent of a core that this process takes."""
    await asyncio.sleep(3)  # until what came before is done
    spent, began = time.process_time(), time.perf_counter()
    await asyncio.sleep(seconds)
    return (time.process_time() - spent) / (time.perf_counter() - began) * 100


async def fan_out(many: Clients, send) -> float:
    """CPU microseconds of this process for one message to one client."""
    await many.ask(forget=1)
    spent = time.process_time()
    for _ in range(MESSAGES):
        send()
        await asyncio.sleep(0)
    taken = time.process_time() - spent
    await many.ask(heard=MESSAGES)
    return taken / MESSAGES / 550 * 1e6


# -- the child ---------------------------------------------------------------------------------------------------------


class Client(asyncio.Protocol):
    """Reads all, counts messages by their length."""

    opened = 0
    heard = 0
    last = 0.0

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if self._head:
            self._head = False
            if not data.startswith(b"HTTP/1.1 101"):
                raise SystemExit(data[:300])
            Client.opened += 1
            data = data.partition(b"\r\n\r\n")[2]
        if data == b"\x89\x00":
            self._transport.write(b"\x8a\x80\x00\x00\x00\x00")
            return
        Client.heard += data.count(b'{"topics"')
        Client.last = time.time()


async def _clients() -> None:
    loop = asyncio.get_running_loop()
    held: list[asyncio.Transport] = []
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command = json.loads(line)
        if count := command.get("open"):
            host = command["url"].removeprefix("http://")
            request = (
                f"GET /live HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Key: {'A' * 22}==\r\nSec-WebSocket-Version: 13\r\nOrigin: {command['url']}\r\n"
                f"Cookie: {command['cookie']}\r\n\r\n"
            ).encode()
            wanted = Client.opened + count
            for number in range(count):
                made = await loop.create_connection(partial(Client, request), "127.0.0.1", int(host.split(":")[1]))
                held.append(made[0])
                while Client.opened < wanted - count + number - 20:  # noqa: ASYNC110 - a few at a time
                    await asyncio.sleep(0.001)
            while Client.opened < wanted:  # noqa: ASYNC110 - protocols count
                await asyncio.sleep(0.005)
        if "forget" in command:
            Client.heard = 0
        if each := command.get("heard"):
            while Client.heard < each * Client.opened:  # noqa: ASYNC110 - protocols count
                await asyncio.sleep(0.002)
        print(json.dumps({"last": Client.last}), flush=True)


if __name__ == "__main__":
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if sys.argv[1:] == ["clients"]:
        uvloop.run(_clients())
    else:
        print(json.dumps(uvloop.run(measure()), indent=1))
