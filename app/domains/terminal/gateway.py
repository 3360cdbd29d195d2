"""The one module of the terminal that speaks SSH: one connection with one shell in a PTY.

The key lives in memory, the machine must prove its name by our host authority, nothing of the surroundings is used (no
agent, no configuration, no known hosts of a person), nothing is forwarded. It refuses to connect inside a transaction.
"""

import asyncio
from typing import Protocol

import asyncssh
import msgspec
import structlog

from app.domains.terminal.errors import ShellUnavailable
from app.shared.db import refuse_open_transaction
from app.shared.pki import SshCredential

CONNECT_SECONDS = 10.0
KEEPALIVE_SECONDS, KEEPALIVE_COUNT = 12, 2  # a machine that is gone is found within 40 s
WINDOW = 256 * 1024  # bytes that the machine may send ahead while we do not read
INPUT_HIGH, INPUT_LOW = 128 * 1024, 16 * 1024
TERM = "xterm-256color"

log = structlog.get_logger("berth.terminal")


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a machine answers, as whom to log in, and how the machine proves itself."""

    address: str
    port: int
    login: str
    host_alias: str
    host_ca_public: str


class Listener(Protocol):
    """Who hears a shell. Called from the event loop; must not block."""

    def on_output(self, data: bytes) -> None: ...

    def on_closed(self, exited: bool) -> None: ...

    def on_writable(self) -> None: ...


class _Session(asyncssh.SSHClientSession[bytes]):
    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._exited = False
        self.writable = True

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        self._listener.on_output(data)

    def exit_status_received(self, status: int) -> None:
        self._exited = True

    def pause_writing(self) -> None:
        self.writable = False

    def resume_writing(self) -> None:
        self.writable = True
        self._listener.on_writable()

    def connection_lost(self, exc: Exception | None) -> None:
        self.writable = True
        self._listener.on_closed(self._exited)


class RemoteShell:
    """An open shell. Methods after its end do nothing."""

    def __init__(
        self,
        connection: asyncssh.SSHClientConnection,
        channel: asyncssh.SSHClientChannel[bytes],
        session: _Session,
    ) -> None:
        self._connection = connection
        self._channel = channel
        self._session = session
        self._paused = self._resuming = False

    @property
    def writable(self) -> bool:
        """Whether the machine takes input as fast as we give it."""
        return self._session.writable

    def write(self, data: bytes) -> None:
        """Give input; it is kept for the machine however slow that is, so look at `writable` first."""
        if not self._channel.is_closing():
            self._channel.write(data)

    def resize(self, cols: int, rows: int) -> None:
        if not self._channel.is_closing():
            self._channel.change_terminal_size(cols, rows)

    def pause(self) -> None:
        """Read no more output: the machine's program is held back once `WINDOW` bytes are under way."""
        if not self._paused:
            self._paused = True
            if not self._resuming:
                self._channel.pause_reading()

    def resume(self) -> None:
        """Read on. All that waits is given first, even when `pause` is called meanwhile: asyncssh opens its window
        whole with the first bytes that it hands on, so keeping a rest would let another window in on top each time."""
        if not self._paused:
            return
        self._paused = False
        if self._resuming:
            return
        self._resuming = True
        self._channel.resume_reading()
        self._resuming = False
        if self._paused:
            self._channel.pause_reading()

    async def close(self) -> None:
        """Hang up. The machine ends what ran in the foreground."""
        self.resume()
        self._connection.close()
        try:
            async with asyncio.timeout(2):
                await self._connection.wait_closed()
        except TimeoutError:
            self._connection.abort()


async def open_shell(place: Place, credential: SshCredential, listener: Listener, size: tuple[int, int]) -> RemoteShell:
    """Log in and start the login shell in a PTY of `size` (columns, rows). Raises ShellUnavailable."""
    refuse_open_transaction()
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await _open(place, credential, listener, size)
    except asyncssh.HostKeyNotVerifiable as error:
        log.warning("a machine could not prove itself", host=place.host_alias)
        raise ShellUnavailable("untrusted") from error
    except asyncssh.PermissionDenied as error:
        raise ShellUnavailable("refused") from error
    except (asyncssh.Error, OSError, TimeoutError) as error:
        log.info("a machine did not answer", host=place.host_alias, error=type(error).__name__)
        raise ShellUnavailable("unreachable") from error


async def _open(place: Place, credential: SshCredential, listener: Listener, size: tuple[int, int]) -> RemoteShell:
    key = asyncssh.import_private_key(credential.private_key)
    certificate = asyncssh.import_certificate(credential.certificate)
    connection = await asyncssh.connect(
        place.address,
        place.port,
        username=place.login,
        client_keys=[(key, certificate)],
        known_hosts=asyncssh.import_known_hosts(f"@cert-authority * {place.host_ca_public}\n"),
        host_key_alias=place.host_alias,
        agent_path=None,
        config=None,
        preferred_auth="publickey",
        gss_host=None,
        x11_forwarding=False,
        agent_forwarding=False,
        compression_algs=["none"],
        keepalive_interval=KEEPALIVE_SECONDS,
        keepalive_count_max=KEEPALIVE_COUNT,
    )
    session = _Session(listener)
    try:
        channel, _ = await connection.create_session(
            lambda: session, encoding=None, term_type=TERM, term_size=size, window=WINDOW
        )
    except BaseException:
        connection.abort()
        raise
    channel.set_write_buffer_limits(high=INPUT_HIGH, low=INPUT_LOW)
    return RemoteShell(connection, channel, session)
