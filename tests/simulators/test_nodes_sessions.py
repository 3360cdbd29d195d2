"""What a session of a simulated machine is: a real shell in a real terminal, confined to its login."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator

import asyncssh
import pytest

from devstack.simulators.nodes.testing import SYSTEM_ID, Bench

MEGABYTE = 1_000_000
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="sessions have an own uid only when the process is root's")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench(tmp_path_factory.mktemp("nodes"))
    bench.start()
    bench.put()
    try:
        yield bench
    finally:
        bench.stop()


@pytest.fixture
async def ada(bench: Bench) -> AsyncIterator[asyncssh.SSHClientConnection]:
    async with await bench.connect("ada") as connection:
        yield connection


async def output(connection: asyncssh.SSHClientConnection, command: str) -> str:
    return str((await connection.run(command)).stdout).strip()


async def test_a_shell_greets_prompts_resizes_and_ends_with_its_status(ada: asyncssh.SSHClientConnection) -> None:
    shell = await ada.create_process(term_type="xterm", term_size=(100, 30))
    greeting = await shell.stdout.readuntil("ada@train-07:~$ ")
    assert greeting.startswith("train-07 is a simulated machine with 4 x NVIDIA L40S; ")
    shell.stdin.write("stty size; echo $TERM\n")
    assert "30 100\r\nxterm" in await shell.stdout.readuntil("ada@train-07:~$ ")
    shell.change_terminal_size(132, 50)
    shell.stdin.write("stty size\n")
    await shell.stdout.readuntil("50 132\r\n")
    shell.stdin.write("exit 3\n")
    assert (await shell.wait()).exit_status == 3


async def test_a_command_has_its_own_streams_and_status(ada: asyncssh.SSHClientConnection) -> None:
    done = await ada.run("cat; echo bad >&2; exit 9", input="through")
    assert (done.stdout, done.stderr, done.exit_status) == ("through", "bad\n", 9)


async def test_a_command_with_a_terminal_has_one(ada: asyncssh.SSHClientConnection) -> None:
    done = await ada.run("test -t 0 && test -t 1 && echo terminal; exit 4", term_type="xterm")
    assert (done.stdout, done.exit_status) == ("terminal\r\n", 4)


async def test_a_signal_reaches_the_command(ada: asyncssh.SSHClientConnection) -> None:
    process = await ada.create_process("trap 'echo caught; exit 5' TERM; echo ready; while :; do sleep 0.01; done")
    await process.stdout.readline()
    process.send_signal("TERM")
    done = await process.wait()
    assert (done.stdout, done.exit_status) == ("caught\n", 5)


async def test_ctrl_c_stops_endless_output_within_half_a_second(ada: asyncssh.SSHClientConnection) -> None:
    shell = await ada.create_process(term_type="xterm", encoding=None)
    shell.stdin.write(b"yes\n")
    seen = 0
    while seen < 5 * MEGABYTE:
        seen += len(await shell.stdout.read(65536))
    began, tail = time.monotonic(), b""
    shell.stdin.write(b"\x03")
    while b"train-07:~$ " not in tail:
        tail = (tail + await shell.stdout.read(65536))[-200:]
    assert time.monotonic() - began < 0.5
    shell.close()


async def test_a_hundred_megabytes_pass_exactly_and_need_little_memory(
    bench: Bench, ada: asyncssh.SSHClientConnection
) -> None:
    before = peak = bench.memory_bytes()
    process = await ada.create_process("stty raw; head -c 100000000 /dev/zero", term_type="xterm", encoding=None)
    seen = 0
    while data := await process.stdout.read(1 << 20):
        seen += len(data)
        peak = max(peak, bench.memory_bytes())
    assert seen == 100 * MEGABYTE
    assert peak - before < 16 * MEGABYTE


async def test_a_reader_that_stops_reading_stops_the_command(bench: Bench, ada: asyncssh.SSHClientConnection) -> None:
    before = bench.memory_bytes()
    process = await ada.create_process("yes", encoding=None)
    other = await ada.create_process("cat", encoding=None)
    for _ in range(50):  # fifty round trips, in which `yes` could have written far more than every buffer holds
        other.stdin.write(b"x" * 1000)
        await other.stdout.readexactly(1000)
    assert bench.memory_bytes() - before < 16 * MEGABYTE
    process.close()
    other.close()


async def test_what_a_lost_connection_left_running_ends(bench: Bench) -> None:
    connection = await bench.connect("ben")
    shell = await connection.create_process("echo $$; sleep 1234567", term_type="xterm")
    await shell.stdout.readline()
    connection.abort()
    async with asyncio.timeout(2):
        while running("sleep\x001234567"):  # noqa: ASYNC110  (another process's end has no event here)
            await asyncio.sleep(0.01)
    assert not running("sleep\x001234567")


def running(command: str) -> bool:
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                if file.read().startswith(command.encode()):
                    return True
        except (OSError, ValueError):
            continue
    return False


@needs_root
async def test_the_login_is_itself_and_never_root(ada: asyncssh.SSHClientConnection) -> None:
    assert int(await output(ada, "id -u")) >= 2_000_000
    assert int(await output(ada, "id -G")) >= 2_000_000
    assert await output(ada, "whoami; uname -n; echo $HOME; pwd") == "ada\ntrain-07\n/home/ada\n/home/ada"
    status = await output(ada, "cat /proc/self/status")
    assert "NoNewPrivs:\t1" in status
    assert "CapEff:\t0000000000000000" in status


@needs_root
async def test_one_login_cannot_read_or_write_what_is_anothers(bench: Bench, ada: asyncssh.SSHClientConnection) -> None:
    async with await bench.connect("ben") as ben:
        await ben.run("echo secret > ~/own; echo secret > /tmp/own; chmod 666 ~/own /tmp/own", check=True)
    data = bench.folder / "data/nodes" / SYSTEM_ID
    for path in ("/home/ben/own", "/tmp/own", f"{data}/home/ben/own", f"{data}/machine.json"):
        assert (await ada.run(f"cat {path}")).exit_status == 1, path
        assert (await ada.run(f"echo x >> {path}/../new")).exit_status != 0, path
    assert await output(ada, "ls /home") == "ada"


@needs_root
async def test_a_session_sees_no_other_process_and_no_network(bench: Bench, ada: asyncssh.SSHClientConnection) -> None:
    processes = await output(ada, "ls -d /proc/[0-9]* | wc -l")
    assert int(processes) < 10
    done = await ada.run(f"exec 3<>/dev/tcp/127.0.0.1/{bench.control_port}")
    assert done.exit_status != 0


async def test_the_environment_carries_no_secret_and_takes_no_odd_variable(bench: Bench) -> None:
    async with await bench.connect("ada") as connection:
        done = await connection.run("env", env={"LC_TIME": "C.UTF-8", "LD_PRELOAD": "/tmp/x", "BASH_ENV": "/tmp/y"})
    names = {line.partition("=")[0] for line in str(done.stdout).splitlines()}
    expected = {"USER", "LOGNAME", "SHELL", "LANG", "HOME", "PATH", "LC_TIME", "PWD", "SHLVL", "_"}
    assert names - {"BERTH_NODE_SESSION", "OLDPWD"} == expected
