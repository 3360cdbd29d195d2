"""Machines, keys and money at the command line; `berth ssh` with OpenSSH's own client."""

import asyncio
import json
import subprocess
import sys

import pytest

from devstack.simulators.nodes.testing import REPOSITORY
from tests.cli.conftest import Berth

pytestmark = [pytest.mark.anyio, pytest.mark.commits]


async def test_a_list_is_a_table_for_people_and_the_answer_for_programs(berth: Berth, ada, machine) -> None:
    said = await berth.ok("ls")
    assert said.splitlines()[0].split()[:3] == ["NAME", "STATE", "TYPE"]
    assert "train-07" in said
    assert "\x1b" not in said
    answer = json.loads(await berth.ok("ls", "--json"))
    wanted = (await ada.client.get("/api/v1/allocations")).json()
    assert answer == wanted
    assert "No keys." in await berth.ok("keys", "ls", machine.id.hex[-8:])


async def test_at_a_terminal_a_table_fits_its_width(berth: Berth, ada, machine) -> None:
    terminal = await berth.terminal("ls", COLUMNS="60", NO_COLOR="1")
    assert await terminal.end() == 0
    lines = [line for line in terminal.seen.replace("\r", "").splitlines() if line]
    assert max(map(len, lines)) <= 60
    assert "\x1b[1m" not in terminal.seen
    coloured = await berth.terminal("ls", COLUMNS="200")
    await coloured.end()
    assert "\x1b[1m" in coloured.seen


async def test_berth_ssh_logs_in_with_a_certificate_and_gives_the_exit_code_of_the_command(
    berth: Berth, ada, machine
) -> None:
    status, out, err = await berth.run("ssh", "train-07", "--", "echo", "in;", "exit", "7")
    assert (status, out) == (7, "in\n"), err
    known = next(berth.home.glob("berth/ssh/*/known_hosts")).read_text()
    assert known.startswith("@cert-authority ")
    assert known.count("\n") == 1
    key = berth.home / "berth/keys/id_ed25519"
    assert key.stat().st_mode & 0o777 == 0o600


async def test_berth_ssh_refuses_a_machine_with_another_authority(berth: Berth, ada, machine, runtime, bench) -> None:
    import asyncssh

    from app.shared.pki.authority import local_authority

    other = asyncssh.generate_private_key("ssh-ed25519")
    (runtime.settings.pki_dir / "host_ca").write_bytes(other.export_private_key())
    local_authority.cache_clear()
    status, out, err = await berth.run("ssh", "train-07", "--", "echo", "in")
    local_authority.cache_clear()
    assert (status, out) == (255, "")
    assert "verification failed" in err


async def test_berth_ssh_at_a_terminal_is_a_shell(berth: Berth, ada, machine) -> None:
    terminal = await berth.terminal("ssh", "train-07")
    await terminal.until("$ ")
    terminal.type("echo $((6*7)); tty; exit 3\r")
    assert await terminal.end() == 3
    assert "42" in terminal.seen
    assert "/dev/pts/" in terminal.seen


async def test_the_printed_configuration_works_with_plain_ssh(berth: Berth, ada, machine, tmp_path) -> None:
    config = tmp_path / "config"
    command = tmp_path / "berth-here"
    command.write_text(f'#!/bin/sh\ncd {REPOSITORY} && exec {sys.executable} -m app.cli "$@"\n')
    command.chmod(0o755)
    said = await berth.ok("ssh-config", "train-07", BERTH_COMMAND=str(command))
    config.write_text(said)
    certificate = next(berth.home.glob("berth/ssh/*/certificate.pub"))
    before = certificate.read_text()
    process = await asyncio.create_subprocess_exec(
        "ssh", "-F", str(config), "-T", "-o", "BatchMode=yes", "train-07", "echo in", env=berth.environment(),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert (process.returncode, out) == (0, b"in\n"), err
    assert certificate.read_text() != before  # ssh had it renewed


async def test_keys_are_added_attached_and_revoked(here, ada, machine, tmp_path) -> None:
    key = tmp_path / "id"
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
    await asyncio.to_thread(subprocess.run, words, check=True)
    status, _, err = await here(f"keys add laptop {key}")
    assert status == 2
    assert "It was not sent" in err
    assert "laptop is registered" in await here.ok(f"keys add laptop {key}.pub")
    status, _, err = await here(f"keys add again {key}.pub")
    assert status == 6
    assert "correlation id" in err
    assert "being attached" in await here.ok("keys attach laptop train-07")
    assert "pending" in await here.ok("keys ls train-07")
    assert "taken off" in await here.ok("keys detach laptop train-07")
    assert "revoked" in await here.ok("keys rm laptop")
    assert "No keys." in await here.ok("keys ls")


async def test_a_machine_is_given_back_only_by_its_name(berth: Berth, ada, machine) -> None:
    status, _, err = await berth.run("release", "train-07")
    assert status == 2
    assert "--yes" in err
    terminal = await berth.terminal("release", "train-07")
    await terminal.until("to confirm")
    terminal.type("other\r")
    assert await terminal.end() == 2
    assert "Nothing was changed" in terminal.seen


async def test_what_is_not_there_and_what_is_not_allowed_have_their_own_exit_codes(here, ada) -> None:
    status, out, err = await here("show nothing")
    assert (status, out) == (5, "")
    assert err == "berth: There is no machine 'nothing' here.\n"
    status, _, err = await here("launch no-such-type --image x")
    assert status in (2, 5)
    assert (await here("ls --no-such-option"))[0] == 2


async def test_money_is_shown_in_whole_cents(here, ada) -> None:
    said = await here.ok("balance")
    assert "0.00 USD" in said
    assert json.loads(await here.ok("balance --json"))["available"] == 0
    assert "Nothing has moved yet" in await here.ok("ledger")


async def test_a_shell_completes_the_names_of_machines(berth: Berth, ada, machine) -> None:
    asked = {"_BERTH_COMPLETE": "bash_complete", "COMP_WORDS": "berth show tr", "COMP_CWORD": "2"}
    assert "train-07" in await berth.ok(**asked)
