"""Folders: create, move, delete and restore them with everything in them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID, uuid5

import msgspec

from app.domains.storage.errors import PathTaken
from app.domains.storage.repository import FolderRepository, NamespaceRepository, ObjectRepository, UsageRepository
from app.domains.storage.repository.namespaces import NamespaceView
from app.domains.storage.repository.objects import ObjectView
from app.domains.storage.service import namespaces
from app.domains.storage.service.conflicts import list_occupied
from app.domains.storage.service.objects import show
from app.domains.storage.service.publish import purge_at
from app.domains.storage.service.results import Done
from app.shared.audit import AuditAction, withheld
from app.shared.authz import Permission, ProjectScope, project_scope
from app.shared.batch import Batch, BatchItem, BatchSpec, ask
from app.shared.context import Context
from app.shared.errors import NotFound, ValidationFailed
from app.shared.storagepath import MAX_BYTES, FolderPath, StoragePath, checked, is_inside, split
from app.shared.use_case import use_case


class MakeFolder(msgspec.Struct, frozen=True, kw_only=True):
    namespace: str
    path: str


class MoveFolder(msgspec.Struct, frozen=True, kw_only=True):
    namespace: str
    path: str
    new_path: str


class DeleteFolder(msgspec.Struct, frozen=True, kw_only=True):
    namespace: str
    path: str


class RestoreFolder(msgspec.Struct, frozen=True, kw_only=True):
    """Undo the deletion of a folder: `deleted_at` says which one."""

    namespace: str
    path: str
    deleted_at: datetime


AT_ONCE = 100  # files restored in one transaction


async def _take(ctx: Context, name: str) -> tuple[ProjectScope, NamespaceView]:
    """Lock the project's storage and find a namespace. Raises ValidationFailed."""
    scope = project_scope(ctx.actor, Permission.STORAGE_WRITE)
    await namespaces.lock_usage(ctx, scope)
    return scope, await namespaces.ensure_named(ctx, scope, name)


async def _changed(ctx: Context, namespace: NamespaceView, objects: int = 0) -> Done:
    version = await NamespaceRepository(ctx.session).touch(namespace.id)
    await namespaces.emit_changed(ctx, namespace, version, objects)
    return Done(id=namespace.id, version=version, count=objects, at=await ctx.now())


async def _existing(ctx: Context, namespace: NamespaceView, raw: str) -> FolderPath:
    """Raises NotFound, ValidationFailed."""
    folder = FolderPath(checked(raw))
    if not await FolderRepository(ctx.session, namespace.id).list_existing([folder]):
        raise NotFound()
    return folder


@use_case(Permission.STORAGE_WRITE, AuditAction.STORAGE_FOLDER_CREATE, lambda _c, result: result and result.id)
async def make(ctx: Context, command: MakeFolder) -> Done:
    """Create a folder and those above it. Raises NotFound, ValidationFailed, PathTaken."""
    path = checked(command.path)
    _, namespace = await _take(ctx, command.namespace)
    occupied = await list_occupied(ctx, namespace.id, [path])
    if occupied.check(path) is not None:
        raise PathTaken(f"{path} is a file.")
    await FolderRepository(ctx.session, namespace.id).ensure([FolderPath(path)], await ctx.now())
    return await _changed(ctx, namespace)


@use_case(Permission.STORAGE_WRITE, AuditAction.STORAGE_FOLDER_MOVE, lambda _c, result: result and result.id)
async def move(ctx: Context, command: MoveFolder) -> Done:
    """Move a folder with everything in it. Raises NotFound, ValidationFailed, PathTaken."""
    target = checked(command.new_path, "new_path")
    _, namespace = await _take(ctx, command.namespace)
    source = await _existing(ctx, namespace, command.path)
    if is_inside(target, source):
        raise ValidationFailed(fields={"new_path": "A folder cannot be moved into itself"})
    occupied = await list_occupied(ctx, namespace.id, [target])
    if occupied.check(target) is not None:
        raise PathTaken(f"{target} is a file.")
    objects, tree = ObjectRepository(ctx.session), FolderRepository(ctx.session, namespace.id)
    longest = max(await objects.longest(namespace.id, source), await tree.longest(source))
    if longest - len(source.encode()) + len(target.encode()) > MAX_BYTES:
        raise ValidationFailed(
            fields={"new_path": f"Something in this folder would have a path of more than {MAX_BYTES} bytes"}
        )
    now = await ctx.now()
    await tree.ensure([split(target)[0]], now)
    await tree.move(source, FolderPath(target))
    count = await objects.move_folder(namespace.id, source, FolderPath(target), now)
    ctx.explain(files=count)
    ctx.changed(path=withheld(source, target))
    return await _changed(ctx, namespace, count)


