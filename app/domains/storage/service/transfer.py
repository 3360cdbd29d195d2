"""Transfers between table and bucket: open an upload at S3, sign its parts, check what has arrived, make it visible.

Every file is a multipart upload at S3, also one that is sent in one piece. So an address belongs to an upload, stops
working once the upload has ended, and no header of the sender is stored.

The order is always table, bucket, table, each step on its own. When a request is killed between two steps, the same
request again continues.
"""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import msgspec
import structlog

from app.domains.storage.errors import StorageUnavailable, UploadIncomplete, UploadMismatch
from app.domains.storage.gateway.s3 import Bucket, Signed
from app.domains.storage.repository import UploadRepository
from app.domains.storage.repository.uploads import UploadView
from app.domains.storage.rules import parts
from app.domains.storage.service import publish, uploads
from app.domains.storage.service.publish import Arrived, PublishUploads, UploadsFinished
from app.domains.storage.service.results import Done
from app.domains.storage.service.uploads import CancelUpload, SignParts, StartedUpload, StartUploads
from app.shared.authz import Permission, project_scope
from app.shared.authz.scope import may
from app.shared.context import ContextFactory
from app.shared.errors import NotFound, ValidationFailed


class FinishUploads(msgspec.Struct, frozen=True, kw_only=True):
    """Make uploads visible. `overwrite` replaces a file that has taken the path since the upload started."""

    ids: tuple[UUID, ...]
    overwrite: bool = False


class StoredPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part that the bucket holds and whose digest is recorded."""

    number: int
    size: int
    sha256: str


log = structlog.get_logger("berth.storage")


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """How one announced file is sent: to `put` in one piece, otherwise in parts of `part_size`."""

    started: StartedUpload
    upload: UploadView | None = None
    put: Signed | None = None


class PartTicket(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    size: int
    put: Signed


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """An unfinished upload and the parts that the bucket holds. `put` is the address for a file in one piece."""

    upload: UploadView
    parts: tuple[StoredPart, ...] = ()
    put: Signed | None = None


def key_of(upload: UploadView) -> str:
    return parts.key_of(upload.project_id, upload.id)


async def begin(contexts: ContextFactory, command: StartUploads) -> list[Ticket]:
    """Announce files and return how each is sent. The same request again returns fresh addresses for the same uploads.
    Raises what `uploads.begin` raises, and StorageUnavailable: nothing is lost, try again."""
    async with contexts() as ctx:
        started = await uploads.begin(ctx, command)
        scope = project_scope(ctx.actor, Permission.STORAGE_WRITE)
        ids = [item.upload_id for item in started.items if item.upload_id]
        known = await UploadRepository(ctx.session).list_by_ids(scope, ids)
        bucket = ctx.runtime.part(Bucket)
    opened = await _open(contexts, bucket, list(known.values()))
    return [_ticket(bucket, item, opened.get(item.upload_id) if item.upload_id else None) for item in started.items]


async def _open(contexts: ContextFactory, bucket: Bucket, found: Sequence[UploadView]) -> dict[UUID, UploadView]:
    """Open at S3 those uploads that are not open there yet. Returns the open uploads by id. Ids from S3 are recorded
    even when another upload failed, whose StorageUnavailable is raised afterwards."""
    fresh = [upload for upload in found if upload.s3_upload_id is None]
    if not fresh:
        return {upload.id: upload for upload in found}
    asked = [bucket.open_upload(key_of(upload)) for upload in fresh]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    opened = {u.id: answer for u, answer in zip(fresh, answers, strict=True) if not isinstance(answer, BaseException)}
    async with contexts() as ctx:
        scope = project_scope(ctx.actor, Permission.STORAGE_WRITE)
        mine = await UploadRepository(ctx.session).set_opened(opened)
        now = await UploadRepository(ctx.session).list_by_ids(scope, [upload.id for upload in found])
    extra = [upload for upload in fresh if upload.id in opened and upload.id not in mine]
    for upload in extra:  # a concurrent request was faster, or it was canceled
        await bucket.drop_upload(key_of(upload), opened[upload.id])
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return now


def _ticket(bucket: Bucket, started: StartedUpload, upload: UploadView | None) -> Ticket:
    return Ticket(started=started, upload=upload, put=_put(bucket, upload) if upload else None)


def _put(bucket: Bucket, upload: UploadView) -> Signed | None:
    """The address for a file in one piece, which is an upload of one part."""
    if upload.sha256 is None or upload.s3_upload_id is None:
        return None
    return bucket.sign_part(key_of(upload), upload.s3_upload_id, 1, upload.size, upload.sha256)


async def sign_parts(contexts: ContextFactory, command: SignParts) -> list[PartTicket]:
    """Addresses for parts, each for exactly the bytes of its digest. Raises NotFound, ValidationFailed."""
    async with contexts() as ctx:
        await uploads.sign_parts(ctx, command)
        scope = project_scope(ctx.actor, Permission.STORAGE_WRITE)
        upload = await UploadRepository(ctx.session).get_in(scope, command.upload_id)
        bucket = ctx.runtime.part(Bucket)
    opened = (await _open(contexts, bucket, [upload])).get(upload.id)
    if opened is None or opened.s3_upload_id is None:
        raise NotFound()  # it was canceled meanwhile
    tickets = []
    for part in command.parts:
        size = parts.size_of(part.number, opened.size, opened.part_size)
        put = bucket.sign_part(key_of(opened), opened.s3_upload_id, part.number, size, part.sha256)
        tickets.append(PartTicket(number=part.number, size=size, put=put))
    return tickets


async def progress(contexts: ContextFactory, upload_id: UUID) -> Progress:
    """The progress of an upload: the parts that have arrived and, for who may write, the address for the rest. Raises
    NotFound, StorageUnavailable."""
    async with contexts() as ctx:
        scope = project_scope(ctx.actor, Permission.STORAGE_READ)
        repository = UploadRepository(ctx.session)
        upload = await repository.get_in(scope, upload_id)
        digests = await repository.list_parts(upload_id)
        bucket = ctx.runtime.part(Bucket)
        may_write = may(ctx.actor, Permission.STORAGE_WRITE)
    if upload.part_size is None and may_write:
        upload = (await _open(contexts, bucket, [upload])).get(upload.id, upload)
        return Progress(upload=upload, put=_put(bucket, upload))
    if upload.part_size is None or upload.s3_upload_id is None:
        return Progress(upload=upload)
    stored = await bucket.list_parts(key_of(upload), upload.s3_upload_id)
    known = (StoredPart(number=p.number, size=p.size, sha256=digests[p.number]) for p in stored if p.number in digests)
    return Progress(upload=upload, parts=tuple(known))


async def finish(contexts: ContextFactory, command: FinishUploads) -> UploadsFinished:
    """Check the uploads, then make them visible. An incomplete upload is refused and does not stop the others. Safe to
    repeat. Raises StorageUnavailable, ValidationFailed."""
    if not 1 <= len(command.ids) <= uploads.AT_ONCE:
        raise ValidationFailed(fields={"ids": f"Finish 1 to {uploads.AT_ONCE} uploads at once."})
    async with contexts() as ctx:
        scope = project_scope(ctx.actor, Permission.STORAGE_WRITE)
        repository = UploadRepository(ctx.session)
        known = await repository.list_by_ids(scope, command.ids)
        digests = {upload.id: await _digests(repository, upload) for upload in known.values()}
        bucket = ctx.runtime.part(Bucket)
    arrived = await _arrivals(bucket, [known.get(upload_id) for upload_id in command.ids], command.ids, digests)
    async with contexts() as ctx:
        wanted = PublishUploads(arrived=tuple(arrived), overwrite=command.overwrite)
        return await publish.publish(ctx, wanted)


async def _digests(repository: UploadRepository, upload: UploadView) -> dict[int, str]:
    """The recorded digests of its parts, by number."""
    return {1: upload.sha256} if upload.sha256 is not None else await repository.list_parts(upload.id)


async def cancel(contexts: ContextFactory, command: CancelUpload) -> Done:
    """Cancel an upload: its quota is freed and its addresses stop working. Raises NotFound."""
    async with contexts() as ctx:
        scope = project_scope(ctx.actor, Permission.STORAGE_WRITE)
        found = await UploadRepository(ctx.session).list_by_ids(scope, [command.upload_id])
        done = await uploads.cancel(ctx, command)
        bucket = ctx.runtime.part(Bucket)
    for upload in found.values():
        try:
            await drop(bucket, upload)
        except StorageUnavailable:
            log.warning("a canceled upload is ended at the store later", upload_id=str(upload.id))
    return done


async def drop(bucket: Bucket, upload: UploadView) -> None:
    """Abort an ended upload at S3: its addresses stop working and its parts are removed."""
    if upload.s3_upload_id is not None:
        await bucket.drop_upload(key_of(upload), upload.s3_upload_id)


async def _arrivals(
    bucket: Bucket, found: Sequence[UploadView | None], ids: Sequence[UUID], digests: dict[UUID, dict[int, str]]
) -> list[Arrived]:
    async def one(upload_id: UUID, upload: UploadView | None) -> Arrived:
        if upload is None:
            return Arrived(id=upload_id, refused=uploads.refused(NotFound()))
        try:
            return Arrived(id=upload_id, checksum=await _arrival(bucket, upload, digests.get(upload_id, {})))
        except (UploadIncomplete, UploadMismatch) as refusal:
            return Arrived(id=upload_id, refused=uploads.refused(refusal))

    return list(await asyncio.gather(*(one(*pair) for pair in zip(ids, found, strict=True))))


async def _arrival(bucket: Bucket, upload: UploadView, digests: dict[int, str]) -> str:
    """The checksum for the table, once the bucket has computed the announced one. Raises UploadIncomplete,
    UploadMismatch."""
    expected = parts.composite(list(digests.values()))
    if await _join(bucket, upload, digests) != expected:
        stored = await bucket.stat(key_of(upload))
        if stored is None:
            raise UploadIncomplete()
        if stored.size != upload.size or stored.sha256 != expected:
            raise UploadMismatch()
    return upload.sha256 or expected


async def _join(bucket: Bucket, upload: UploadView, digests: dict[int, str]) -> str | None:
    """Join the parts to one object and return its checksum; None when an earlier request did that, or S3 does not
    return a checksum. Raises UploadIncomplete, UploadMismatch."""
    if upload.s3_upload_id is None:
        raise UploadIncomplete()
    stored = {part.number: part for part in await bucket.list_parts(key_of(upload), upload.s3_upload_id)}
    if not stored and await bucket.stat(key_of(upload)) is not None:
        return None
    count = parts.part_count(upload.size, upload.part_size)
    sizes = {number: parts.size_of(number, upload.size, upload.part_size) for number in range(1, count + 1)}
    missing = [n for n, size in sizes.items() if n not in digests or n not in stored or stored[n].size != size]
    if missing:
        raise UploadIncomplete(f"{len(missing)} of {count} parts are missing." if count > 1 else None)
    listed = [(stored[number], digests[number]) for number in sizes]
    return await bucket.join_parts(key_of(upload), upload.s3_upload_id, listed)
