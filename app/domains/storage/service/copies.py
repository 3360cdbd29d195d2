"""Copies to machines: requested by a person, carried out by a job, compared at the end.

The worker reads the file from the bucket and writes it to the machine as the person's login, with a certificate that it
gets for this. So the machine needs no access to the file store. Both ends compute the SHA-256: the bytes of the bucket
must match the table, and the file on the machine must match the bytes that were sent.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from uuid import UUID

import msgspec
import structlog

from app.domains.auth import public as auth
from app.domains.provisioning import public as provisioning
from app.domains.releases import public as releases
from app.domains.releases.contracts import CertifyUser
from app.domains.storage.errors import MachineRefused, StorageUnavailable
from app.domains.storage.events import CopyChanged
from app.domains.storage.gateway import ssh
from app.domains.storage.gateway.s3 import Bucket
from app.domains.storage.repository import CopyRepository, SweepRepository
from app.domains.storage.repository.copies import CopyState, CopyView
from app.domains.storage.repository.objects import ObjectView
from app.domains.storage.rules import machine, parts
from app.domains.storage.service import views
from app.domains.storage.service.results import Done
from app.shared.audit import AuditAction
from app.shared.authz import Permission, project_scope
from app.shared.authz.actor import SYSTEM
from app.shared.authz.rights import Claim
from app.shared.context import Context, Runtime
from app.shared.errors import DomainError, ValidationFailed
from app.shared.errors.faults import named
from app.shared.ids import new_id
from app.shared.paging import Slice, cut
from app.shared.use_case import use_case


class CopyToMachine(msgspec.Struct, frozen=True, kw_only=True):
    """Copy a file to a machine. `target` is a path there, below the login's home unless it starts with /; when it is
    empty, the file keeps its name."""

    object_id: UUID
    allocation_id: UUID
    target: str = ""


class RunCopy(msgspec.Struct, frozen=True, kw_only=True):
    """A job: carry out a copy."""

    copy_id: UUID


JOB = "storage.copy"
HEARTBEAT_SECONDS = 2.0
log = structlog.get_logger("berth.storage")


@use_case(Permission.TERMINAL_OPEN, AuditAction.STORAGE_COPY_TO_MACHINE, lambda _c, result: result and result.id)
async def ask(ctx: Context, command: CopyToMachine) -> Done:
    """Record a copy and enqueue its job. Raises NotFound, NotActive, ValidationFailed."""
    with named("object_id", "There is no such file in this project."):
        file = await views.get_object(ctx, command.object_id)
    scope = project_scope(ctx.actor, Permission.STORAGE_READ)
    with named("allocation_id", "There is no such machine in this project."):
        target = await provisioning.get_access_target(ctx, command.allocation_id)
    try:
        path = machine.target_of(command.target, file.name)
    except machine.BadPath as reason:
        raise ValidationFailed(fields={"target": f"This path cannot be used: {reason}"}) from reason
    copy_id = new_id()
    fields: dict[str, object] = {
        "id": copy_id,
        "object_id": file.id,
        "allocation_id": target.allocation_id,
        "machine": target.name,
        "label": file.path,
        "target": path,
        "size": file.size,
        "created_by": ctx.actor.id,
        "now": await ctx.now(),
    }
    await CopyRepository(ctx.session).append(scope, fields)
    await ctx.enqueue(JOB, RunCopy(copy_id=copy_id), aggregate_id=copy_id)
    ctx.explain(object_id=str(file.id), allocation_id=str(target.allocation_id))
    return Done(id=copy_id, version=1)


async def get(ctx: Context, copy_id: UUID) -> CopyView:
    """Raises NotFound."""
    return await CopyRepository(ctx.session).get_in(project_scope(ctx.actor, Permission.STORAGE_READ), copy_id)


async def page(ctx: Context, allocation_id: UUID | None, cursor: UUID | None, limit: int) -> Slice[CopyView, UUID]:
    """Copies, newest first."""
    scope = project_scope(ctx.actor, Permission.STORAGE_READ)
    rows = await CopyRepository(ctx.session).page(scope, allocation_id=allocation_id, before=cursor, limit=limit + 1)
    return cut(rows, limit, lambda copy: copy.id)


async def run(runtime: Runtime, copy_id: UUID) -> None:
    """Carry out a copy. Does nothing for one that has started or ended, because a job may run twice."""
    async with runtime.context(SYSTEM) as ctx:
        copy = await CopyRepository(ctx.session).take(copy_id, await ctx.now())
        if copy is None:
            return
        await _emit_changed(ctx, copy, "in_progress", copy.version)
    sender = Sender(runtime, copy)
    try:
        await sender.send()
    except DomainError as error:
        await end(runtime, copy, "failed", sender.done, error.message)
    except asyncio.CancelledError:
        await end(runtime, copy, "failed", sender.done, "The worker was stopped. Start the copy again.")
        raise
    else:
        await end(runtime, copy, "active", sender.done)


class Sender:
    """Sends one copy."""

    def __init__(self, runtime: Runtime, copy: CopyView) -> None:
        self._runtime = runtime
        self._copy = copy
        self.done = 0
        self._whole = hashlib.sha256()

    async def send(self) -> None:
        async with self._runtime.context(SYSTEM) as ctx:
            file = await self.check(ctx)
            found = await provisioning.get_app_target(ctx, self._copy.allocation_id)
            target = await releases.login_target(ctx, CertifyUser(machine=found, user_id=self._copy.created_by))
        there = await ssh.send_file(target, self._copy.target, file.size, self._read(file))
        if there != self._whole.hexdigest():
            raise MachineRefused("The file on the machine differs from what was sent. Its disk may be full or broken.")

    async def check(self, ctx: Context) -> ObjectView:
        """The file, while it exists and the person who requested the copy may log in to the running machine. Raises
        MachineRefused, StorageUnavailable, RightEnded."""
        if await provisioning.access_endings(ctx, [self._copy.allocation_id]):
            raise MachineRefused("The machine was released.")
        file = await SweepRepository(ctx.session).find_object(self._copy.object_id)
        if file is None or file.state == "purging":
            raise StorageUnavailable("The file was purged.")
        if self._copy.created_by is not None:
            claim = Claim(
                principal_id=self._copy.created_by,
                permission=Permission.TERMINAL_OPEN,
                tenant_id=self._copy.tenant_id,
                project_id=self._copy.project_id,
            )
            await auth.check_right(ctx, claim)
        return file

    async def _read(self, file: ObjectView) -> AsyncIterator[bytes]:
        """The bytes, counted and compared. The progress is recorded every two seconds."""
        digest = parts.Digest(file.part_size)
        loop = asyncio.get_running_loop()
        heartbeat = loop.time()
        bucket = self._runtime.part(Bucket)
        async for chunk in bucket.read(parts.key_of(file.project_id, file.id)):
            digest.add(chunk)
            self._whole.update(chunk)
            yield chunk
            self.done += len(chunk)
            if loop.time() - heartbeat > HEARTBEAT_SECONDS:
                heartbeat = loop.time()
                await self._heartbeat()
        if digest.text() != file.checksum:
            raise StorageUnavailable(
                "The bytes in the file store differ from what was uploaded. The copy was not finished."
            )

    async def _heartbeat(self) -> None:
        async with self._runtime.context(SYSTEM) as ctx:
            await self.check(ctx)
            await CopyRepository(ctx.session).heartbeat(self._copy.id, self.done, await ctx.now())


async def end(runtime: Runtime, copy: CopyView, state: CopyState, done: int, problem: str | None = None) -> None:
    """Record how a copy ended and emit it."""
    async with runtime.context(SYSTEM) as ctx:
        version = await CopyRepository(ctx.session).end(copy.id, state, done, await ctx.now(), problem)
        if version is not None:
            await _emit_changed(ctx, copy, state, version)
    log.info("a copy to a machine ended", copy_id=str(copy.id), state=state, bytes=done)


async def _emit_changed(ctx: Context, copy: CopyView, state: CopyState, version: int) -> None:
    await ctx.emit(
        CopyChanged(copy_id=copy.id, allocation_id=copy.allocation_id, state=state),
        version=version,
        tenant_id=copy.tenant_id,
        project_id=copy.project_id,
    )
