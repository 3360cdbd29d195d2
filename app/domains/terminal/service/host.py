"""Keeps the shells of one terminal host, and ends them when their right to exist ends.

Every two seconds it is asked whose right has ended and which machines are over; a message on `terminal:end` tells of
sign-ins and machines at once.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

import msgspec
import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from app.domains.auth import public as auth
from app.domains.provisioning import public as provisioning
from app.domains.releases import public as releases
from app.domains.releases.contracts import CertifyUser
from app.domains.terminal import gateway
from app.domains.terminal.contracts import RecordOpened, Ticket
from app.domains.terminal.errors import ShellUnavailable
from app.domains.terminal.policies import KEEP_MINUTES
from app.domains.terminal.rules.messages import code_of_ending, code_of_release
from app.domains.terminal.service.records import record_attached, record_ended, record_opened
from app.domains.terminal.service.shell import Shell, clamp
from app.shared.authz import Actor, Permission
from app.shared.authz.actor import SYSTEM
from app.shared.authz.rights import Claim
from app.shared.context import Context, Runtime

WATCH_SECONDS = 2.0
END_CHANNEL = "terminal:end"

log = structlog.get_logger("berth.terminal")


class EndNotice(msgspec.Struct, frozen=True, kw_only=True):
    """What `terminal:end` carries: a browser session or an allocation that is over, and the code of the words."""

    code: str
    session_id: UUID | None = None
    allocation_id: UUID | None = None


class TerminalHost:
    """One per terminal host process; `name` is what service/directory.py finds it by."""

    def __init__(self, runtime: Runtime) -> None:
        self.name = ""
        self.empty = asyncio.Event()
        self.empty.set()
        self._runtime = runtime
        self._shells: dict[UUID, Shell] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._watcher: list[asyncio.Task[None]] = []
        self._keep_seconds = KEEP_MINUTES.default * 60
        self._closing_at: float | None = None

    @property
    def count(self) -> int:
        """How many shells there are."""
        return len(self._shells)

    def closing_in(self, seconds: float) -> None:
        """Tell whoever looks, and whoever looks later, that this host ends soon."""
        self._closing_at = time.monotonic() + seconds
        for shell in self._shells.values():
            shell.closing_at(self._closing_at)

    def find(self, terminal_id: UUID) -> Shell | None:
        """A shell of this process that has not ended."""
        return self._shells.get(terminal_id)

    async def open(self, actor: Actor, ticket: Ticket, size: tuple[int, int]) -> Shell:
        """A new shell on the ticket's machine. Raises NotFound, NotActive, TooManyTerminals or ShellUnavailable."""
        async with self._runtime.context(actor) as ctx:
            machine = await provisioning.get_access_target(ctx, ticket.allocation_id)
            await auth.check_right(
                ctx, _claim(ticket.user_id, (machine.tenant_id, machine.project_id), ticket.session_id)
            )
            opened = await record_opened(ctx, RecordOpened(ticket=ticket, host=self.name))
            target = await releases.login_target(ctx, CertifyUser(machine=machine, user_id=ticket.user_id))
            minutes = await ctx.policy(KEEP_MINUTES, machine.tenant_id, machine.project_id)
        self._keep_seconds = minutes * 60
        workspace = (machine.tenant_id, machine.project_id)
        shell = Shell(opened.terminal_id, ticket.allocation_id, ticket.user_id, self._forget, workspace)
        shell.sessions.add(ticket.session_id)
        try:
            remote = await gateway.open_shell(target, shell, clamp(*size))
        except ShellUnavailable as refused:
            code = refused.ending
            await self._record(lambda ctx: record_ended(ctx, [shell.id], code))
            raise
        shell.connect(remote, clamp(*size))
        self._shells[shell.id] = shell
        self.empty.clear()
        self._start(self._follow(shell))
        if not self._watcher:
            self._watcher = [asyncio.create_task(self._watch()), asyncio.create_task(self._listen())]
        return shell

    def note_attached(self, shell: Shell) -> None:
        """Write down, later, that somebody has it open."""
        self._start(self._record(lambda ctx: record_attached(ctx, shell.id)))

    def apply(self, notice: EndNotice) -> None:
        """End what the notice says."""
        for shell in list(self._shells.values()):
            if notice.allocation_id is not None and shell.allocation_id == notice.allocation_id:
                shell.end(notice.code)
            elif notice.session_id is not None:
                shell.end_session(notice.session_id, notice.code)

    async def aclose(self) -> None:
        """The process ends: every shell ends with it, in words and on record."""
        for task in self._watcher:
            task.cancel()
        for shell in list(self._shells.values()):
            shell.end("portal_restarted")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.gather(*self._tasks, *self._watcher, return_exceptions=True)

    # -- inside -----------------------------------------------------------------------------------------------------

    def _start(self, work: Awaitable[None]) -> None:
        async def run() -> None:
            try:
                await work
            except Exception:
                log.exception("terminal housekeeping failed")

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _forget(self, shell: Shell, code: str) -> None:
        self._shells.pop(shell.id, None)
        if not self._shells:
            self.empty.set()
        self._start(self._end_record(shell, code))

    async def _end_record(self, shell: Shell, code: str) -> None:
        await shell.hang_up()
        await self._record(lambda ctx: record_ended(ctx, [shell.id], code))

    async def _follow(self, shell: Shell) -> None:
        """The machine's side ended by itself: ask first whether it was made to, then say so."""
        exited = await shell.lost
        if shell.end_code is None:
            with contextlib.suppress(SQLAlchemyError, OSError):
                await self._check()
        shell.end("exited" if exited else "connection_lost", drain=True)

    async def _record(self, write: Callable[[Context], Awaitable[None]]) -> None:
        async with self._runtime.context(SYSTEM) as ctx:
            await write(ctx)

    async def _check(self) -> None:
        """End what has lost its right to exist: one question about all shells, one about their machines."""
        shells = list(self._shells.values())
        if not shells:
            return
        claims = {_claim(shell.user_id, shell.workspace, one) for shell in shells for one in shell.sessions}
        async with self._runtime.context(SYSTEM) as ctx:
            ended = await auth.rights_ended(ctx, claims)
            left = await provisioning.access_endings(ctx, {shell.allocation_id for shell in shells})
        for allocation_id, reason in left.items():
            self.apply(EndNotice(allocation_id=allocation_id, code=code_of_release(reason)))
        for shell in shells:
            for session_id in list(shell.sessions):
                found = ended.get(_claim(shell.user_id, shell.workspace, session_id))
                if found is not None and found.code == "signed_out":
                    shell.end_session(session_id, code_of_ending(found))
                elif found is not None:
                    shell.end(code_of_ending(found))

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                await self._check()
            except (SQLAlchemyError, OSError) as error:
                log.warning("whether terminals may go on could not be asked", error=type(error).__name__)
            for shell in list(self._shells.values()):
                if shell.detached_seconds > self._keep_seconds:
                    shell.end("idle")

    async def _listen(self) -> None:
        """React to notices at once; the periodic check covers lost ones."""
        while True:
            with contextlib.suppress(RedisError, OSError):
                async with self._runtime.valkey.pubsub(ignore_subscribe_messages=True) as channel:
                    await channel.subscribe(END_CHANNEL)
                    while True:
                        message = await channel.get_message(timeout=1.0)
                        if message is not None:
                            self._hear(message["data"])
            await asyncio.sleep(1)

    def _hear(self, data: bytes) -> None:
        try:
            self.apply(msgspec.json.decode(data, type=EndNotice))
        except msgspec.MsgspecError:
            log.warning("a notice on the terminal channel could not be read")


def _claim(user_id: UUID, workspace: tuple[UUID, UUID], session_id: UUID) -> Claim:
    """The claim that a shell depends on."""
    tenant_id, project_id = workspace
    return Claim(
        principal_id=user_id,
        permission=Permission.TERMINAL_OPEN,
        tenant_id=tenant_id,
        project_id=project_id,
        session_id=session_id,
    )


def host_of(runtime: Runtime) -> TerminalHost:
    """This process's host."""
    return runtime.part(TerminalHost)


__all__ = ["END_CHANNEL", "EndNotice", "TerminalHost", "host_of"]
