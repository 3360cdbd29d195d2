"""Uploads: quota is reserved before a byte is sent, bytes go straight to the bucket, and a file becomes visible only
when it is complete. An interrupted upload is resumed, or expires and frees its quota."""

from datetime import timedelta
from uuid import UUID

import msgspec

from app.domains.storage import policies
from app.domains.storage.errors import FileTooLarge, PathTaken, QuotaExceeded, TooManyUploads
from app.domains.storage.repository import UploadRepository, UsageRepository
from app.domains.storage.repository.namespaces import NamespaceView
from app.domains.storage.repository.uploads import PartDigest, UploadView
from app.domains.storage.rules import parts
from app.domains.storage.rules.content import content_type
from app.domains.storage.service import namespaces
from app.domains.storage.service.conflicts import Occupied, list_occupied
from app.domains.storage.service.namespaces import UsageView
from app.domains.storage.service.results import Done, Refusal
from app.shared.audit import AuditAction
from app.shared.authz import Permission, ProjectScope, project_scope
from app.shared.context import Context
from app.shared.errors import DomainError, NotFound, ValidationFailed
from app.shared.formats import size as in_words
from app.shared.ids import new_id
from app.shared.storagepath import MAX_BYTES, TOP, StoragePath, checked, split
from app.shared.use_case import Unprivileged, use_case


class UploadItem(msgspec.Struct, frozen=True, kw_only=True):
    """A file to upload. `sha256` of the whole file is required for files that are sent in one piece."""

    path: str
    size: int
    content_type: str = ""
    sha256: str = ""


class StartUploads(msgspec.Struct, frozen=True, kw_only=True):
    """Announce files. With `overwrite` an existing file is replaced once the new one is complete."""

    namespace: str
    items: tuple[UploadItem, ...]
    overwrite: bool = False


class SignParts(msgspec.Struct, frozen=True, kw_only=True):
    upload_id: UUID
    parts: tuple[PartDigest, ...]


class CancelUpload(msgspec.Struct, frozen=True, kw_only=True):
    upload_id: UUID


class StartedUpload(msgspec.Struct, frozen=True, kw_only=True):
    """The result for one announced file: an upload, or the existing file with the same bytes (`same_as`), or a
    refusal."""

    path: str
    upload_id: UUID | None = None
    same_as: UUID | None = None
    refused: Refusal | None = None


class UploadsStarted(msgspec.Struct, frozen=True, kw_only=True):
    namespace_id: UUID
    items: tuple[StartedUpload, ...]


AT_ONCE = 100


class _Room(msgspec.Struct, kw_only=True):
    """The quota that is left while the items of a batch are reserved one after the other."""

    bytes: int
    objects: int
    uploads: int
    account_uploads: int
    account_bytes: int
    largest: int

    def take(self, size: int) -> None:
        """Raises FileTooLarge, QuotaExceeded, TooManyUploads."""
        if size > self.largest:
            raise FileTooLarge(f"A file may be at most {in_words(self.largest)}.")
        if size > self.bytes:
            raise QuotaExceeded(
                f"This file needs {in_words(size)}; {in_words(max(0, self.bytes))} of the quota are left."
            )
        if self.objects < 1:
            raise QuotaExceeded("This project has reached its maximum number of files.")
        if self.uploads < 1:
            raise TooManyUploads(
                "This project has reached its maximum number of unfinished uploads. Finish or cancel some."
            )
        if self.account_uploads < 1:
            raise TooManyUploads(
                "This organisation has reached its maximum number of unfinished uploads in all its projects. "
                "Finish or cancel some."
            )
        if size > self.account_bytes:
            raise TooManyUploads(
                f"This file needs {in_words(size)}; the unfinished uploads of this organisation may announce "
                f"{in_words(max(0, self.account_bytes))} more in all its projects. Finish or cancel some."
            )
        self.bytes -= size
        self.objects -= 1
        self.uploads -= 1
        self.account_uploads -= 1
        self.account_bytes -= size


