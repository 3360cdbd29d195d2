"""One SSH connection to a machine: commands, and streams to Unix sockets there.

A machine is believed only by a host certificate of our own authority for its name. Nothing of the surroundings is used:
no agent, no configuration, no known hosts of a person. It refuses to connect inside a transaction.
"""

import asyncio

import asyncssh
import msgspec
import structlog

from app.domains.appruntime.errors import MachineRefused, MachineSilent
from app.shared.db import refuse_open_transaction
from app.shared.pki import SshCredential

CONNECT_SECONDS = 10.0
COMMAND_SECONDS = 40.0
KEEPALIVE_SECONDS, KEEPALIVE_COUNT = 10, 2
MOST_BYTES = 1_048_576  # of one answer: a machine is not trusted
WINDOW = 256 * 1024  # bytes that an app may send ahead while nobody reads
READ = 64 * 1024

log = structlog.get_logger("berth.apps")


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a machine answers, as whom to log in, and how the machine proves itself."""

    address: str
    port: int
    login: str
    host_alias: str
    host_ca_public: str


class Stream:
    """Bytes both ways to a socket on the machine. Raises OSError when it breaks."""

    def __init__(self, reader: "asyncssh.SSHReader[bytes]", writer: "asyncssh.SSHWriter[bytes]") -> None:
        self._reader = reader
        self._writer = writer

    async def read(self, most: int = READ) -> bytes:
        """What is there, at least one byte; empty at the end."""
        try:
            return await self._reader.read(most)
        except asyncssh.Error as error:
            raise ConnectionResetError("the machine is gone") from error

    async def write(self, data: bytes) -> None:
        """Give bytes, and wait while the app does not take them."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except asyncssh.Error as error:
            raise ConnectionResetError("the machine is gone") from error

    @property
    def is_closed(self) -> bool:
        return self._writer.channel.is_closing()

    def close(self) -> None:
        self._writer.channel.abort()


class Link:
    """An open connection. Methods raise MachineSilent (nobody knows) or MachineRefused (it answered, and not well)."""

    def __init__(self, connection: asyncssh.SSHClientConnection) -> None:
        self._connection = connection
        self._streams: set[Stream] = set()

    @property
    def is_busy(self) -> bool:
        """Whether a stream to a socket is open."""
        return any(not stream.is_closed for stream in self._streams)

    @property
    def is_open(self) -> bool:
        return not self._connection.is_closed()

    async def run(self, command: str, given: bytes = b"") -> bytes:
        """Run a command and give its output."""
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                return await self._run(command, given)
        except (OSError, TimeoutError, asyncssh.Error) as error:
            raise MachineSilent() from error

    async def _run(self, command: str, given: bytes) -> bytes:
        async with self._connection.create_process(command, encoding=None) as process:
            process.stdin.write(given)
            process.stdin.write_eof()
            output = b""
            while chunk := await process.stdout.read(READ):
                output += chunk
                if len(output) > MOST_BYTES:
                    raise MachineRefused("The machine answered with more than any answer needs.")
            said = (await process.stderr.read(400)).decode(errors="replace").strip()
            done = await process.wait()
        if done.exit_status != 0:
            raise MachineRefused(f"The machine could not do it: {said or output[-300:].decode(errors='replace')}")
        return output

    async def open(self, path: str) -> Stream:
        """A stream to a Unix socket that the login may use."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                reader, writer = await self._connection.open_unix_connection(path, encoding=None, window=WINDOW)
        except asyncssh.ChannelOpenError as error:
            raise MachineRefused("Nothing listens there.") from error
        except (OSError, TimeoutError, asyncssh.Error) as error:
            raise MachineSilent() from error
        self._streams = {stream for stream in self._streams if not stream.is_closed}
        self._streams.add(stream := Stream(reader, writer))
        return stream

    def close(self) -> None:
        self._connection.abort()


async def connect(place: Place, credential: SshCredential) -> Link:
    """Log in. Raises MachineSilent or MachineRefused."""
    refuse_open_transaction()
    key = asyncssh.import_private_key(credential.private_key)
    certificate = asyncssh.import_certificate(credential.certificate)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            connection = await asyncssh.connect(
                place.address,
                place.port,
                username=place.login,
                client_keys=[(key, certificate)],
                known_hosts=asyncssh.import_known_hosts(f"@cert-authority * {place.host_ca_public}\n"),
                host_key_alias=place.host_alias,
                agent_path=None,
                agent_forwarding=False,
                x11_forwarding=False,
                config=None,
                preferred_auth="publickey",
                gss_host=None,
                compression_algs=["none"],
                keepalive_interval=KEEPALIVE_SECONDS,
                keepalive_count_max=KEEPALIVE_COUNT,
            )
    except (asyncssh.PermissionDenied, asyncssh.HostKeyNotVerifiable, asyncssh.KeyExchangeFailed) as error:
        log.warning("a machine refused us or could not prove itself", host=place.host_alias)
        raise MachineRefused(f"The machine did not prove itself or refused the login {place.login}.") from error
    except (OSError, TimeoutError, asyncssh.Error) as error:
        raise MachineSilent() from error
    return Link(connection)
