"""The one way out of an app's network: to the registries that it is installed from, by `CONNECT`, and to nothing else.

An app has the network namespace of a session, which reaches nothing. This listens inside of it on 127.0.0.1 and is
served from here: the socket is made in that namespace and stays there, whoever accepts.
"""

import asyncio
import contextlib
import ctypes
import ensurepip
import functools
import os
import re
import socket
import threading
import time
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

PORT = 3128
PROXY = f"http://127.0.0.1:{PORT}"
_INDEXES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX")
_DEFAULT_INDEX = re.compile(r'PyPI = PackageIndex\(\s*"https://([\w.-]+)/",\s*file_storage_domain="([\w.-]+)"')
_CLONE_NEWNET = 0x40000000
_REQUEST = re.compile(rb"CONNECT ([A-Za-z0-9.-]{1,253}):443 HTTP/1\.[01]\r\n")
_CHUNK = 64 * 1024
_CONNECT_SECONDS = 15.0


def registries() -> frozenset[str]:
    """The hosts that packages come from here: those that pip asks by itself, and those that this computer names."""
    named = [urlsplit(word).hostname for name in _INDEXES for word in os.environ.get(name, "").split()]
    return _defaults() | {host for host in named if host and "." in host and not host.replace(".", "").isdigit()}


@functools.cache
def _defaults() -> frozenset[str]:
    """As the pip says that comes with Python; empty where Python comes without."""
    bundled = sorted((Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"))
    if not bundled:
        return frozenset()
    with zipfile.ZipFile(bundled[-1]) as wheel:
        found = _DEFAULT_INDEX.search(wheel.read("pip/_internal/models/index.py").decode())
    return frozenset(found.groups() if found else ())


def environment() -> dict[str, str]:
    """What tells pip and others of the way out."""
    names = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")
    return {**dict.fromkeys(names, PROXY), "NO_PROXY": "localhost,127.0.0.1,::1", "no_proxy": "localhost,127.0.0.1,::1"}


def listen_in(pid: int, seconds: float = 5.0) -> socket.socket:
    """A socket that listens in the network namespace of a process of ours, when it has its own. Raises OSError."""
    deadline = time.monotonic() + seconds
    own = os.readlink("/proc/self/ns/net")
    while os.readlink(f"/proc/{pid}/ns/net") == own:
        if time.monotonic() > deadline:
            raise TimeoutError("the process has no network of its own")
        time.sleep(0.002)
    made: list[socket.socket | OSError] = []
    thread = threading.Thread(target=lambda: made.append(_listen(pid)))  # a namespace belongs to a thread; it ends here
    thread.start()
    thread.join()
    if not isinstance(made[0], socket.socket):
        raise made[0]
    return made[0]


def _listen(pid: int) -> socket.socket | OSError:
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        with Path(f"/proc/{pid}/ns/net").open("rb") as namespace:
            if libc.setns(namespace.fileno(), _CLONE_NEWNET):
                return OSError(ctypes.get_errno(), "setns")
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", PORT))
        sock.listen(32)
        sock.setblocking(False)
    except OSError as error:
        return error
    return sock


async def serve(sock: socket.socket, allowed: frozenset[str]) -> asyncio.Server:
    """Answer on that socket until the server is closed."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            await _pass(reader, writer, allowed)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    return await asyncio.start_server(talk, sock=sock)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, allowed: frozenset[str]) -> None:
    async with asyncio.timeout(_CONNECT_SECONDS):
        asked = _REQUEST.match(await reader.readuntil(b"\r\n\r\n"))
        host = asked[1].decode().lower() if asked else ""
        if host not in allowed:
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        upstream, downstream = await _connect(host)
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_pump(reader, downstream))
            group.create_task(_pump(upstream, writer))
    except* OSError:
        pass
    finally:
        downstream.close()
        await downstream.wait_closed()


async def _connect(host: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """To a registry, through this computer's own proxy where it has one."""
    proxy = urlsplit(os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy") or "")
    if not proxy.hostname:
        return await asyncio.open_connection(host, 443)
    reader, writer = await asyncio.open_connection(proxy.hostname, proxy.port or 80)
    writer.write(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n".encode())
    if b" 200" not in (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")[0]:
        writer.close()
        raise ConnectionRefusedError("this computer's proxy refused")
    return reader, writer


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(_CHUNK):
        target.write(data)
        await target.drain()
    if target.can_write_eof():
        target.write_eof()