@use_case(Permission.STORAGE_WRITE, AuditAction.STORAGE_UPLOAD, lambda _c, result: result and result.namespace_id)
async def begin(ctx: Context, command: StartUploads) -> UploadsStarted:
    """Announce files and reserve quota for them. An item that is refused does not stop the others. Raises NotFound for
    the namespace, ValidationFailed for an empty or too long batch."""
    if not 1 <= len(command.items) <= AT_ONCE:
        raise ValidationFailed(fields={"items": f"Announce 1 to {AT_ONCE} files at once."})
    scope = project_scope(ctx.actor, Permission.STORAGE_WRITE)
    announced = await UsageRepository(ctx.session).lock_announced(scope.tenant_id)
    used = await namespaces.lock_usage(ctx, scope)
    namespace = await namespaces.ensure_named(ctx, scope, command.namespace)
    paths = _paths(command.items)
    occupied = await list_occupied(ctx, namespace.id, [path for path in paths if not isinstance(path, DomainError)])
    room = await _room(ctx, scope, used, announced)
    template = await _template(ctx, scope, namespace, command.overwrite)
    started: list[StartedUpload] = []
    uploads: list[UploadView] = []
    for item, path in zip(command.items, paths, strict=True):
        if (same := _same(item, path, occupied)) is not None:
            started.append(StartedUpload(path=_printable(item.path), same_as=same))
            continue
        try:
            upload = _upload(template, item, path, occupied)
            room.take(upload.size)
        except DomainError as refusal:
            started.append(StartedUpload(path=_printable(item.path), refused=refused(refusal)))
        else:
            uploads.append(upload)
            started.append(StartedUpload(path=upload.path, upload_id=upload.id))
    await UploadRepository(ctx.session).append(uploads)
    await UsageRepository(ctx.session).change(
        scope.project_id, reserved=sum(upload.size for upload in uploads), reserved_objects=len(uploads)
    )
    ctx.explain(files=len(uploads), bytes=sum(upload.size for upload in uploads), refused=len(started) - len(uploads))
    return UploadsStarted(namespace_id=namespace.id, items=tuple(started))


def refused(error: DomainError) -> Refusal:
    """An error as the refusal of one item."""
    if isinstance(error, ValidationFailed) and error.fields:
        message = " ".join(f"{text}." for text in error.fields.values())
        return Refusal(code=error.code, message=message, status=error.status)
    return Refusal(code=error.code, message=error.message, status=error.status)


def _printable(raw: str) -> str:
    """A path from outside for the response: truncated, and without characters that cannot be stored."""
    return raw[:MAX_BYTES].replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _same(item: UploadItem, path: StoragePath | DomainError, occupied: Occupied) -> UUID | None:
    """The existing file with this path and these bytes."""
    there = None if isinstance(path, DomainError) else occupied.files.get(path)
    if there is None or there.damage or (there.size, there.checksum) != (item.size, item.sha256):
        return None
    return there.id


def _paths(items: tuple[UploadItem, ...]) -> list[StoragePath | DomainError]:
    found: list[StoragePath | DomainError] = []
    for item in items:
        try:
            found.append(checked(item.path))
        except ValidationFailed as refusal:
            found.append(refusal)
    return found


async def _room(ctx: Context, scope: ProjectScope, used: UsageView, announced: tuple[int, int]) -> _Room:
    ids = (scope.tenant_id, scope.project_id)
    account_uploads, account_bytes = announced
    open_now = await UploadRepository(ctx.session).count(scope)
    return _Room(
        bytes=used.quota_bytes - used.bytes - used.reserved_bytes,
        objects=used.quota_objects - used.objects - used.reserved_objects,
        uploads=await ctx.policy(policies.OPEN_UPLOADS, *ids) - open_now,
        account_uploads=await ctx.policy(policies.ACCOUNT_UPLOADS, scope.tenant_id) - account_uploads,
        account_bytes=await ctx.policy(policies.ACCOUNT_UPLOAD_BYTES, scope.tenant_id) - account_bytes,
        largest=await ctx.policy(policies.LARGEST_FILE, *ids),
    )


