"""Sends one file to one machine, by SSH, as one login.

The machine must prove its name by our host authority; nothing of the surroundings is used, nothing is forwarded. What
runs there is one fixed script; where the file goes is an argument of it and never part of its text. It refuses to run
inside a transaction.
"""

import asyncio
import shlex
from collections.abc import AsyncIterator

import asyncssh

from app.domains.storage.contracts import MachinePlace
from app.domains.storage.errors import MachineRefused, MachineUnreachable
from app.shared.db import refuse_open_transaction
from app.shared.pki import SshCredential

CONNECT_SECONDS = 10.0
SILENT_SECONDS = 60.0  # how long the machine may take nothing
MOST_WORDS = 4_096
# Beside its place first, so that nobody sees half of it; the machine's own digest of it is the last word. Only a file
# that is followed by `complete` takes its place: an end of input alone may be a connection that broke.
SCRIPT = """
set -eu
target=$1
[ ! -d "$target" ] || { echo "there is a folder of that name" >&2; exit 21; }
mkdir -p -- "$(dirname -- "$target")"
part="$target.berth-part"
head -c "$2" > "$part"
word=
read -r word || true
[ "$word" = complete ] || { rm -f -- "$part"; echo "it did not arrive whole" >&2; exit 22; }
sum=$(sha256sum < "$part")
mv -f -- "$part" "$target"
echo "${sum%% *}"
"""


def command_for(target: str, size: int) -> str:
    """The one command, with `target` and the number of bytes as its arguments."""
    return shlex.join(("sh", "-c", SCRIPT, "berth-copy", target, str(size)))


async def send_file(
    place: MachinePlace,
    host_ca_public: str,
    credential: SshCredential,
    target: str,
    size: int,
    content: AsyncIterator[bytes],
) -> str:
    """Write the `size` bytes of `content` to `target`; returns the hexadecimal SHA-256 of what the machine has then.
    Raises MachineUnreachable, MachineRefused, and what `content` raises."""
    refuse_open_transaction()
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            connection = await _connect(place, host_ca_public, credential)
    except (asyncssh.PermissionDenied, asyncssh.HostKeyNotVerifiable, asyncssh.KeyExchangeFailed) as error:
        raise MachineRefused("The machine did not prove itself, or does not know your login any more.") from error
    except (OSError, TimeoutError, asyncssh.Error) as error:
        raise MachineUnreachable() from error
    try:
        return await _write(connection, command_for(target, size), content)
    except (OSError, TimeoutError, asyncssh.Error) as error:
        raise MachineUnreachable("The connection to the machine broke.") from error
    finally:
        connection.abort()


async def _write(connection: asyncssh.SSHClientConnection, command: str, content: AsyncIterator[bytes]) -> str:
    async with connection.create_process(command, encoding=None) as process:
        async for chunk in content:
            if process.stdin.is_closing():
                break
            process.stdin.write(chunk)
            async with asyncio.timeout(SILENT_SECONDS):
                await process.stdin.drain()
        process.stdin.write(b"complete\n")
        process.stdin.write_eof()
        async with asyncio.timeout(SILENT_SECONDS):
            said = bytes(await process.stdout.read(MOST_WORDS))
            words = bytes(await process.stderr.read(MOST_WORDS)).decode("utf-8", "replace")
            done = await process.wait()
    if done.exit_status != 0:
        reason = " ".join("".join(c for c in words if c.isprintable() or c == " ").split())[-200:]
        raise MachineRefused(f"The machine could not write it: {reason or 'it did not say why'}.")
    return said.decode("ascii", "replace").strip()


async def _connect(place: MachinePlace, host_ca_public: str, credential: SshCredential) -> asyncssh.SSHClientConnection:
    key = asyncssh.import_private_key(credential.private_key)
    certificate = asyncssh.import_certificate(credential.certificate)
    return await asyncssh.connect(
        place.address,
        place.port,
        username=place.login,
        client_keys=[(key, certificate)],
        known_hosts=asyncssh.import_known_hosts(f"@cert-authority * {host_ca_public}\n"),
        host_key_alias=place.host_alias,
        agent_path=None,
        agent_forwarding=False,
        config=None,
        login_timeout=CONNECT_SECONDS,
        keepalive_interval=10,
        compression_algs=["none"],
    )
