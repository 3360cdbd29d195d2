"""What is said to a machine about who may enter it: the management command `berth-node`, and the proof of a login."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from uuid import UUID

import msgspec

from app.domains.provisioning.contracts import NODE_COMMAND
from app.domains.releases.contracts import Gpu
from app.domains.releases.errors import NodeRefused, NodeUnreachable
from app.shared.records import UNREADABLE
from app.shared.ssh import SshRefused, SshTarget, SshUnreachable, dial

MAX_ANSWER = 65_536  # bytes: one line of JSON
MAX_SERIALS = 1_000  # of up to 20 digits, in one command


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


class Node:
    """One machine as its management sees it. Every method is one connection, and raises NodeUnreachable (nobody knows)
    or NodeRefused (it answered, and not well)."""

    def __init__(self, management: SshTarget) -> None:
        self._management = management

    async def add_user(self, login: str, uid: int, principal: str, gpus: Sequence[int] | None) -> None:
        """Let certificates with `principal` become `login`; None means all GPUs."""
        shown = "all" if gpus is None else ",".join(str(index) for index in gpus) or "none"
        await self._ask("user-add", "--login", login, "--uid", str(uid), "--principal", principal, "--gpus", shown)

    async def remove_user(self, login: str) -> None:
        """End all access, sessions and processes of `login` and remove its home."""
        await self._ask("user-del", "--login", login)

    async def revoke(self, login: str) -> None:
        """End all access, sessions and processes of `login`."""
        await self._ask("revoke", "--login", login)

    async def set_keys(self, login: str, keys: Mapping[UUID, str]) -> None:
        """Let exactly these public keys become `login`, and end the sessions of those that are gone."""
        shown = ",".join(f"{key_id}:{line.replace(' ', ':')}" for key_id, line in keys.items()) or "none"
        await self._ask("keys", "--login", login, "--keys", shown)

    async def keys_used(self, login: str) -> list[Use]:
        """When keys last became `login`, as the machine's own log says."""
        return (await self._ask("keys-used", "--login", login)).used

    async def end_certificates(self, login: str, serials: Sequence[int]) -> bool:
        """Refuse these certificates from now on, and end the connections to `login` that they made, and no others.
        False: the machine was deployed before it could refuse any, so they open connections until they have run out."""
        refuses = True
        for at in range(0, len(serials), MAX_SERIALS):
            part = ",".join(str(serial) for serial in serials[at : at + MAX_SERIALS])
            answer = await self._ask("end-certificates", "--login", login, "--serials", part)
            refuses = refuses and answer.refuses
        return refuses

    async def gpus(self) -> list[Gpu]:
        """The GPUs that answer."""
        return (await self._ask("gpus")).gpus

    async def _ask(self, *words: str) -> _Answer:
        with translated():
            with closing(await dial(self._management)) as connection:
                done = await connection.run(" ".join(["sudo", NODE_COMMAND, *words]), max_output=MAX_ANSWER)
        answer = _decode(done.output)
        if done.status != 0 or not answer.ok:
            raise NodeRefused(f"The machine could not do {words[0]}: {answer.error or 'it did not say why'}.")
        return answer


async def try_login(target: SshTarget) -> None:
    """Log in as the customer will, and run one command that does nothing. Raises NodeUnreachable, NodeRefused."""
    with translated():
        with closing(await dial(target)) as connection:
            done = await connection.run("true")
    if done.status != 0:
        raise NodeRefused("A login on the machine works, but commands do not.")


@contextmanager
def translated() -> Iterator[None]:
    """In the words of this domain."""
    try:
        yield
    except SshUnreachable as error:
        raise NodeUnreachable() from error
    except SshRefused as error:
        raise NodeRefused(str(error)) from error


def _decode(output: bytes) -> _Answer:
    try:
        return msgspec.convert(msgspec.json.decode(output or b"{}"), type=_Answer, strict=False)
    except UNREADABLE:
        return _Answer(ok=False, error="its answer could not be read")
