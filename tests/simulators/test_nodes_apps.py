"""Apps on a simulated machine: they outlive sessions, end with their login, and only it reaches their sockets."""

import asyncio
import json
import os
import socket
from collections.abc import Iterator

import asyncssh
import pytest

from devstack.simulators.nodes import packages
from devstack.simulators.nodes.testing import SYSTEM_ID, Bench

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")

APP = "0123456789ab"
RUNNER = """
import os, socket, time
where = os.path.expanduser('~/.berth/apps/0123456789ab')
door = socket.socket(socket.AF_UNIX); door.bind(where + '/sock'); door.listen()
while True:
    came, _ = door.accept(); came.sendall(b'hello from ' + os.environ['USER'].encode()); came.close()
"""


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench(tmp_path_factory.mktemp("nodes"))
    bench.start()
    try:
        yield bench
    finally:
        bench.stop()


@pytest.fixture
def bench(process: Bench) -> Iterator[Bench]:
    process.put()
    yield process
    process.http("DELETE", f"/machines/{SYSTEM_ID}")


async def connect(bench: Bench, login: str, *, forwards: bool = True) -> asyncssh.SSHClientConnection:
    key = asyncssh.generate_private_key("ssh-ed25519")
    certificate = bench.user_ca.generate_user_certificate(
        key, "test", principals=[f"alloc:a1:{login}"], valid_after="-1m", valid_before="+5m",
        permit_port_forwarding=forwards, permit_pty=False,
    )  # fmt: skip
    return await bench.connect(login, [(key, certificate)])


async def start(bench: Bench, connection: asyncssh.SSHClientConnection, runner: str = RUNNER) -> str:
    """Start the app; the path of its socket."""
    await connection.run(f"mkdir -p ~/.berth/apps/{APP} && cat > ~/.berth/berth-app", input=runner, check=True)
    home = str((await connection.run('printf %s "$HOME"', check=True)).stdout)
    assert (await bench.node_command(f"app-start --login ada --app {APP}"))[0] == 0
    path = f"{home}/.berth/apps/{APP}/sock"
    async with asyncio.timeout(10):
        while (await connection.run(f"test -S {path}")).exit_status:  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.05)
    return path


async def say(connection: asyncssh.SSHClientConnection, path: str) -> bytes:
    reader, writer = await connection.open_unix_connection(path, encoding=None)
    try:
        return await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()


async def test_an_app_outlives_its_session_and_is_reached_by_its_own_login(bench: Bench) -> None:
    async with await connect(bench, "ada") as first:
        path = await start(bench, first)
    async with await connect(bench, "ada") as ada, await connect(bench, "ben") as ben:
        assert await say(ada, path) == b"hello from ada"
        with pytest.raises(asyncssh.ChannelOpenError):
            await say(ben, path)
        for elsewhere in ("/run/docker.sock", f"{path}/../../../../../../../../tmp/x", path + "x", "relative"):
            with pytest.raises(asyncssh.ChannelOpenError):
                await say(ada, elsewhere)


async def test_a_certificate_without_forwarding_reaches_no_socket(bench: Bench) -> None:
    async with await connect(bench, "ada") as first:
        path = await start(bench, first)
    async with await connect(bench, "ada", forwards=False) as shell:
        with pytest.raises(asyncssh.ChannelOpenError):
            await say(shell, path)


async def test_stop_ends_it_and_so_does_the_end_of_access(bench: Bench) -> None:
    async with await connect(bench, "ada") as ada:
        path = await start(bench, ada)
        assert (await bench.node_command(f"app-stop --login ada --app {APP}"))[0] == 0
        with pytest.raises(asyncssh.ChannelOpenError):
            await say(ada, path)
        assert (await bench.node_command(f"app-start --login ada --app {APP}"))[0] == 0
    assert (await bench.node_command("revoke --login ada"))[0] == 0
    assert (await bench.node_command(f"app-start --login ada --app {APP}"))[0] == 1


PROBE = """
import json, os, socket, urllib.request
where = os.path.expanduser('~/.berth/apps/0123456789ab')
def reaches(port):
    try:
        socket.create_connection(('127.0.0.1', port), 2).close()
        return True
    except OSError:
        return False
def asks(line):
    way = socket.create_connection(('127.0.0.1', 3128), 5)
    way.sendall(line + b'\\r\\n\\r\\n')
    return way.recv(100).partition(b'\\r\\n')[0].decode()
own = socket.socket(); own.bind(('127.0.0.1', 0)); own.listen()
found = {
    'links': sorted(os.listdir('/sys/class/net')) if os.path.isdir('/sys/class/net') else [],
    'reached': [port for port in PORTS if reaches(port)],
    'own': reaches(own.getsockname()[1]),
    'refused': [asks(line) for line in (
        b'CONNECT 127.0.0.1:443 HTTP/1.1', b'CONNECT localhost:443 HTTP/1.1', b'CONNECT packages.example:80 HTTP/1.1',
        b'GET http://127.0.0.1/ HTTP/1.1', b'CONNECT packages.example:443 HTTP/1.1',
    )],
    'proxy': os.environ.get('HTTPS_PROXY'),
}
door = socket.socket(socket.AF_UNIX); door.bind(where + '/sock'); door.listen()
while True:
    came, _ = door.accept(); came.sendall(json.dumps(found).encode()); came.close()
"""


@needs_root
async def test_an_app_reaches_nothing_of_this_computer_but_the_way_to_packages(bench: Bench) -> None:
    with socket.socket() as backing:
        backing.bind(("127.0.0.1", 0))
        backing.listen()
        ports = [bench.control_port, bench.ssh_port, backing.getsockname()[1]]
        async with await connect(bench, "ada") as ada:
            path = await start(bench, ada, PROBE.replace("PORTS", repr(ports)))
            found = json.loads(await say(ada, path))
    assert found["reached"] == [] and found["own"] is True
    assert set(found["refused"]) == {"HTTP/1.1 403 Forbidden"}
    assert found["proxy"] == packages.PROXY


async def test_the_way_to_packages_joins_an_app_with_a_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        await writer.drain()
        writer.close()

    registry = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = registry.sockets[0].getsockname()[1]

    async def connect_(host: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        assert host == "packages.example"
        return await asyncio.open_connection("127.0.0.1", port)

    monkeypatch.setattr(packages, "_connect", connect_)
    before = asyncio.all_tasks()
    sock = socket.create_server(("127.0.0.1", 0))
    server = await packages.serve(sock, frozenset({"packages.example"}))
    reader, writer = await asyncio.open_connection("127.0.0.1", sock.getsockname()[1])
    writer.write(b"CONNECT packages.example:443 HTTP/1.1\r\nHost: packages.example:443\r\n\r\n")
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 200 OK\r\n\r\n"
    writer.write(b"hello\n")
    assert await asyncio.wait_for(reader.read(), 5) == b"HELLO\n"
    writer.close()
    async with asyncio.timeout(5):
        while asyncio.all_tasks() - before:  # noqa: ASYNC110 - both ways end by themselves
            await asyncio.sleep(0)
    server.close()
    registry.close()


def test_registries_are_pips_own_and_those_of_this_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:secret@packages.example/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "file:///opt/x https://more.example http://127.0.0.1:1 http://localhost")
    assert packages.registries() == packages._defaults() | {"packages.example", "more.example"}
    assert all("." in host for host in packages._defaults())
