"""Makes completed uploads visible: one transaction for a batch, under the project's lock."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from app.domains.storage import policies
from app.domains.storage.errors import PathTaken
from app.domains.storage.events import ObjectCreated, ObjectDeleted
from app.domains.storage.repository import FolderRepository, ObjectRepository, UploadRepository, UsageRepository
from app.domains.storage.repository.objects import ObjectView
from app.domains.storage.repository.uploads import UploadView
from app.domains.storage.service import namespaces
from app.domains.storage.service.conflicts import list_occupied
from app.domains.storage.service.results import Refusal
from app.domains.storage.service.uploads import refused
from app.shared.audit import AuditAction
from app.shared.authz import Permission, ProjectScope, project_scope
from app.shared.context import Context
from app.shared.errors import DomainError, NotFound
from app.shared.storagepath import StoragePath, split
from app.shared.use_case import use_case


class Arrived(msgspec.Struct, frozen=True, kw_only=True):
    """What the bucket reports about one upload: its checksum, or why it cannot be finished."""

    id: UUID
    checksum: str = ""
    refused: "Refusal | None" = None


class PublishUploads(msgspec.Struct, frozen=True, kw_only=True):
    """Make uploads visible whose bytes have arrived."""

    arrived: tuple[Arrived, ...]
    overwrite: bool = False


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """The result for one upload: an object of the same id, or a refusal."""

    id: UUID
    path: str = ""
    refused: Refusal | None = None


class UploadsFinished(msgspec.Struct, frozen=True, kw_only=True):
    items: tuple[Finished, ...]


@use_case(
    Permission.STORAGE_WRITE,
    AuditAction.STORAGE_OBJECT_CREATE,
    lambda command, _r: command.arrived[0].id if command.arrived else None,
)
async def publish(ctx: Context, command: PublishUploads) -> UploadsFinished:
    """Make the files of these uploads visible. An upload whose path is taken meanwhile stays open, with a refusal."""
    scope = project_scope(ctx.actor, Permission.STORAGE_WRITE)
    await namespaces.lock_usage(ctx, scope)
    repository = UploadRepository(ctx.session)
    uploads = await repository.list_by_ids(scope, [item.id for item in command.arrived], lock=True)
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
    if upload is None:  # finished by a request whose response was lost, or unknown
        try:
            known = await ObjectRepository(ctx.session).get_in(scope, item.id)
        except NotFound:
            return Finished(id=item.id, refused=item.refused or refused(NotFound()))
        return Finished(id=item.id, path=known.path)
    if item.refused is not None:
        return Finished(id=item.id, path=upload.path, refused=item.refused)
    path = StoragePath(upload.path)
    occupied = await list_occupied(ctx, upload.namespace_id, [path])
    there = occupied.check(path)
    if there is not None and not (upload.overwrite or overwrite):
        raise PathTaken(f"There is already a file at {path}.")
    if there is not None:
        await hide(ctx, there, replaced=True)
    await _append(ctx, upload, item.checksum, await ctx.now())
    return Finished(id=item.id, path=upload.path)


async def _append(ctx: Context, upload: UploadView, checksum: str, now: datetime) -> None:
    await FolderRepository(ctx.session, upload.namespace_id).ensure([split(StoragePath(upload.path))[0]], now)
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
    """When a file that is deleted now is purged."""
    minutes = await ctx.policy(policies.UNDO_MINUTES, scope.tenant_id, scope.project_id)
    return await ctx.now() + timedelta(minutes=minutes)


async def hide(ctx: Context, file: ObjectView, *, replaced: bool = False) -> int:
    """Delete a file so that it can be restored, and emit it. Returns its new version."""
    repository = ObjectRepository(ctx.session)
    version = await repository.hide(file.id, await ctx.now(), await purge_at(ctx, file), replaced=replaced)
    await ctx.emit(
        ObjectDeleted(object_id=file.id, namespace_id=file.namespace_id, size=file.size),
        version=version,
        tenant_id=file.tenant_id,
        project_id=file.project_id,
    )
    return version
