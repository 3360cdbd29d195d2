"""Folders: make, move with all that is in it, delete, undo."""

from app.context import Context
from app.domains.storage.contracts import (
    DeleteFolder,
    Done,
    MakeFolder,
    MoveFolder,
    NamespaceView,
    RestoreFolder,
)
from app.domains.storage.errors import PathTaken
from app.domains.storage.repository import NamespaceRepository, ObjectRepository, TreeRepository
from app.domains.storage.service import places
from app.domains.storage.service.clashes import look_around
from app.domains.storage.service.objects import show
from app.domains.storage.service.publish import purge_at
from app.shared.authz import Permission, ProjectScope, privileged, project_scope
from app.shared.errors import NotFound, ValidationFailed
from app.shared.storagepath import MOST_BYTES, FolderPath, StoragePath, checked, is_inside, split


async def _take(ctx: Context, name: str) -> tuple[ProjectScope, NamespaceView]:
    """The project's turn and a namespace of it. Raises NotFound."""
    scope = project_scope(ctx.actor, Permission.STORAGE_WRITE)
    await places.lock_usage(ctx, scope)
    return scope, await places.ensure(ctx, scope, name)


async def _changed(ctx: Context, namespace: NamespaceView, objects: int = 0) -> Done:
    version = await NamespaceRepository(ctx.session).touch(namespace.id)
    await places.tell(ctx, namespace, version, objects)
    return Done(id=namespace.id, version=version, count=objects, at=await ctx.now())


async def _existing(ctx: Context, namespace: NamespaceView, raw: str) -> FolderPath:
    """Raises NotFound, ValidationFailed."""
    folder = FolderPath(checked(raw))
    if not await TreeRepository(ctx.session, namespace.id).existing([folder]):
        raise NotFound()
    return folder


@privileged(Permission.STORAGE_WRITE, "storage.folder.create", "namespace", lambda _c, result: result and result.id)
async def make(ctx: Context, command: MakeFolder) -> Done:
    """An empty folder, and those above it. Raises NotFound, ValidationFailed, PathTaken."""
    path = checked(command.path)
    _, namespace = await _take(ctx, command.namespace)
    around = await look_around(ctx, namespace.id, [path])
    if around.check(path) is not None:
        raise PathTaken(f"{path} is a file.")
    await TreeRepository(ctx.session, namespace.id).ensure([FolderPath(path)], await ctx.now())
    return await _changed(ctx, namespace)


@privileged(Permission.STORAGE_WRITE, "storage.folder.move", "namespace", lambda _c, result: result and result.id)
async def move(ctx: Context, command: MoveFolder) -> Done:
    """Another path for a folder and all in it; one statement for the files. Raises NotFound, ValidationFailed,
    PathTaken."""
    target = checked(command.new_path, "new_path")
    _, namespace = await _take(ctx, command.namespace)
    source = await _existing(ctx, namespace, command.path)
    if is_inside(target, source):
        raise ValidationFailed(fields={"new_path": "A folder cannot be moved into itself"})
    around = await look_around(ctx, namespace.id, [target])
    if around.check(target) is not None:
        raise PathTaken(f"{target} is a file.")
    objects, tree = ObjectRepository(ctx.session), TreeRepository(ctx.session, namespace.id)
    longest = max(await objects.longest(namespace.id, source), await tree.longest(source))
    if longest - len(source.encode()) + len(target.encode()) > MOST_BYTES:
        raise ValidationFailed(
            fields={"new_path": f"Something in this folder would have a path of more than {MOST_BYTES} bytes"}
        )
    now = await ctx.now()
    await tree.ensure([split(target)[0]], now)
    await tree.move(source, FolderPath(target))
    count = await objects.move_folder(namespace.id, source, FolderPath(target), now)
    ctx.explain(files=count)
    return await _changed(ctx, namespace, count)


@privileged(Permission.STORAGE_WRITE, "storage.folder.delete", "namespace", lambda _c, result: result and result.id)
async def delete(ctx: Context, command: DeleteFolder) -> Done:
    """A folder with all in it; the files can be brought back, together by the instant that the answer holds (`at`).
    Raises NotFound, ValidationFailed."""
    scope, namespace = await _take(ctx, command.namespace)
    folder = await _existing(ctx, namespace, command.path)
    now = await ctx.now()
    count = await ObjectRepository(ctx.session).delete_folder(namespace.id, folder, now, await purge_at(ctx, scope))
    await TreeRepository(ctx.session, namespace.id).delete(folder)
    ctx.explain(files=count)
    return await _changed(ctx, namespace, count)


@privileged(Permission.STORAGE_WRITE, "storage.folder.restore", "namespace", lambda _c, result: result and result.id)
async def restore(ctx: Context, command: RestoreFolder) -> Done:
    """Bring back what went with a folder, but where another file has the path now. Raises NotFound."""
    folder = FolderPath(checked(command.path))
    _, namespace = await _take(ctx, command.namespace)
    gone = await ObjectRepository(ctx.session).list_deleted_with(namespace.id, folder, command.deleted_at)
    around = await look_around(ctx, namespace.id, [StoragePath(thing.path) for thing in gone])
    free = [thing for thing in gone if thing.path not in around.files and thing.path not in around.folders]
    for thing in free:
        await show(ctx, thing)
    await TreeRepository(ctx.session, namespace.id).ensure([folder], await ctx.now())
    ctx.explain(files=len(free))
    return await _changed(ctx, namespace, len(free))
