"""What a machine says is not trusted: not its length either."""

from collections.abc import AsyncIterator

import asyncssh
import pytest

from app.domains.provisioning import gateway
from app.domains.provisioning.errors import NodeRefused


class Open(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return False


async def _talk(process: asyncssh.SSHServerProcess[str]) -> None:
    if process.command == "flood":
        try:
            while True:
                process.stdout.write("x" * 10_000)
                await process.stdout.drain()
        except (OSError, asyncssh.Error):
            return
    process.stdout.write('{"ok": true}')
    process.exit(3)


@pytest.fixture
async def connection() -> AsyncIterator[asyncssh.SSHClientConnection]:
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.listen("127.0.0.1", 0, server_factory=Open, server_host_keys=[key], process_factory=_talk)
    async with server, asyncssh.connect("127.0.0.1", server.get_port(), known_hosts=None, config=None) as client:
        yield client


async def test_an_answer_comes_with_its_status(connection) -> None:
    assert await gateway._outcome(connection, "status") == (3, '{"ok": true}')


async def test_a_machine_that_talks_without_end_is_refused(connection) -> None:
    with pytest.raises(NodeRefused, match="more than any answer needs"):
        await gateway._outcome(connection, "flood")
