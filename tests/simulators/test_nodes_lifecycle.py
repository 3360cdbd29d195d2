"""Machines come and go as MAAS says, and survive whatever happens to the process that plays them."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncssh
import pytest

from devstack.simulators.nodes import processes
from devstack.simulators.nodes.confinement import Level, people_root
from devstack.simulators.nodes.control import may_control
from devstack.simulators.nodes.testing import SYSTEM_ID, Bench, gpus
from devstack.simulators.nodes.userdata import read_user_data

REFUSED = (asyncssh.PermissionDenied, asyncssh.ConnectionLost)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs sessions with an own uid")


@pytest.fixture
def bench(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """A process of the test's own, for tests that end it; its parameter is the options it starts with."""
    bench = Bench(tmp_path)
    bench.start(*getattr(request, "param", ()))
    yield bench
    if bench.child is not None and bench.child.poll() is None:
        assert bench.stop() == 0
    if getattr(request, "param", ()):  # homes lay outside of the test's folder, which only root may walk into
        shutil.rmtree(people_root(Level.UID, tmp_path / "data/nodes"), ignore_errors=True)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench(tmp_path_factory.mktemp("nodes"))
    bench.start()
    yield bench
    assert bench.stop() == 0


@pytest.fixture
def shared(process: Bench) -> Iterator[Bench]:
    """A process that other tests use too, with no machine in it."""
    yield process
    process.http("DELETE", f"/machines/{SYSTEM_ID}")


async def soon(condition: Callable[[], bool], seconds: float = 2) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  (the end of a foreign process has no event here)
            await asyncio.sleep(0.005)


async def start_in_background(bench: Bench, login: str = "ada") -> tuple[asyncssh.SSHClientConnection, int]:
    """A shell with a child that ignores hang-ups; returns the connection and the uid of both."""
    connection = await bench.connect(login)
    shell = await connection.create_process(term_type="xterm", encoding=None)
    shell.stdin.write(b"(trap '' HUP TERM; sleep 7654321) & echo $(id -u)';;'\n")
    text = await shell.stdout.readuntil(b";;\r\n")
    return connection, int(text.split()[-1].strip(b";"))


async def test_a_restart_keeps_machines_accounts_and_homes(bench: Bench) -> None:
    bench.put()
    await bench.node_command("user-add --login cleo --uid 20003 --principal alloc:a1:cleo --gpus 1")
    await bench.node_command("revoke --login ben")
    async with await bench.connect("cleo") as cleo:
        host_key = cleo.get_server_host_key()
        await cleo.run("echo kept > ~/file", check=True)
    assert bench.stop() == 0
    bench.start()
    async with await bench.connect("cleo") as cleo:
        assert cleo.get_server_host_key() == host_key
        assert (await cleo.run("cat ~/file; echo $CUDA_VISIBLE_DEVICES")).stdout == "kept\n1\n"
    with pytest.raises(REFUSED):
        await bench.connect("ben")


async def test_the_same_deploy_told_again_changes_nothing(shared: Bench) -> None:
    spec = shared.spec()
    assert shared.http("PUT", f"/machines/{SYSTEM_ID}", spec)[0] == 200
    await shared.node_command("revoke --login ben")
    async with await shared.connect("ada") as ada:
        assert shared.http("PUT", f"/machines/{SYSTEM_ID}", spec)[0] == 200
        assert (await ada.run("echo undisturbed")).stdout == "undisturbed\n"
    with pytest.raises(REFUSED):
        await shared.connect("ben")


@needs_root
@pytest.mark.parametrize("bench", [(), ("--uid-only",)], indirect=True)
async def test_delete_ends_sessions_processes_files_and_port_within_two_seconds(bench: Bench) -> None:
    bench.put()
    connection, uid = await start_in_background(bench)
    began = time.monotonic()
    assert bench.http("DELETE", f"/machines/{SYSTEM_ID}") == (200, b'{"removed":true}')
    await asyncio.wait_for(connection.wait_closed(), 2)
    assert not processes.with_uid(frozenset({uid}))
    assert not (bench.folder / "data/nodes" / SYSTEM_ID).exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((bench.address, bench.ssh_port), timeout=1)
    assert time.monotonic() - began < 2
    assert bench.http("DELETE", f"/machines/{SYSTEM_ID}") == (200, b'{"removed":false}')
    bench.put()
    async with await bench.connect("ada") as ada:
        assert (await ada.run("ls -A ~")).stdout == ".bashrc\n.profile\n"


@needs_root
@pytest.mark.parametrize("bench", [(), ("--uid-only",)], indirect=True)
async def test_sigterm_ends_every_session_and_exits_cleanly(bench: Bench) -> None:
    bench.put()
    connection, uid = await start_in_background(bench)
    assert bench.stop() == 0
    assert not processes.with_uid(frozenset({uid}))
    connection.abort()


@needs_root
@pytest.mark.parametrize("bench", [("--uid-only",)], indirect=True)
async def test_what_a_killed_process_left_ends_at_the_next_start_at_the_latest(bench: Bench) -> None:
    bench.put()
    connection, uid = await start_in_background(bench)
    bench.stop(signal.SIGKILL)
    connection.abort()
    bench.start("--uid-only")
    assert not processes.with_uid(frozenset({uid}))


