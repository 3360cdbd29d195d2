"""The one way to a machine: who is believed, who is let in, and how much a machine may say."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncssh
import msgspec
import pytest
from asyncssh.constants import MSG_CHANNEL_CLOSE

from app.shared.pki import LocalAuthority
from app.shared.ssh import HostNotVerified, LoginRefused, SshRefused, SshTarget, SshUnreachable, dial
from app.shared.ssh import connection as connections
from devstack.keys import ensure_authorities

pytestmark = pytest.mark.anyio
LIFE = timedelta(minutes=5)


class Account(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return True


async def _talk(process: asyncssh.SSHServerProcess[str]) -> None:
    try:
        if process.command == "stay":
            handlers = {**process.channel._packet_handlers, MSG_CHANNEL_CLOSE: lambda *_: True}
            process.channel._packet_handlers = handlers  # it never agrees that the command is over
            await asyncio.Event().wait()
        if process.command == "flood":
            while True:
                process.stdout.write("x" * 10_000)
                await process.stdout.drain()
        if process.command == "complain":
            for _ in range(200):
                process.stderr.write("y" * 10_000)
                await process.stderr.drain()
        if process.command == "count":
            process.stdout.write(str(len(await process.stdin.read())))
            process.exit(0)
            return
    except (OSError, asyncssh.Error):
        return
    process.stdout.write('{"ok": true}')
    process.exit(3)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> LocalAuthority:
    return _authority(tmp_path_factory.mktemp("pki"))


def _authority(directory: Path) -> LocalAuthority:
    ensure_authorities(directory)
    return LocalAuthority(directory)


@pytest.fixture
async def machine(authority: LocalAuthority, tmp_path: Path) -> AsyncIterator[SshTarget]:
    """A server called node-01 that lets `ada` in, and the way there."""
    now = datetime.now(UTC)
    host = authority.issue_host("node-01", ("node-01",), now - LIFE, now + LIFE)
    key = asyncssh.import_private_key(host.private_key)
    users = tmp_path / "users"
    users.write_text(f'cert-authority,principals="alloc:1:ada" {authority.user_ca_public}\n')
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=Account,
        server_host_keys=[(key, asyncssh.import_certificate(host.certificate))],
        authorized_client_keys=str(users),
        process_factory=_talk,
    )
    credential = authority.issue_user("ada", ("alloc:1:ada",), now - LIFE, now + LIFE, permit_pty=True)
    async with server:
        yield SshTarget(
            host="127.0.0.1",
            port=server.get_port(),
            login="ada",
            host_principal="node-01",
            host_authority=authority.host_ca_public,
            credential=credential,
            connect_seconds=5,
        )


async def test_a_command_comes_with_its_status_and_its_output(machine: SshTarget) -> None:
    with closing(await dial(machine)) as connection:
        done = await connection.run("status")
        assert (done.status, done.output) == (3, b'{"ok": true}')
        assert (await connection.run("count", b"12345")).output == b"5"


async def test_a_machine_that_never_ends_a_command_holds_nobody_beyond_its_time(
    machine: SshTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "COMMAND_SECONDS", 0.2)
    monkeypatch.setattr(connections, "CLOSE_SECONDS", 0.2)
    with closing(await dial(machine)) as connection:
        async with asyncio.timeout(3):
            with pytest.raises(SshUnreachable):
                await connection.run("stay")


async def test_input_comes_in_pieces(machine: SshTarget) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b"z" * 100_000

    with closing(await dial(machine)) as connection:
        assert (await connection.feed("count", pieces())).output == b"3000000"


async def test_a_machine_that_talks_without_end_is_refused(machine: SshTarget) -> None:
    with closing(await dial(machine)) as connection:
        with pytest.raises(SshRefused, match="more than any answer needs"):
            await connection.run("flood")


async def test_complaints_hold_back_no_answer_and_little_of_them_is_kept(machine: SshTarget) -> None:
    with closing(await dial(machine)) as connection:
        done = await connection.run("complain")
    assert done.output == b'{"ok": true}'
    assert 0 < len(done.error) <= 4_096


async def test_a_machine_of_another_name_or_another_authority_is_not_believed(
    machine: SshTarget, tmp_path: Path
) -> None:
    other = _authority(tmp_path / "other")
    for wrong in ({"host_principal": "node-02"}, {"host_authority": other.host_ca_public}):
        with pytest.raises(HostNotVerified):
            await dial(msgspec.structs.replace(machine, **wrong))


async def test_a_certificate_for_somebody_else_or_of_another_authority_lets_nobody_in(
    machine: SshTarget, authority: LocalAuthority, tmp_path: Path
) -> None:
    now = machine.credential.valid_from
    for signer, principal in ((authority, "alloc:2:ada"), (_authority(tmp_path / "other"), "alloc:1:ada")):
        credential = signer.issue_user("ada", (principal,), now, now + 2 * LIFE, permit_pty=True)
        with pytest.raises(LoginRefused, match="ada"):
            await dial(msgspec.structs.replace(machine, credential=credential))


async def test_nobody_there_and_somebody_silent_are_unreachable(machine: SshTarget) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(SshUnreachable):
            await dial(msgspec.structs.replace(machine, port=port, connect_seconds=0.2))
    with pytest.raises(SshUnreachable):
        await dial(msgspec.structs.replace(machine, port=port))


async def test_a_connection_that_is_gone_is_unreachable(machine: SshTarget) -> None:
    connection = await dial(machine)
    connection.close()
    await asyncio.sleep(0)
    with pytest.raises(SshUnreachable):
        await connection.run("status")
    with pytest.raises(SshUnreachable):
        await connection.open_stream("/run/x.sock")
    assert not connection.is_open


async def test_nobody_is_dialed_inside_a_transaction(machine: SshTarget, db) -> None:
    async with db.unit_of_work():
        with pytest.raises(RuntimeError):
            await dial(machine)


async def test_a_target_shows_no_key(machine: SshTarget) -> None:
    assert "PRIVATE" not in repr(machine) + str(machine)
