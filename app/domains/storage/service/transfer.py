"""Between table and bucket: open an upload at S3, sign its parts, see what has arrived, make it visible.

The order is always table, bucket, table, each on its own. Killed between two of them, the same request again finds
what the first one left and goes on.
"""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import msgspec

from app.domains.storage.contracts import (
    Arrived,
    BeginUploads,
    Begun,
    Done,
    FinishUploads,
    PublishUploads,
    SignParts,
    StoredPart,
    UploadsBegun,
    UploadsFinished,
    UploadView,
)
from app.domains.storage.errors import UploadIncomplete, UploadMismatch
from app.domains.storage.gateway.s3 import Bucket, Signed
from app.domains.storage.repository import UploadRepository
from app.domains.storage.rules import parts
from app.domains.storage.service import publish, uploads
from app.shared.authz import Permission, project_scope
from app.shared.errors import NotFound, ValidationFailed
from app.shared.idempotency import once
from app.shared.web import Contexts


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """How one announced file is sent: `put` for one piece, parts of `part_size` otherwise."""

    begun: Begun
    upload: UploadView | None = None
    put: Signed | None = None


class PartTicket(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    size: int
    put: Signed


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """An unfinished upload and the parts that the bucket holds. `put`: where one piece is sent."""

    upload: UploadView
    parts: tuple[StoredPart, ...] = ()
    put: Signed | None = None


def key_of(upload: UploadView) -> str:
    return parts.key_of(upload.project_id, upload.id)


async def begin(contexts: Contexts, command: BeginUploads) -> list[Ticket]:
    """Announce files; the answer says how each is sent. The same request again gives fresh addresses for the same
    uploads. Raises what `uploads.begin` raises, and StorageUnavailable: then nothing is lost, ask again."""
    async with contexts() as ctx:
        begun = await once(ctx, UploadsBegun, uploads.begin, command)
        scope = project_scope(ctx.actor, Permission.STORAGE_WRITE)
        ids = [item.upload_id for item in begun.items if item.upload_id]
        known = await UploadRepository(ctx.session).by_ids(scope, ids)
        bucket = ctx.runtime.part(Bucket)
    opened = [await _open(contexts, bucket, upload) for upload in known.values()]
    by_id = {upload.id: upload for upload in opened}
    return [_ticket(bucket, item, by_id.get(item.upload_id) if item.upload_id else None) for item in begun.items]


async def _open(contexts: Contexts, bucket: Bucket, upload: UploadView) -> UploadView:
    """Begin it at S3 when it has parts and has not begun."""
    if upload.part_size is None or upload.s3_upload_id is not None:
        return upload
    key = key_of(upload)
    s3_upload_id = await bucket.open_upload(key, upload.content_type)
    async with contexts() as ctx:
        mine = await UploadRepository(ctx.session).set_opened(upload.id, s3_upload_id)
    if mine:
        return msgspec.structs.replace(upload, s3_upload_id=s3_upload_id)
    await bucket.drop_upload(key, s3_upload_id)  # a twin was faster, or it was canceled
    async with contexts() as ctx:
        scope = project_scope(ctx.actor, Permission.STORAGE_WRITE)
        return await UploadRepository(ctx.session).get_in(scope, upload.id)


def _ticket(bucket: Bucket, begun: Begun, upload: UploadView | None) -> Ticket:
    return Ticket(begun=begun, upload=upload, put=_put(bucket, upload) if upload else None)


def _put(bucket: Bucket, upload: UploadView) -> Signed | None:
    if upload.sha256 is None:
        return None
    return bucket.sign_put(key_of(upload), upload.size, upload.sha256, upload.content_type)


async def sign_parts(contexts: Contexts, command: SignParts) -> list[PartTicket]:
    """Addresses for parts, each for exactly the bytes of its digest. Raises NotFound, ValidationFailed."""
    async with contexts() as ctx:
        await once(ctx, Done, uploads.sign_parts, command)
        scope = project_scope(ctx.actor, Permission.STORAGE_WRITE)
        upload = await UploadRepository(ctx.session).get_in(scope, command.upload_id)
        bucket = ctx.runtime.part(Bucket)
    upload = await _open(contexts, bucket, upload)
    each, s3_upload_id = upload.part_size, upload.s3_upload_id
    if each is None or s3_upload_id is None:
        raise ValidationFailed(fields={"parts": "This file is sent in one piece."})
    key = key_of(upload)
    tickets = []
    for part in command.parts:
        size = parts.size_of(part.number, upload.size, each)
        put = bucket.sign_part(key, s3_upload_id, part.number, size, part.sha256)
        tickets.append(PartTicket(number=part.number, size=size, put=put))
    return tickets


async def progress(contexts: Contexts, upload_id: UUID) -> Progress:
    """Where an upload stands: what need not be sent again. Raises NotFound, StorageUnavailable."""
    async with contexts() as ctx:
        scope = project_scope(ctx.actor, Permission.STORAGE_READ)
        repository = UploadRepository(ctx.session)
        upload = await repository.get_in(scope, upload_id)
        digests = await repository.parts(upload_id)
        bucket = ctx.runtime.part(Bucket)
    if upload.part_size is None:
        return Progress(upload=upload, put=_put(bucket, upload))
    if upload.s3_upload_id is None:
        return Progress(upload=upload)
    stored = await bucket.list_parts(key_of(upload), upload.s3_upload_id)
    known = (StoredPart(number=p.number, size=p.size, sha256=digests[p.number]) for p in stored if p.number in digests)
    return Progress(upload=upload, parts=tuple(known))


async def finish(contexts: Contexts, command: FinishUploads) -> UploadsFinished:
    """Check what arrived, then make it visible. One that is not complete has a refusal; the others are finished. Safe
    to repeat. Raises StorageUnavailable, ValidationFailed."""
    if not 1 <= len(command.ids) <= uploads.AT_ONCE:
        raise ValidationFailed(fields={"ids": f"Finish 1 to {uploads.AT_ONCE} uploads at once."})
    async with contexts() as ctx:
        scope = project_scope(ctx.actor, Permission.STORAGE_WRITE)
        repository = UploadRepository(ctx.session)
        known = await repository.by_ids(scope, command.ids)
        digests = {upload.id: await repository.parts(upload.id) for upload in known.values() if upload.part_size}
        bucket = ctx.runtime.part(Bucket)
    arrived = await _arrivals(bucket, [known.get(upload_id) for upload_id in command.ids], command.ids, digests)
    async with contexts() as ctx:
        wanted = PublishUploads(arrived=tuple(arrived), overwrite=command.overwrite)
        return await once(ctx, UploadsFinished, publish.publish, wanted)


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
    """The checksum that the bucket computed, once it is the announced one. Raises UploadIncomplete, UploadMismatch."""
    key = key_of(upload)
    if upload.part_size is None:
        expected = upload.sha256 or ""
    else:
        expected = parts.composite(list(digests.values()))
        await _join(bucket, upload, digests)
    stored = await bucket.look(key)
    if stored is None:
        raise UploadIncomplete()
    if stored.size != upload.size or stored.sha256 != expected:
        raise UploadMismatch()
    return expected


async def _join(bucket: Bucket, upload: UploadView, digests: dict[int, str]) -> None:
    """Make one object of the parts, unless that was done by a request whose answer got lost."""
    if upload.part_size is None or upload.s3_upload_id is None:
        raise UploadIncomplete()
    count = parts.part_count(upload.size, upload.part_size)
    stored = {part.number: part for part in await bucket.list_parts(key_of(upload), upload.s3_upload_id)}
    if not stored and await bucket.look(key_of(upload)) is not None:
        return
    sizes = {number: parts.size_of(number, upload.size, upload.part_size) for number in range(1, count + 1)}
    missing = [n for n, size in sizes.items() if n not in digests or n not in stored or stored[n].size != size]
    if missing:
        raise UploadIncomplete(f"{len(missing)} of {count} parts have not arrived yet.")
    listed = [(stored[number], digests[number]) for number in sizes]
    await bucket.join_parts(key_of(upload), upload.s3_upload_id, listed)
