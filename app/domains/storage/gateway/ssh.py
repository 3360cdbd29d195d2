"""Sends one file to one machine as one login. The machine runs one fixed script; the target is an argument of it and
never part of its text."""

import shlex
from collections.abc import AsyncIterator
from contextlib import closing

from app.domains.storage.errors import MachineRefused, MachineUnreachable
from app.shared.ssh import Completed, SshRefused, SshTarget, SshUnreachable, dial

# The file is written beside its target first, so a partial file is never visible, and the machine's own digest is
# returned. Only a file that is followed by `complete` replaces the target: an end of input may also be a broken
# connection.
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


async def send_file(target: SshTarget, path: str, size: int, content: AsyncIterator[bytes]) -> str:
    """Write the `size` bytes of `content` to `path`; returns the hexadecimal SHA-256 of what the machine has then.
    Raises MachineUnreachable, MachineRefused, and what `content` raises."""
    try:
        with closing(await dial(target)) as connection:
            done = await connection.feed(command_for(path, size), _completed(content))
    except SshUnreachable as error:
        raise MachineUnreachable(str(error)) from error
    except SshRefused as error:
        raise MachineRefused(str(error)) from error
    if done.status != 0:
        raise MachineRefused(f"The machine could not write it: {_reason(done) or 'it did not say why'}.")
    return done.output.decode("ascii", "replace").strip()


async def _completed(content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for chunk in content:
        yield chunk
    yield b"complete\n"


def _reason(done: Completed) -> str:
    text = done.error.decode("utf-8", "replace")
    return " ".join("".join(sign for sign in text if sign.isprintable() or sign == " ").split())[-200:]
