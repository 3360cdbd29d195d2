"""Ends what has expired: unfinished uploads, deleted files after their retention, and copies without a heartbeat.

First the row is changed in a transaction of its own, which frees the quota; then the bucket is cleared; then the row is
deleted. When the worker is killed at any point, the next run continues.
"""

from datetime import timedelta
from uuid import UUID

from app.domains.storage.gateway.s3 import Bucket
from app.domains.storage.repository import CopyRepository, SweepRepository, UploadRepository, UsageRepository
from app.domains.storage.repository.copies import CopyView
from app.domains.storage.repository.objects import ObjectView
from app.domains.storage.repository.uploads import UploadView
from app.domains.storage.rules.parts import key_of
from app.domains.storage.service import copies, transfer
from app.shared.authz.actor import SYSTEM
from app.shared.batch import one_by_one
from app.shared.context import Runtime

AT_ONCE = 500
SILENT = timedelta(minutes=3)
NEVER_STARTED = timedelta(minutes=30)


async def sweep(runtime: Runtime) -> tuple[int, int]:
    """Run once. Returns how many uploads and files were removed."""
    await _end_silent_copies(runtime)
    return await _uploads(runtime), await _deleted(runtime)


async def _uploads(runtime: Runtime) -> int:
    async with runtime.context(SYSTEM) as ctx:
        found = await SweepRepository(ctx.session).list_expired_uploads(await ctx.now(), AT_ONCE)
    over: list[UploadView] = []

    async def end(upload: UploadView) -> None:
        if (ended := await _end(runtime, upload)) is not None:
            over.append(ended)

    await one_by_one(found, end, "an upload could not be ended")
    bucket = runtime.part(Bucket)
    dropped: list[UploadView] = []

    async def drop(upload: UploadView) -> None:
        await transfer.drop(bucket, upload)
        dropped.append(upload)

    await one_by_one(over, drop, "the parts of an upload could not be dropped")
    kept = await bucket.remove([transfer.key_of(upload) for upload in dropped])
    gone = [upload.id for upload in dropped if transfer.key_of(upload) not in kept]
    async with runtime.context(SYSTEM) as ctx:
        await UploadRepository(ctx.session).delete(gone)
    return len(gone)


async def _end(runtime: Runtime, upload: UploadView) -> UploadView | None:
    """Free its quota unless that was done. Returns the ended upload; None when it was finished meanwhile."""
    async with runtime.context(SYSTEM) as ctx:
        usage = UsageRepository(ctx.session)
        await usage.lock(upload.tenant_id, upload.project_id)
        now = await SweepRepository(ctx.session).lock_upload(upload.id)
        if now is not None and now.state == "open":
            await UploadRepository(ctx.session).end(upload.id)
            await usage.change(upload.project_id, reserved=-upload.size, reserved_objects=-1)
    return now


async def _deleted(runtime: Runtime) -> int:
    async with runtime.context(SYSTEM) as ctx:
        found = await SweepRepository(ctx.session).list_purgeable(await ctx.now(), AT_ONCE)
    gone: dict[UUID, UUID] = {}

    async def purge(file: ObjectView) -> None:
        if await _purge(runtime, file):
            gone[file.id] = file.project_id

    await one_by_one(found, purge, "a deleted file could not be purged")
    keys = {key_of(project_id, object_id): object_id for object_id, project_id in gone.items()}
    kept = await runtime.part(Bucket).remove(list(keys))
    over = [object_id for key, object_id in keys.items() if key not in kept]
    async with runtime.context(SYSTEM) as ctx:
        await SweepRepository(ctx.session).delete(over)
    return len(over)


async def _purge(runtime: Runtime, file: ObjectView) -> bool:
    """Free its quota unless that was done. False when the file was restored meanwhile."""
    if file.state == "purging":
        return True
    async with runtime.context(SYSTEM) as ctx:
        usage = UsageRepository(ctx.session)
        await usage.lock(file.tenant_id, file.project_id)
        if not await SweepRepository(ctx.session).set_purging(file.id):
            return False
        await usage.change(file.project_id, size=-file.size, objects=-1)
    return True


async def _end_silent_copies(runtime: Runtime) -> None:
    """A killed worker sends no heartbeat; a lost job never started."""
    async with runtime.context(SYSTEM) as ctx:
        now = await ctx.now()
        silent = await CopyRepository(ctx.session).list_silent(now - SILENT)

    async def end(copy: CopyView) -> None:
        if copy.state == "in_progress" or now - copy.created_at > NEVER_STARTED:
            await copies.end(runtime, copy, "failed", copy.done, "It was interrupted. Start the copy again.")

    await one_by_one(silent, end, "a silent copy could not be ended")
