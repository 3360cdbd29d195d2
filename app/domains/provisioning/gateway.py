"""The one module of provisioning that speaks SSH: the management command of a machine, and the proof of a login.

A machine is believed only by a host certificate of our own authority for its name. Nothing of the surroundings is used:
no agent, no configuration, no known hosts of a person. It refuses to run inside a transaction.
"""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

import asyncssh
import msgspec

from app.domains.provisioning.errors import NodeRefused, NodeUnreachable
from app.domains.provisioning.rules.cloud_init import MANAGEMENT_LOGIN, NODE_COMMAND
from app.shared.db import refuse_open_transaction
from app.shared.pki import SshCredential
from app.shared.records import UNREADABLE

CONNECT_SECONDS = 10.0
MOST_CHARACTERS = 65_536
READ_CHARACTERS = 8_192
MOST_SERIALS = 1_000  # of up to 20 digits, in one command
COMMAND_SECONDS = 40.0  # berth-node waits up to 20 s for another change


class Gpu(msgspec.Struct, frozen=True):
    """One GPU that answers."""

    index: int
    name: str = ""


class Use(msgspec.Struct, frozen=True):
    """The last login with a key: its fingerprint, and the second of the machine's clock."""

    fingerprint: str
    at: int


class _Answer(msgspec.Struct):
    ok: bool = True
    error: str = ""
    gpus: list[Gpu] = []
    used: list[Use] = []
    refuses: bool = False


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a machine answers and how it proves itself."""

    address: str
    port: int
    host_alias: str
    host_ca_public: str


class NodeShell:
    """One machine. Every method raises NodeUnreachable (nobody knows) or NodeRefused (it answered, and not well)."""

    def __init__(self, place: Place) -> None:
        self._place = place

    async def add_user(
        self, management: SshCredential, login: str, uid: int, principal: str, gpus: Sequence[int] | None
    ) -> None:
        """Let certificates with `principal` become `login`; None means all GPUs."""
        shown = "all" if gpus is None else ",".join(str(index) for index in gpus) or "none"
        await self._node(
            management, "user-add", "--login", login, "--uid", str(uid), "--principal", principal, "--gpus", shown
        )

    async def remove_user(self, management: SshCredential, login: str) -> None:
        """End all access, sessions and processes of `login` and remove its home."""
        await self._node(management, "user-del", "--login", login)

    async def revoke(self, management: SshCredential, login: str) -> None:
        """End all access, sessions and processes of `login`."""
        await self._node(management, "revoke", "--login", login)

    async def set_keys(self, management: SshCredential, login: str, keys: Mapping[UUID, str]) -> None:
        """Let exactly these public keys become `login`, and end the sessions of those that are gone."""
        shown = ",".join(f"{key_id}:{line.replace(' ', ':')}" for key_id, line in keys.items()) or "none"
        await self._node(management, "keys", "--login", login, "--keys", shown)

    async def keys_used(self, management: SshCredential, login: str) -> list[Use]:
        """When keys last became `login`, as the machine's own log says."""
        return (await self._node(management, "keys-used", "--login", login)).used

    async def end_certificates(self, management: SshCredential, login: str, serials: Sequence[int]) -> bool:
        """Refuse these certificates from now on, and end the connections to `login` that they made, and no others.
        False: the machine was deployed before it could refuse any, so they open connections until they have run out."""
        refuses = True
        for at in range(0, len(serials), MOST_SERIALS):
            part = ",".join(str(serial) for serial in serials[at : at + MOST_SERIALS])
            answer = await self._node(management, "end-certificates", "--login", login, "--serials", part)
            refuses = refuses and answer.refuses
        return refuses

    async def gpus(self, management: SshCredential) -> list[Gpu]:
        """The GPUs that answer."""
        return (await self._node(management, "gpus")).gpus

    async def prove_login(self, credential: SshCredential, login: str) -> None:
        """Log in as the customer will, and run one command that does nothing."""
        status, _ = await self._run(login, credential, "true")
        if status != 0:
            raise NodeRefused("A login on the machine works, but commands do not.")

    async def _node(self, management: SshCredential, *words: str) -> _Answer:
        status, output = await self._run(MANAGEMENT_LOGIN, management, " ".join(["sudo", NODE_COMMAND, *words]))
        answer = _decode(output)
        if status != 0 or not answer.ok:
            raise NodeRefused(f"The machine could not do {words[0]}: {answer.error or 'it did not say why'}.")
        return answer

    async def _run(self, login: str, credential: SshCredential, command: str) -> tuple[int, str]:
        refuse_open_transaction()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                connection = await self._connect(login, credential)
        except (asyncssh.PermissionDenied, asyncssh.HostKeyNotVerifiable, asyncssh.KeyExchangeFailed) as error:
            raise NodeRefused(f"The machine did not prove itself or refused the login {login}.") from error
        except (OSError, TimeoutError, asyncssh.Error) as error:
            raise NodeUnreachable() from error
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                return await _outcome(connection, command)
        except (OSError, TimeoutError, asyncssh.Error) as error:
            raise NodeUnreachable() from error
        finally:
            connection.abort()

    async def _connect(self, login: str, credential: SshCredential) -> asyncssh.SSHClientConnection:
        key = asyncssh.import_private_key(credential.private_key)
        certificate = asyncssh.import_certificate(credential.certificate)
        return await asyncssh.connect(
            self._place.address,
            self._place.port,
            username=login,
            client_keys=[(key, certificate)],
            known_hosts=asyncssh.import_known_hosts(f"@cert-authority * {self._place.host_ca_public}"),
            host_key_alias=self._place.host_alias,
            agent_path=None,
            agent_forwarding=False,
            config=None,
            login_timeout=CONNECT_SECONDS,
            keepalive_interval=5,
        )


async def _outcome(connection: asyncssh.SSHClientConnection, command: str) -> tuple[int, str]:
    """Exit status and output. A machine is not trusted: one that talks on and on must not fill our memory."""
    async with connection.create_process(command, stdin=asyncssh.DEVNULL, stderr=asyncssh.DEVNULL) as process:
        output = ""
        while chunk := str(await process.stdout.read(READ_CHARACTERS)):
            output += chunk
            if len(output) > MOST_CHARACTERS:
                raise NodeRefused("The machine answered with more than any answer needs.")
        done = await process.wait()
    return (-1 if done.exit_status is None else done.exit_status), output


def _decode(output: str) -> _Answer:
    try:
        return msgspec.convert(msgspec.json.decode(output or "{}"), type=_Answer, strict=False)
    except UNREADABLE:
        return _Answer(ok=False, error="its answer could not be read")
