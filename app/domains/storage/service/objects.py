"""Files: move, delete, restore and purge them. The bytes are never moved."""

from uuid import UUID

import msgspec

from app.domains.storage.errors import PathTaken
from app.domains.storage.events import ObjectMoved, ObjectRestored
from app.domains.storage.repository import (
    FolderRepository,
    NamespaceRepository,
    ObjectRepository,
    SweepRepository,
    UsageRepository,
)
from app.domains.storage.repository.objects import ObjectView
from app.domains.storage.service import namespaces
from app.domains.storage.service.conflicts import list_occupied
from app.domains.storage.service.publish import hide
from app.domains.storage.service.results import Done, Purged
from app.shared.audit import AuditAction, withheld
from app.shared.authz import Permission, ProjectScope, project_scope
from app.shared.context import Context
from app.shared.errors import NotFound
from app.shared.storagepath import StoragePath, checked, split
from app.shared.use_case import use_case
from app.shared.versions import check_version


class MoveObject(msgspec.Struct, frozen=True, kw_only=True):
    """Another path, in the same namespace or in another one of the project."""

    object_id: UUID
    path: str
    namespace: str = ""
    overwrite: bool = False
    seen: int | None = None


class DeleteObject(msgspec.Struct, frozen=True, kw_only=True):
    object_id: UUID
    seen: int | None = None


class RestoreObject(msgspec.Struct, frozen=True, kw_only=True):
    object_id: UUID


class PurgeObject(msgspec.Struct, frozen=True, kw_only=True):
    """Gone for good, before its time."""

    object_id: UUID


async def _lock(ctx: Context, object_id: UUID, *, deleted: bool) -> tuple[ProjectScope, ObjectView]:
    """Lock the project's storage and the file. Raises NotFound unless the file is deleted, or visible, as requested."""
    scope = project_scope(ctx.actor, Permission.STORAGE_WRITE)
    await namespaces.lock_usage(ctx, scope)
    file = await ObjectRepository(ctx.session).get_in(scope, object_id, lock=True)
    if (file.state == "deleted") != deleted:
        raise NotFound()
    return scope, file


@use_case(Permission.STORAGE_WRITE, AuditAction.STORAGE_OBJECT_MOVE, lambda command, _r: command.object_id)
async def move(ctx: Context, command: MoveObject) -> Done:
    """Move a file to another path. Raises NotFound, ValidationFailed, PathTaken, PreconditionFailed."""
    path = checked(command.path)
    scope, file = await _lock(ctx, command.object_id, deleted=False)
    check_version(file.version, command.seen)
    namespace_id = file.namespace_id
    if command.namespace:
        namespace_id = (await namespaces.ensure_named(ctx, scope, command.namespace)).id
    ctx.changed(path=withheld(file.path, path), namespace_id=(file.namespace_id, namespace_id))
    there = (await list_occupied(ctx, namespace_id, [path])).check(path)
    if there is not None and there.id == file.id:
        return Done(id=file.id, version=file.version)
    if there is not None and not command.overwrite:
        raise PathTaken(f"There is already a file at {path}.")
    if there is not None:
        await hide(ctx, there, replaced=True)
    now = await ctx.now()
    await FolderRepository(ctx.session, namespace_id).ensure([split(path)[0]], now)
    version = await ObjectRepository(ctx.session).move(file.id, namespace_id, path, now)
    event = ObjectMoved(object_id=file.id, namespace_id=namespace_id)
    await ctx.emit(event, version=version, tenant_id=file.tenant_id, project_id=file.project_id)
    return Done(id=file.id, version=version)


@use_case(Permission.STORAGE_WRITE, AuditAction.STORAGE_OBJECT_DELETE, lambda command, _r: command.object_id)
async def delete(ctx: Context, command: DeleteObject) -> Done:
    """Delete a file. It can be restored until its retention ends. Raises NotFound, PreconditionFailed."""
    _, file = await _lock(ctx, command.object_id, deleted=False)
    check_version(file.version, command.seen)
    return Done(id=file.id, version=await hide(ctx, file))


@use_case(Permission.STORAGE_WRITE, AuditAction.STORAGE_OBJECT_RESTORE, lambda command, _r: command.object_id)
async def restore(ctx: Context, command: RestoreObject) -> Done:
    """Restore a deleted file to its path. A replaced file is swapped with the file that replaced it. Raises NotFound,
    PathTaken."""
    _, file = await _lock(ctx, command.object_id, deleted=True)
    path = StoragePath(file.path)
    there = (await list_occupied(ctx, file.namespace_id, [path])).check(path)
    if there is not None and not file.replaced:
        raise PathTaken(f"Another file is at {path} now. Move it, then restore this one.")
    if there is not None:
        await hide(ctx, there, replaced=True)
    ctx.changed(state=("deleted", "visible"))
    return Done(id=file.id, version=await show(ctx, file))


async def show(ctx: Context, file: ObjectView) -> int:
    """Make a deleted file visible and emit it. Returns its new version."""
    now = await ctx.now()
    await FolderRepository(ctx.session, file.namespace_id).ensure([file.folder], now)
    version = await ObjectRepository(ctx.session).show(file.id, now)
    event = ObjectRestored(object_id=file.id, namespace_id=file.namespace_id)
    await ctx.emit(event, version=version, tenant_id=file.tenant_id, project_id=file.project_id)
    return version


@use_case(Permission.STORAGE_WRITE, AuditAction.STORAGE_OBJECT_PURGE, lambda command, _r: command.object_id)
async def purge(ctx: Context, command: PurgeObject) -> Purged:
    """Purge a deleted file: its quota is free at once, its bytes leave the bucket within a minute. Raises NotFound."""
    scope, file = await _lock(ctx, command.object_id, deleted=True)
    await SweepRepository(ctx.session).set_purging(file.id)
    await UsageRepository(ctx.session).change(scope.project_id, size=-file.size, objects=-1)
    version = await NamespaceRepository(ctx.session).touch(file.namespace_id)
    namespace = (await NamespaceRepository(ctx.session).list_by_ids(scope, [file.namespace_id]))[file.namespace_id]
    await namespaces.emit_changed(ctx, namespace, version, 1)
    return Purged(id=file.id, version=file.version + 1, namespace=namespace.name)
