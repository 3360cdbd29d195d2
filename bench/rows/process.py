"""F5, idle, E4, E5: memory and idle CPU of a web process, and the weight of a customer's first page as it leaves it."""

import asyncio
import os
import re
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import connect

from bench.figure import Figure
from bench.stack import ORIGIN, Stack, stack
from devstack.home import ROOT
from devstack.services import ports
from tests.fixtures.app import environment_for

IDLE_SECONDS, SOCKETS, WARM = 20, 50, 5
ASSET = re.compile(r'(?:src|href)="(/static/[^"]+\.(css|js|svg|woff2)[^"]*)"')
TICKS = os.sysconf("SC_CLK_TCK")


async def measure() -> list[Figure]:
    async with stack() as made:
        port = ports.claim()[0]
        given = environment_for(made.urls.app, made.runtime.settings.valkey_url, made.runtime.settings.pki_dir) | {
            "BERTH_SECRET_KEY": made.runtime.settings.web.secret_key,
            "BERTH_PORT": str(port),
        }
        web = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "app.cli", "web", cwd=ROOT, env={**os.environ, **given},
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            return await _looked_at(made, web.pid, f"http://127.0.0.1:{port}")
        finally:
            web.send_signal(signal.SIGTERM)
            await web.wait()


async def _looked_at(made: Stack, pid: int, url: str) -> list[Figure]:
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in made.people["ada"].client.cookies.jar)
    headers = {"host": ORIGIN.partition("//")[2], "cookie": cookies, "accept-encoding": "gzip"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as client:
        async with asyncio.timeout(60):
            while not await _up(client):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.1)
        for _ in range(20):
            for path in ("/", "/machines", "/billing", "/api/v1/allocations"):
                assert (await client.get(path)).status_code == 200, path
        page = await _raw(client, "/")
        assets = sorted({match[1] for match in ASSET.finditer((await client.get("/")).text)})
        weights = {asset: len(await _raw(client, asset)) for asset in assets}
        before = _cpu(pid)
        await asyncio.sleep(IDLE_SECONDS)
        idle = (_cpu(pid) - before) / IDLE_SECONDS * 100
    memory = _memory(pid)
    opened, grown, watched = await _sockets(pid, url, headers)
    code = sum(size for asset, size in weights.items() if ".js" in asset or ".css" in asset)
    return [
        Figure(row="F5", what="a web process after 80 requests", ours=memory, unit="MB", target="<= 150 MB",
               limit=150),
        Figure(row="idle", what="an idle web process", ours=idle, unit="% of a core",
               target="<= 1 % with worker, provisioner", limit=1),
        Figure(row="E4", what="HTML of the first page, as sent", ours=len(page) / 1000, unit="kB", target="<= 20 kB",
               limit=20),
        Figure(row="E4", what="JS and CSS of the first page, as sent", ours=code / 1000, unit="kB", target="<= 60 kB",
               limit=60),
        Figure(row="E4", what="requests of the first page", ours=1 + len(assets), unit="", target="<= 8", limit=8),
        Figure(row="E5", what="to open a live socket", ours=opened, unit="CPU-ms", target="<= 1 CPU-ms", limit=1),
        Figure(row="E5", what="memory of a live socket", ours=grown, unit="kB", target="<= 25 kB", limit=25),
        Figure(row="E5", what=f"{SOCKETS} idle live sockets", ours=watched, unit="% of a core",
               target="<= 0.5 % for 500", limit=0.5),
    ]  # fmt: skip


async def _sockets(pid: int, url: str, headers: dict[str, str]) -> tuple[float, float, float]:
    """CPU-ms and kB for each of some sockets of one session, and what they cost while nothing happens."""
    given = {name: value for name, value in headers.items() if name == "cookie"} | {"origin": ORIGIN}
    async with AsyncExitStack() as open_ones:
        for kept in range(-WARM, SOCKETS):
            if kept == 0:
                cpu, memory = _cpu(pid), _memory(pid)
            await open_ones.enter_async_context(_socket(url, given))
        await asyncio.sleep(1)
        opened, grown, before = _cpu(pid) - cpu, _memory(pid) - memory, _cpu(pid)
        await asyncio.sleep(IDLE_SECONDS)
        return opened / SOCKETS * 1000, grown / SOCKETS * 1000, (_cpu(pid) - before) / IDLE_SECONDS * 100


def _socket(url: str, headers: dict[str, str]) -> connect:
    """By the public name, which the process asks for, on the port where it is."""
    place = urlsplit(url)
    named = f"{ORIGIN.replace('http', 'ws', 1)}/live"
    return connect(named, host=place.hostname, port=place.port, additional_headers=headers)


async def _raw(client: httpx.AsyncClient, path: str) -> bytes:
    """The content as it crosses the wire."""
    async with client.stream("GET", path) as answer:
        return b"".join([chunk async for chunk in answer.aiter_raw()])


async def _up(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/healthz")).status_code == 200
    except httpx.HTTPError:
        return False


def _memory(pid: int) -> float:
    """Megabytes that the process holds by itself (its private pages and its share of the others)."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)[1]) / 1000  # type: ignore[index]


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
