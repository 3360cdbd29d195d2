"""Making what has arrived visible: one transaction for a batch, under the project's turn."""

from datetime import datetime, timedelta

from app.domains.storage import policies
from app.domains.storage.contracts import Arrived, Finished, ObjectView, PublishUploads, UploadsFinished, UploadView
from app.domains.storage.errors import PathTaken
from app.domains.storage.events import ObjectCreated, ObjectDeleted
from app.domains.storage.repository import ObjectRepository, TreeRepository, UploadRepository, UsageRepository
from app.domains.storage.service import places
from app.domains.storage.service.clashes import look_around
from app.domains.storage.service.uploads import refused
from app.shared.audit import AuditAction
from app.shared.authz import Permission, ProjectScope, project_scope
from app.shared.context import Context
from app.shared.errors import DomainError, NotFound
from app.shared.storagepath import StoragePath, split
from app.shared.use_case import use_case


@use_case(
    Permission.STORAGE_WRITE,
    AuditAction.STORAGE_OBJECT_CREATE,
    lambda command, _r: command.arrived[0].id if command.arrived else None,
)
async def publish(ctx: Context, command: PublishUploads) -> UploadsFinished:
    """The files of these uploads are there. One whose path was taken meanwhile keeps waiting, with a refusal."""
    scope = project_scope(ctx.actor, Permission.STORAGE_WRITE)
    await places.lock_usage(ctx, scope)
    repository = UploadRepository(ctx.session)
    uploads = await repository.by_ids(scope, [item.id for item in command.arrived], lock=True)
    finished: list[Finished] = []
    done: list[UploadView] = []
    for item in command.arrived:
        try:
            finished.append(await _one(ctx, scope, item, uploads.get(item.id), command.overwrite))
        except DomainError as refusal:
            finished.append(Finished(id=item.id, refused=refused(refusal)))
        else:
            if item.id in uploads and finished[-1].refused is None:
                done.append(uploads[item.id])
    size = sum(upload.size for upload in done)
    await UsageRepository(ctx.session).change(
        scope.project_id, size=size, objects=len(done), reserved=-size, reserved_objects=-len(done)
    )
    await repository.delete([upload.id for upload in done])
    ctx.explain(files=len(done), bytes=size, refused=sum(1 for item in finished if item.refused))
    return UploadsFinished(items=tuple(finished))


async def _one(
    ctx: Context, scope: ProjectScope, item: Arrived, upload: UploadView | None, overwrite: bool
) -> Finished:
    if upload is None:  # finished by a request whose answer got lost, or not there at all
        try:
            known = await ObjectRepository(ctx.session).get_in(scope, item.id)
        except NotFound:
            return Finished(id=item.id, refused=item.refused or refused(NotFound()))
        return Finished(id=item.id, path=known.path)
    if item.refused is not None:
        return Finished(id=item.id, path=upload.path, refused=item.refused)
    path = StoragePath(upload.path)
    around = await look_around(ctx, upload.namespace_id, [path])
    there = around.check(path)
    if there is not None and not (upload.overwrite or overwrite):
        raise PathTaken(f"{path} is there already.")
    if there is not None:
        await hide(ctx, there, replaced=True)
    await _append(ctx, upload, item.checksum, await ctx.now())
    return Finished(id=item.id, path=upload.path)


async def _append(ctx: Context, upload: UploadView, checksum: str, now: datetime) -> None:
    await TreeRepository(ctx.session, upload.namespace_id).ensure([split(StoragePath(upload.path))[0]], now)
    await ObjectRepository(ctx.session).append(
        {
            "id": upload.id,
            "tenant_id": upload.tenant_id,
            "project_id": upload.project_id,
            "namespace_id": upload.namespace_id,
            "folder": upload.folder,
            "name": upload.name,
            "size": upload.size,
            "content_type": upload.content_type,
            "checksum": checksum,
            "part_size": upload.part_size,
            "created_by": upload.created_by,
            "now": now,
        }
    )
    await ctx.emit(
        ObjectCreated(object_id=upload.id, namespace_id=upload.namespace_id, size=upload.size),
        version=1,
        tenant_id=upload.tenant_id,
        project_id=upload.project_id,
    )


async def purge_at(ctx: Context, scope: ProjectScope | ObjectView) -> datetime:
    """When what is deleted now is gone for good."""
    minutes = await ctx.policy(policies.UNDO_MINUTES, scope.tenant_id, scope.project_id)
    return await ctx.now() + timedelta(minutes=minutes)


async def hide(ctx: Context, thing: ObjectView, *, replaced: bool = False) -> int:
    """Delete a file for now, and say so. Returns its new version."""
    repository = ObjectRepository(ctx.session)
    version = await repository.hide(thing.id, await ctx.now(), await purge_at(ctx, thing), replaced=replaced)
    await ctx.emit(
        ObjectDeleted(object_id=thing.id, namespace_id=thing.namespace_id, size=thing.size),
        version=version,
        tenant_id=thing.tenant_id,
        project_id=thing.project_id,
    )
    return version
