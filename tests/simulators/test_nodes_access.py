"""Who gets into a simulated machine, and who does not, over real SSH."""

from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from devstack.simulators.nodes.testing import SYSTEM_ID, Bench

REFUSED = (asyncssh.PermissionDenied, asyncssh.ConnectionLost)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench(tmp_path_factory.mktemp("nodes"))
    bench.start()
    try:
        yield bench
    finally:
        bench.stop()


@pytest.fixture(scope="module")
def deploy(bench: Bench) -> dict[str, object]:
    return bench.spec()


@pytest.fixture
def machine(bench: Bench, deploy: dict[str, object]) -> Bench:
    """The ordinary machine; told again, the same deploy costs nothing."""
    assert bench.http("PUT", f"/machines/{SYSTEM_ID}", deploy)[0] == 200
    return bench


async def test_a_certificate_with_the_principal_of_the_login_is_let_in(machine: Bench) -> None:
    async with await machine.connect("ada") as connection:
        assert (await connection.run("echo in", check=True)).stdout == "in\n"


async def test_a_plain_key_is_refused(machine: Bench) -> None:
    with pytest.raises(REFUSED):
        await machine.connect("ada", [asyncssh.generate_private_key("ssh-ed25519")])


async def test_an_expired_certificate_is_refused(machine: Bench) -> None:
    with pytest.raises(REFUSED):
        await machine.connect("ada", [machine.certificate("alloc:a1:ada", valid_after="-2h", valid_before="-1h")])


async def test_a_certificate_that_is_not_valid_yet_is_refused(machine: Bench) -> None:
    with pytest.raises(REFUSED):
        await machine.connect("ada", [machine.certificate("alloc:a1:ada", valid_after="+1h", valid_before="+2h")])


@pytest.mark.parametrize("principals", [("alloc:a2:ada",), ("ada",), (), ("*",), ("alloc:a1:ada2",)])
async def test_another_principal_is_refused(machine: Bench, principals: tuple[str, ...]) -> None:
    with pytest.raises(REFUSED):
        await machine.connect("ada", [machine.certificate(*principals)])


@pytest.mark.parametrize("login", ["ben", "berth-mgmt", "root", "nobody"])
async def test_a_member_cannot_become_another_account(machine: Bench, login: str) -> None:
    with pytest.raises(REFUSED):
        await machine.connect(login, [machine.certificate("alloc:a1:ada")])


async def test_root_is_refused_even_when_the_user_data_asks_for_it(bench: Bench) -> None:
    bench.put(user_data=bench.user_data(["root", "ada"]))
    with pytest.raises(REFUSED):
        await bench.connect("root", [bench.certificate("alloc:a1:root")])
    bench.http("DELETE", f"/machines/{SYSTEM_ID}")


async def test_a_certificate_of_another_authority_is_refused(machine: Bench) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519")
    with pytest.raises(REFUSED):
        await machine.connect("ada", [machine.certificate("alloc:a1:ada", ca=other)])


async def test_the_host_is_refused_under_another_host_authority(machine: Bench) -> None:
    with pytest.raises(asyncssh.HostKeyNotVerifiable):
        await machine.connect("ada", host_ca=asyncssh.generate_private_key("ssh-ed25519"))


async def test_a_source_address_in_the_certificate_is_kept_to(machine: Bench) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    wrong = machine.user_ca.generate_user_certificate(
        key, "t", principals=["alloc:a1:ada"], source_address=["192.0.2.0/24"]
    )
    with pytest.raises(REFUSED):
        await machine.connect("ada", [(key, wrong)])


async def test_a_forced_command_runs_instead_of_the_asked_one(machine: Bench) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    forced = machine.user_ca.generate_user_certificate(
        key, "t", principals=["alloc:a1:ada"], force_command="echo forced"
    )
    async with await machine.connect("ada", [(key, forced)]) as connection:
        assert (await connection.run("echo asked")).stdout == "forced\n"


async def test_a_certificate_without_permit_pty_gets_no_terminal(machine: Bench) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    bare = machine.user_ca.generate_user_certificate(key, "t", principals=["alloc:a1:ada"], permit_pty=False)
    async with await machine.connect("ada", [(key, bare)]) as connection:
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.create_process(term_type="xterm")


async def test_nothing_is_forwarded(machine: Bench) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    generous = machine.user_ca.generate_user_certificate(key, "t", principals=["alloc:a1:ada"])
    async with await machine.connect("ada", [(key, generous)]) as connection:
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.open_connection("127.0.0.1", machine.control_port)
        with pytest.raises(asyncssh.ChannelListenError):
            await connection.forward_remote_port("127.0.0.1", 0, "127.0.0.1", 9)
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.start_sftp_client()