async def _template(ctx: Context, scope: ProjectScope, namespace: NamespaceView, overwrite: bool) -> UploadView:
    """The fields that all uploads of a batch share."""
    now = await ctx.now()
    hours = await ctx.policy(policies.UPLOAD_HOURS, scope.tenant_id, scope.project_id)
    return UploadView(
        id=new_id(),
        tenant_id=scope.tenant_id,
        project_id=scope.project_id,
        namespace_id=namespace.id,
        folder=TOP,
        name="",
        size=0,
        content_type="",
        sha256=None,
        part_size=None,
        s3_upload_id=None,
        overwrite=overwrite,
        state="open",
        created_by=ctx.actor.id,
        created_at=now,
        expires_at=now + timedelta(hours=hours),
    )


def _upload(template: UploadView, item: UploadItem, path: StoragePath | DomainError, occupied: Occupied) -> UploadView:
    if isinstance(path, DomainError):
        raise path
    if item.size < 0:
        raise ValidationFailed(fields={"size": "A size is not negative"})
    if occupied.check(path) is not None and not template.overwrite:
        raise PathTaken(f"There is already a file at {path}.")
    kind = content_type(item.content_type)
    if kind is None:
        raise ValidationFailed(fields={"content_type": "A type is written as text/plain"})
    each = parts.part_size(item.size)
    if each is None and not parts.is_sha256(item.sha256):
        raise ValidationFailed(fields={"sha256": "A file of this size is sent in one piece: give its SHA-256"})
    folder, name = split(path)
    return msgspec.structs.replace(
        template,
        id=new_id(),
        folder=folder,
        name=name,
        size=item.size,
        content_type=kind,
        sha256=item.sha256 if each is None else None,
        part_size=each,
    )


@use_case(Unprivileged("asks for the right to write by itself and leaves no row"))
async def sign_parts(ctx: Context, command: SignParts) -> Done:
    """Record the digests of parts, so that the bucket accepts nothing else. Raises NotFound, ValidationFailed."""
    scope = project_scope(ctx.actor, Permission.STORAGE_WRITE)
    upload = await UploadRepository(ctx.session).get_in(scope, command.upload_id)
    if upload.part_size is None:
        raise ValidationFailed(fields={"parts": "This file is sent in one piece."})
    if not 1 <= len(command.parts) <= AT_ONCE:
        raise ValidationFailed(fields={"parts": f"Ask for 1 to {AT_ONCE} parts at once."})
    count = parts.part_count(upload.size, upload.part_size)
    for part in command.parts:
        if not 1 <= part.number <= count:
            raise ValidationFailed(fields={"parts": f"Parts are numbered 1 to {count}."})
        if not parts.is_sha256(part.sha256):
            raise ValidationFailed(fields={"parts": "A digest is a SHA-256 in base64."})
    await UploadRepository(ctx.session).put_parts(upload.id, command.parts)
    return Done(id=upload.id, count=len(command.parts))


@use_case(Permission.STORAGE_WRITE, AuditAction.STORAGE_UPLOAD_CANCEL, lambda command, _r: command.upload_id)
async def cancel(ctx: Context, command: CancelUpload) -> Done:
    """Cancel an upload: its quota is free at once, its bytes are removed soon. Raises NotFound."""
    scope = project_scope(ctx.actor, Permission.STORAGE_WRITE)
    await namespaces.lock_usage(ctx, scope)
    upload = await lock_open(ctx, scope, command.upload_id)
    await UploadRepository(ctx.session).end(upload.id)
    await UsageRepository(ctx.session).change(scope.project_id, reserved=-upload.size, reserved_objects=-1)
    return Done(id=upload.id)


async def lock_open(ctx: Context, scope: ProjectScope, upload_id: UUID) -> UploadView:
    """Raises NotFound."""
    found = await UploadRepository(ctx.session).list_by_ids(scope, [upload_id], lock=True)
    if upload_id not in found:
        raise NotFound()
    return found[upload_id]