@needs_root
async def test_in_namespaces_nothing_outlives_a_killed_process(bench: Bench) -> None:
    bench.put()
    connection, uid = await start_in_background(bench)
    assert processes.with_uid(frozenset({uid}))
    bench.stop(signal.SIGKILL)
    connection.abort()
    await soon(lambda: not processes.with_uid(frozenset({uid})))


@needs_root
@pytest.mark.parametrize("bench", [("--uid-only",)], indirect=True)
async def test_with_an_own_uid_only_logins_are_still_kept_apart(bench: Bench) -> None:
    bench.put()
    async with await bench.connect("ben") as ben:
        home = str((await ben.run("echo own > ~/file; echo ~", check=True)).stdout).strip()
    async with await bench.connect("ada") as ada:
        ids = str((await ada.run("id -u; id -G; pwd; echo ~; command -v nvidia-smi")).stdout).split()
        assert int(ids[0]) >= 2_000_000
        assert ids[1] == ids[0]
        assert ids[2] == ids[3] != home
        assert ids[4].endswith("/sbin/ada/nvidia-smi")
        assert (await ada.run(f"cat {home}/file")).exit_status == 1
        assert (await ada.run(f"cat {bench.folder}/data/nodes/{SYSTEM_ID}/machine.json")).exit_status == 1
        ask = "printf 'GET /machines HTTP/1.0\\r\\n\\r\\n' >&3; head -1 <&3"
        done = await ada.run(f"exec 3<>/dev/tcp/127.0.0.1/{bench.control_port}; {ask}")
        assert "403" in str(done.stdout)
        shell = await ada.create_process(term_type="xterm")
        greeting = await shell.stdout.readuntil("ada@train-07:~$ ")
        assert "you have your own user and home; files and network are this computer's" in greeting


async def test_ssh_never_answers_accepts_and_says_nothing(shared: Bench) -> None:
    spec = shared.spec(faults=["ssh_never_answers"])
    shared.http("PUT", f"/machines/{SYSTEM_ID}", spec)
    reader, writer = await asyncio.open_connection(shared.address, shared.ssh_port)
    writer.write(b"SSH-2.0-test\r\n")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.3)
    shared.http("PUT", f"/machines/{SYSTEM_ID}", {**spec, "faults": []})
    with contextlib.suppress(ConnectionResetError):  # the silent connection is cut when the fault is lifted
        assert await asyncio.wait_for(reader.read(1), 2) == b""
    writer.close()
    async with await shared.connect("ada") as ada:
        assert (await ada.run("echo in")).stdout == "in\n"


async def test_gpu_missing_hides_one_gpu_everywhere(shared: Bench) -> None:
    shared.put(faults=["gpu_missing"], gpus=gpus(3))
    answer = (await shared.node_command("gpus"))[1]["gpus"]
    assert isinstance(answer, list)
    assert len(answer) == 2
    async with await shared.connect("ada") as ada:
        assert len(str((await ada.run("nvidia-smi -L")).stdout).splitlines()) == 2


async def test_a_machine_without_gpus_has_no_nvidia_smi(shared: Bench) -> None:
    shared.put(gpus=[])
    async with await shared.connect("ada") as ada:
        assert (await ada.run("/usr/local/sbin/nvidia-smi")).exit_status == 127


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"address": "10.0.0.1"}, 400),
        ({"address": "127.0.0.1; x"}, 400),
        ({"hostname": "a b"}, 400),
        ({"gpus": [{"index": 0, "name": "a`id`", "memory_mib": 1, "uuid": "u", "pci": ""}]}, 400),
        ({"faults": ["unknown"]}, 400),
    ],
)
def test_a_machine_that_cannot_be_is_refused(shared: Bench, change: dict[str, object], status: int) -> None:
    assert shared.http("PUT", f"/machines/{SYSTEM_ID}", shared.spec(**change))[0] == status
    assert shared.http("GET", "/machines") == (200, b'{"machines":[]}')


def test_an_address_that_is_taken_is_said_so(shared: Bench) -> None:
    shared.put()
    status, answer = shared.http("PUT", "/machines/other", shared.spec())
    assert (status, b"cannot listen" in answer) == (409, True)


def test_twenty_four_machines_need_less_than_seventy_megabytes(bench: Bench) -> None:
    prefix = bench.address.rpartition(".")[0]
    for number in range(24):
        bench.put(f"m{number}", address=f"{prefix}.{100 + number}")
    assert bench.memory_bytes() < 70 * 1024 * 1024


@pytest.mark.parametrize("client", [None, ("192.0.2.1", 5000), ("::ffff:192.0.2.1", 5000), ("", 1), ("unix", 0)])
def test_only_this_computer_may_control(client: object) -> None:
    assert not may_control(client)
    assert may_control(("127.0.0.1", 1))


@pytest.mark.parametrize(("said", "used"), [("train-07", "train-07"), ("Bad Name", ""), (7, ""), (None, "")])
def test_a_machine_calls_itself_what_its_user_data_said(said: object, used: str) -> None:
    assert read_user_data("#cloud-config\n" + json.dumps({"hostname": said})).hostname == used