@pytest.mark.parametrize("text", ["", "#cloud-config\n{broken", "#cloud-config\n[]", "#!/bin/sh\n"])
async def test_a_machine_with_broken_user_data_answers_and_refuses_everybody(bench: Bench, text: str) -> None:
    bench.put(user_data=text)
    with pytest.raises(REFUSED):
        await asyncssh.connect(
            bench.address, bench.ssh_port, username="ada", client_keys=[bench.certificate("alloc:a1:ada")],
            known_hosts=None, agent_path=None, config=None,
        )  # fmt: skip
    with pytest.raises(
        (asyncssh.KeyExchangeFailed, asyncssh.ConnectionLost)
    ):  # whichever side ends first; a client that wants a host certificate is not offered one
        await bench.connect("ada")
    bench.http("DELETE", f"/machines/{SYSTEM_ID}")


async def test_without_trusted_user_ca_keys_in_sshds_configuration_no_certificate_counts(bench: Bench) -> None:
    files = [
        {"path": "/etc/ssh/berth_user_ca.pub", "content": bench.user_ca.export_public_key().decode()},
        {"path": "/etc/ssh/auth_principals/ada", "content": "alloc:a1:ada\n"},
    ]
    bench.put(user_data=bench.user_data(write_files=files))
    with pytest.raises(REFUSED):
        await bench.connect("ada")
    bench.http("DELETE", f"/machines/{SYSTEM_ID}")


async def test_a_key_from_the_user_data_is_let_in_until_access_is_revoked(bench: Bench) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    text = bench.user_data(
        users=[
            {"name": "berth-mgmt", "sudo": "ALL=(root) NOPASSWD: /usr/local/sbin/berth-node"},
            {"name": "ada", "ssh_authorized_keys": [key.export_public_key().decode()]},
        ]
    )
    bench.put(user_data=text)
    async with await bench.connect("ada", [key]) as connection:
        assert (await connection.run("echo in")).stdout == "in\n"
    assert (await bench.node_command("revoke --login ada"))[0] == 0
    with pytest.raises(REFUSED):
        await bench.connect("ada", [key])
    bench.http("DELETE", f"/machines/{SYSTEM_ID}")


def test_the_state_on_disk_is_for_its_owner_only(machine: Bench) -> None:
    state = Path(machine.folder / "data/nodes" / SYSTEM_ID / "machine.json")
    assert state.stat().st_mode & 0o777 == 0o600
    assert state.parent.parent.stat().st_mode & 0o777 == 0o700


KEY_ID = "01a20f94-b262-778f-84fe-63ffb607a659"


def keys_option(*keys: asyncssh.SSHKey) -> str:
    lines = [":".join(key.export_public_key().decode().split()[:2]) for key in keys]
    return ",".join(f"{KEY_ID}:{line}" for line in lines) or "none"


async def test_a_managed_key_is_let_in_until_it_leaves_the_list_and_its_connection_ends(machine: Bench) -> None:
    first, second = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(2)]
    assert (await machine.node_command(f"keys --login ada --keys {keys_option(first, second)}"))[0] == 0
    one, two = [await machine.connect("ada", [key]) for key in (first, second)]
    _status, answer = await machine.node_command("keys-used --login ada")
    assert {first.get_fingerprint(), second.get_fingerprint()} <= {use["fingerprint"] for use in answer["used"]}
    with pytest.raises(REFUSED):
        await machine.connect("ben", [first])
    assert (await machine.node_command(f"keys --login ada --keys {keys_option(second)}"))[0] == 0
    await one.wait_closed()
    assert (await two.run("echo still")).stdout == "still\n"
    two.close()
    with pytest.raises(REFUSED):
        await machine.connect("ada", [first])
    assert (await machine.node_command("keys --login ada --keys none"))[0] == 0


async def test_a_managed_key_may_have_a_terminal_and_forward_nothing(machine: Bench) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    await machine.node_command(f"keys --login ada --keys {keys_option(key)}")
    async with await machine.connect("ada", [key]) as connection:
        process = await connection.create_process("tty", term_type="xterm")
        assert "/dev/pts/" in (await process.stdout.read())
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.open_connection("127.0.0.1", machine.control_port)
    await machine.node_command("keys --login ada --keys none")


async def test_managed_keys_count_only_where_sshd_was_told_to_read_them(bench: Bench) -> None:
    text = bench.user_data().replace(" /etc/ssh/auth_keys/%u", "")
    bench.put(user_data=text)
    key = asyncssh.generate_private_key("ssh-ed25519")
    assert (await bench.node_command(f"keys --login ada --keys {keys_option(key)}"))[0] == 0
    with pytest.raises(REFUSED):
        await bench.connect("ada", [key])
    bench.http("DELETE", f"/machines/{SYSTEM_ID}")