@use_case(Permission.STORAGE_WRITE, AuditAction.STORAGE_FOLDER_DELETE, lambda _c, result: result and result.id)
async def delete(ctx: Context, command: DeleteFolder) -> Done:
    """Delete a folder with everything in it. The files can be restored together, by the instant in the result (`at`).
    Raises NotFound, ValidationFailed."""
    scope, namespace = await _take(ctx, command.namespace)
    folder = await _existing(ctx, namespace, command.path)
    now = await ctx.now()
    count = await ObjectRepository(ctx.session).delete_folder(namespace.id, folder, now, await purge_at(ctx, scope))
    await FolderRepository(ctx.session, namespace.id).delete(folder)
    ctx.explain(files=count)
    return await _changed(ctx, namespace, count)


@use_case(Permission.STORAGE_WRITE, AuditAction.STORAGE_FOLDER_RESTORE, lambda _c, result: result and result.id)
async def restore(ctx: Context, command: RestoreFolder) -> Done:
    """Restore what was deleted with a folder, except where another file has the path now. More than 100 files are
    restored by a job after the response; `count` is their number. Raises NotFound."""
    folder = FolderPath(checked(command.path))
    _, namespace = await _take(ctx, command.namespace)
    objects = ObjectRepository(ctx.session)
    count = await objects.count_deleted_with(namespace.id, folder, command.deleted_at)
    if count <= AT_ONCE:
        rows = await objects.lock_deleted_with(namespace.id, folder, command.deleted_at, None, AT_ONCE)
        count = await _bring_back(ctx, namespace.id, rows)
    else:
        gone = DeletedFolder(namespace.project_id, namespace.id, folder, command.deleted_at)
        subject = uuid5(namespace.id, f"{command.deleted_at.isoformat()} {folder}")
        await ask(ctx, RESTORE_MANY, subject, tenant_id=namespace.tenant_id, arguments=gone, total=count)
    await FolderRepository(ctx.session, namespace.id).ensure([folder], await ctx.now())
    ctx.explain(files=count)
    ctx.changed(state=("deleted", "visible"))
    return await _changed(ctx, namespace, count)


class DeletedFolder(msgspec.Struct, frozen=True):
    """A folder that was deleted at one instant."""

    project_id: UUID
    namespace_id: UUID
    folder: str
    deleted_at: datetime


async def _take_turn(ctx: Context, batch: Batch) -> str:
    """Lock the project's storage first, as every change of it does. Nothing ends the batch."""
    if batch.tenant_id is not None:
        await UsageRepository(ctx.session).lock(
            batch.tenant_id, msgspec.convert(batch.arguments, DeletedFolder).project_id
        )
    return ""


async def _bring_back(ctx: Context, namespace_id: UUID, rows: Sequence[ObjectView]) -> int:
    occupied = await list_occupied(ctx, namespace_id, [StoragePath(file.path) for file in rows])
    free = [file for file in rows if file.path not in occupied.files and file.path not in occupied.folders]
    for file in free:
        await show(ctx, file)
    return len(free)


async def _find(ctx: Context, batch: Batch, after: BatchItem | None, limit: int) -> Sequence[BatchItem]:
    gone, objects = msgspec.convert(batch.arguments, DeletedFolder), ObjectRepository(ctx.session)
    location = (gone.namespace_id, FolderPath(gone.folder), gone.deleted_at)
    rows = await objects.lock_deleted_with(*location, after.id if after else None, limit)
    return [BatchItem(id=row.id) for row in rows]


async def _act(ctx: Context, batch: Batch, items: Sequence[BatchItem]) -> Collection[UUID]:
    gone = msgspec.convert(batch.arguments, DeletedFolder)
    rows = await ObjectRepository(ctx.session).list_by_ids([item.id for item in items])
    await _bring_back(ctx, gone.namespace_id, [row for row in rows if row.state == "deleted"])
    return [item.id for item in items]


RESTORE_MANY = BatchSpec(
    name="storage.restore_folder",
    title="Restoring a large folder",
    queue="maintenance",
    find=_find,
    act=_act,
    ends=_take_turn,
)
