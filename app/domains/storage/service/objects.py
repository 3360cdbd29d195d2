"""What one does with a file that is there: move, delete, bring back, be rid of it. The bytes never move."""

from uuid import UUID

from app.domains.storage.contracts import (
    DeleteObject,
    Done,
    MoveObject,
    ObjectView,
    Purged,
    PurgeObject,
    RestoreObject,
)
from app.domains.storage.errors import PathTaken
from app.domains.storage.events import ObjectMoved, ObjectRestored
from app.domains.storage.repository import (
    NamespaceRepository,
    ObjectRepository,
    SweepRepository,
    TreeRepository,
    UsageRepository,
)
from app.domains.storage.service import places
from app.domains.storage.service.clashes import look_around
from app.domains.storage.service.publish import hide
from app.shared.audit import AuditAction, withheld
from app.shared.authz import Permission, ProjectScope, project_scope
from app.shared.context import Context
from app.shared.errors import NotFound
from app.shared.storagepath import StoragePath, checked, split
from app.shared.use_case import use_case
from app.shared.versions import check_version


async def _lock(ctx: Context, object_id: UUID, *, deleted: bool) -> tuple[ProjectScope, ObjectView]:
    """The project's turn and the row. Raises NotFound unless it is deleted, or visible, as wanted."""
    scope = project_scope(ctx.actor, Permission.STORAGE_WRITE)
    await places.lock_usage(ctx, scope)
    thing = await ObjectRepository(ctx.session).get_in(scope, object_id, lock=True)
    if (thing.state == "deleted") != deleted:
        raise NotFound()
    return scope, thing


@use_case(Permission.STORAGE_WRITE, AuditAction.STORAGE_OBJECT_MOVE, lambda command, _r: command.object_id)
async def move(ctx: Context, command: MoveObject) -> Done:
    """Another path: one row changes. Raises NotFound, ValidationFailed, PathTaken, PreconditionFailed."""
    path = checked(command.path)
    scope, thing = await _lock(ctx, command.object_id, deleted=False)
    check_version(thing.version, command.seen)
    namespace_id = thing.namespace_id
    if command.namespace:
        namespace_id = (await places.ensure_named(ctx, scope, command.namespace)).id
    ctx.changed(path=withheld(thing.path, path), namespace_id=(thing.namespace_id, namespace_id))
    there = (await look_around(ctx, namespace_id, [path])).check(path)
    if there is not None and there.id == thing.id:
        return Done(id=thing.id, version=thing.version)
    if there is not None and not command.overwrite:
        raise PathTaken(f"{path} is there already.")
    if there is not None:
        await hide(ctx, there, replaced=True)
    now = await ctx.now()
    await TreeRepository(ctx.session, namespace_id).ensure([split(path)[0]], now)
    version = await ObjectRepository(ctx.session).move(thing.id, namespace_id, path, now)
    fact = ObjectMoved(object_id=thing.id, namespace_id=namespace_id)
    await ctx.emit(fact, version=version, tenant_id=thing.tenant_id, project_id=thing.project_id)
    return Done(id=thing.id, version=version)


@use_case(Permission.STORAGE_WRITE, AuditAction.STORAGE_OBJECT_DELETE, lambda command, _r: command.object_id)
async def delete(ctx: Context, command: DeleteObject) -> Done:
    """It can be brought back until its time ends. Raises NotFound, PreconditionFailed."""
    _, thing = await _lock(ctx, command.object_id, deleted=False)
    check_version(thing.version, command.seen)
    return Done(id=thing.id, version=await hide(ctx, thing))


@use_case(Permission.STORAGE_WRITE, AuditAction.STORAGE_OBJECT_RESTORE, lambda command, _r: command.object_id)
async def restore(ctx: Context, command: RestoreObject) -> Done:
    """Bring a deleted file back to its path. One that was replaced changes places with what replaced it. Raises
    NotFound, PathTaken."""
    _, thing = await _lock(ctx, command.object_id, deleted=True)
    path = StoragePath(thing.path)
    there = (await look_around(ctx, thing.namespace_id, [path])).check(path)
    if there is not None and not thing.replaced:
        raise PathTaken(f"Another file is called {path} now. Move it, then bring this one back.")
    if there is not None:
        await hide(ctx, there, replaced=True)
    ctx.changed(state=("deleted", "visible"))
    return Done(id=thing.id, version=await show(ctx, thing))


async def show(ctx: Context, thing: ObjectView) -> int:
    """Make a deleted file visible again, and say so. Returns its new version."""
    now = await ctx.now()
    await TreeRepository(ctx.session, thing.namespace_id).ensure([thing.folder], now)
    version = await ObjectRepository(ctx.session).show(thing.id, now)
    fact = ObjectRestored(object_id=thing.id, namespace_id=thing.namespace_id)
    await ctx.emit(fact, version=version, tenant_id=thing.tenant_id, project_id=thing.project_id)
    return version


@use_case(Permission.STORAGE_WRITE, AuditAction.STORAGE_OBJECT_PURGE, lambda command, _r: command.object_id)
async def purge(ctx: Context, command: PurgeObject) -> Purged:
    """Gone for good now: its room is free at once, its bytes leave the bucket within a minute. Raises NotFound."""
    scope, thing = await _lock(ctx, command.object_id, deleted=True)
    await SweepRepository(ctx.session).set_purging(thing.id)
    await UsageRepository(ctx.session).change(scope.project_id, size=-thing.size, objects=-1)
    version = await NamespaceRepository(ctx.session).touch(thing.namespace_id)
    namespace = (await NamespaceRepository(ctx.session).by_ids(scope, [thing.namespace_id]))[thing.namespace_id]
    await places.tell(ctx, namespace, version, 1)
    return Purged(id=thing.id, version=thing.version + 1, namespace=namespace.name)
