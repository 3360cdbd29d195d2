"""One SSH connection to a machine: commands, and streams to Unix sockets there, in this domain's words."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.domains.appruntime.errors import MachineRefused, MachineSilent
from app.shared.ssh import SshConnection, SshRefused, SshTarget, SshUnreachable, Stream, dial


class Link:
    """An open connection. Methods raise MachineSilent (nobody knows) or MachineRefused (it answered, and not well)."""

    def __init__(self, connection: SshConnection) -> None:
        self._connection = connection

    @property
    def is_busy(self) -> bool:
        """Whether a stream to a socket is open."""
        return self._connection.is_busy

    @property
    def is_open(self) -> bool:
        return self._connection.is_open

    async def run(self, command: str, given: bytes = b"") -> bytes:
        """Run a command and give its output."""
        with translated():
            done = await self._connection.run(command, given)
        if done.status != 0:
            output = done.error[:400].decode(errors="replace").strip() or done.output[-300:].decode(errors="replace")
            raise MachineRefused(f"The machine could not do it: {output}")
        return done.output

    async def open(self, path: str) -> Stream:
        """A stream to a Unix socket that the login may use."""
        with translated():
            return await self._connection.open_stream(path)

    def close(self) -> None:
        self._connection.close()


async def connect(target: SshTarget) -> Link:
    """Log in. Raises MachineSilent or MachineRefused."""
    with translated():
        return Link(await dial(target))


@contextmanager
def translated() -> Iterator[None]:
    """In the words of this domain."""
    try:
        yield
    except SshUnreachable as error:
        raise MachineSilent() from error
    except SshRefused as error:
        raise MachineRefused(str(error)) from error
