"""berth-node on a simulated machine: its effects on access, sessions, files and GPUs."""

import asyncio
import time
from collections.abc import Iterator

import asyncssh
import pytest

from devstack.simulators.nodes.testing import SYSTEM_ID, Bench

REFUSED = (asyncssh.PermissionDenied, asyncssh.ConnectionLost)
CLEO = "user-add --login cleo --uid 20003 --principal alloc:a1:cleo"


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


async def test_an_added_user_gets_in_with_its_gpus_only(bench: Bench) -> None:
    done = (0, {"ok": True, "command": "user-add", "login": "cleo"})
    assert await bench.node_command(f"{CLEO} --gpus 0,2") == done
    assert await bench.node_command(f"{CLEO} --gpus 0,2") == done
    async with await bench.connect("cleo") as cleo:
        listed = str((await cleo.run("echo $CUDA_VISIBLE_DEVICES; nvidia-smi -L")).stdout).splitlines()
    assert listed == [
        "0,2",
        "GPU 0: NVIDIA L40S (UUID: GPU-00000000-aaaa)",
        "GPU 2: NVIDIA L40S (UUID: GPU-00000002-aaaa)",
    ]


async def test_adding_again_with_another_principal_replaces_it(bench: Bench) -> None:
    await bench.node_command(CLEO)
    await bench.node_command(CLEO.replace("alloc:a1", "alloc:a2"))
    with pytest.raises(REFUSED):
        await bench.connect("cleo")
    async with await bench.connect("cleo", [bench.certificate("alloc:a2:cleo")]) as cleo:
        assert (await cleo.run("true")).exit_status == 0


@pytest.mark.parametrize("command", ["revoke", "user-del", "kill-sessions"])
async def test_open_sessions_end_within_a_second(bench: Bench, command: str) -> None:
    async with await bench.connect("ada") as ada, await bench.connect("ben") as ben:
        shell = await ada.create_process(term_type="xterm")
        await shell.stdout.readuntil("$ ")
        began = time.monotonic()
        assert (await bench.node_command(f"{command} --login ada"))[0] == 0
        await asyncio.wait_for(shell.wait(), 1)
        await asyncio.wait_for(ada.wait_closed(), 1)
        assert time.monotonic() - began < 1
        assert (await ben.run("echo still here")).stdout == "still here\n"


async def test_a_revoked_login_stays_out_until_it_is_added_again(bench: Bench) -> None:
    async with await bench.connect("ada") as ada:
        await ada.run("echo mine > ~/kept")
    await bench.node_command("revoke --login ada")
    with pytest.raises(REFUSED):
        await bench.connect("ada")
    await bench.node_command("user-add --login ada --uid 20001 --principal alloc:a1:ada")
    async with await bench.connect("ada") as ada:
        assert (await ada.run("cat ~/kept")).stdout == "mine\n"


async def test_after_kill_sessions_the_login_may_return(bench: Bench) -> None:
    await bench.node_command("kill-sessions --login ada")
    async with await bench.connect("ada") as ada:
        assert (await ada.run("echo back")).stdout == "back\n"


async def test_a_deleted_user_leaves_nothing(bench: Bench) -> None:
    async with await bench.connect("ada") as ada:
        await ada.run("echo mine > ~/own; echo mine > /tmp/own")
    for _ in range(2):
        assert (await bench.node_command("user-del --login ada"))[0] == 0
    with pytest.raises(REFUSED):
        await bench.connect("ada")
    assert not list((bench.folder / "data/nodes" / SYSTEM_ID).glob("*/ada*"))
    await bench.node_command("user-add --login ada --uid 20001 --principal alloc:a1:ada")
    async with await bench.connect("ada") as ada:
        assert (await ada.run("ls ~/own /tmp/own")).stdout == ""


async def test_status_and_gpus_tell_what_is(bench: Bench) -> None:
    await bench.node_command(f"{CLEO} --gpus 1")
    status, answer = await bench.node_command("status")
    assert status == 0
    accounts = answer["accounts"]
    assert isinstance(accounts, list)
    assert {"login": "cleo", "principals": ["alloc:a1:cleo"], "gpus": "1", "sessions": 0} in accounts
    assert [a["login"] for a in accounts] == ["ada", "ben", "cleo"]
    bench_gpus = (await bench.node_command("gpus"))[1]["gpus"]
    assert isinstance(bench_gpus, list)
    assert bench_gpus[3] == {"index": 3, "name": "NVIDIA L40S", "uuid": "GPU-00000003-aaaa", "memory_mib": 46068}


@pytest.mark.parametrize(
    "arguments",
    [
        "", "reboot", "user-del", "user-del --login root", "revoke --login berth-mgmt", "revoke --login ../x",
        "user-add --login cleo --uid 0 --principal p", "user-add --login cleo --uid 20003 --principal '*'",
        f"{CLEO} --gpus 9", f"{CLEO} --gpus 0,", "gpus --login ada", "revoke --login",
    ],
)  # fmt: skip
async def test_wrong_arguments_change_nothing(bench: Bench, arguments: str) -> None:
    before = await bench.node_command("status")
    status, answer = await bench.node_command(arguments)
    assert status == 2
    assert answer["ok"] is False
    assert await bench.node_command("status") == before


async def test_the_management_login_runs_nothing_else(bench: Bench) -> None:
    async with await bench.connect("berth-mgmt") as management:
        for command in (
            None,
            "id",
            "sudo id",
            "sudo /usr/local/sbin/berth-node gpus; id",
            "/usr/local/sbin/berth-node",
        ):
            done = await management.run(command)
            assert done.exit_status != 0
            assert "uid=" not in str(done.stdout)


async def test_a_member_cannot_run_berth_node(bench: Bench) -> None:
    async with await bench.connect("ada") as ada:
        assert (await ada.run("sudo -n /usr/local/sbin/berth-node user-del --login ben")).exit_status != 0
    async with await bench.connect("ben") as ben:
        assert (await ben.run("true")).exit_status == 0


async def test_without_the_script_in_the_user_data_there_is_no_command(bench: Bench) -> None:
    text = bench.user_data().replace("/usr/local/sbin/berth-node\\n", "").replace(
        '"path": "/usr/local/sbin/berth-node"', '"path": "/usr/local/sbin/other"'
    )  # fmt: skip
    bench.put(user_data=text)
    async with await bench.connect("berth-mgmt") as management:
        assert (await management.run("sudo /usr/local/sbin/berth-node gpus")).exit_status == 1
