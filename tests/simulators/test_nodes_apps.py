"""Apps on a simulated machine: they outlive sessions, end with their login, and only it reaches their sockets."""

import asyncio
from collections.abc import Iterator

import asyncssh
import pytest

from devstack.simulators.nodes.testing import SYSTEM_ID, Bench

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


async def start(bench: Bench, connection: asyncssh.SSHClientConnection) -> str:
    """Start the app; the path of its socket."""
    await connection.run(f"mkdir -p ~/.berth/apps/{APP} && cat > ~/.berth/berth-app", input=RUNNER, check=True)
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
