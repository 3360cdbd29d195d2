"""The JSON API of storage: uploads, links, copies to machines. The bytes go straight to the store."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from litestar import Response, delete, get, post
from litestar.params import FromPath, QueryParameter

from app.domains.storage.handlers.options import STORAGE_READ, STORAGE_WRITE, TERMINAL_OPEN
from app.domains.storage.handlers.rest import Name
from app.domains.storage.schemas.links_copies import (
    CopiesAnswer,
    CopyAnswer,
    CopyBody,
    LinkAnswer,
    LinksAnswer,
    ShareBody,
)
from app.domains.storage.schemas.uploads import (
    FinishBody,
    FinishedAnswer,
    FinishedItemAnswer,
    PartsAnswer,
    PartsBody,
    ProgressAnswer,
    StartedUploadAnswer,
    UploadAnswer,
    UploadsAnswer,
    UploadsBody,
    UploadsStartedAnswer,
)
from app.domains.storage.service import copies, links, transfer, views
from app.domains.storage.service.copies import CopyToMachine
from app.domains.storage.service.links import RevokeLink, ShareObject
from app.domains.storage.service.results import Done
from app.domains.storage.service.transfer import FinishUploads
from app.domains.storage.service.uploads import CancelUpload, SignParts
from app.web import Contexts, Ctx, Json
from app.web.batch import answered, statuses
from app.web.paging import Cursor, Limit
from app.web.types import AnyRequest

Machine = Annotated[UUID | None, QueryParameter(description="only copies to this machine")]


def first_of(items: Sequence[StartedUploadAnswer] | Sequence[FinishedItemAnswer]) -> tuple[str, str] | None:
    """Code and message of the first refusal."""
    return next(((item.refused.code, item.refused.message) for item in items if item.refused), None)


@post("/storage/uploads", opt=STORAGE_WRITE, status_code=201, responses=statuses(UploadsStartedAnswer))
async def begin_uploads(
    request: AnyRequest,
    contexts: Contexts,
    data: Json[UploadsBody],
) -> Response[UploadsStartedAnswer]:
    """Announce 1 to 100 files. Quota is reserved for each, and the answer contains the addresses to send it to. The
    same idempotency key again returns fresh addresses for the same uploads."""
    tickets = await transfer.begin(contexts, data.command())
    answer = UploadsStartedAnswer.of(tickets)
    return answered(answer, 201, "items", first_of(answer.items), request.state.trace.correlation_id)


@get("/storage/uploads", opt=STORAGE_READ)
async def list_uploads(ctx: Ctx, namespace: Name = "files", cursor: Cursor = None, limit: Limit = 50) -> UploadsAnswer:
    """Your unfinished uploads."""
    found = await views.open_uploads(ctx, namespace, cursor, limit)
    return UploadsAnswer(items=[UploadAnswer.of(upload) for upload in found.items], next_cursor=found.next_cursor)


@get("/storage/uploads/{upload_id:uuid}", opt=STORAGE_READ)
async def get_upload(contexts: Contexts, upload_id: FromPath[UUID]) -> ProgressAnswer:
    """The progress of an upload: the parts that have arrived."""
    return ProgressAnswer.of(await transfer.progress(contexts, upload_id))


@post("/storage/uploads/{upload_id:uuid}/parts", opt=STORAGE_WRITE, status_code=200)
async def sign_parts(contexts: Contexts, upload_id: FromPath[UUID], data: Json[PartsBody]) -> PartsAnswer:
    """Addresses for 1 to 100 parts. Each accepts exactly the bytes of its digest."""
    command = SignParts(upload_id=upload_id, parts=data.digests())
    return PartsAnswer.of(await transfer.sign_parts(contexts, command))


@post("/storage/uploads/finish", opt=STORAGE_WRITE, status_code=200, responses=statuses(FinishedAnswer))
async def finish_uploads(
    request: AnyRequest,
    contexts: Contexts,
    data: Json[FinishBody],
) -> Response[FinishedAnswer]:
    """Check the uploads against their announcement and make them visible. Safe to repeat."""
    command = FinishUploads(ids=tuple(data.ids), overwrite=data.overwrite)
    answer = FinishedAnswer.of((await transfer.finish(contexts, command)).items)
    return answered(answer, 200, "ids", first_of(answer.items), request.state.trace.correlation_id)


@delete("/storage/uploads/{upload_id:uuid}", opt=STORAGE_WRITE, status_code=200)
async def cancel_upload(contexts: Contexts, upload_id: FromPath[UUID]) -> Done:
    """Cancel an upload. Its quota is free at once, and its addresses stop working."""
    return await transfer.cancel(contexts, CancelUpload(upload_id=upload_id))


@post("/storage/objects/{object_id:uuid}/links", opt=STORAGE_WRITE, status_code=201)
async def share_object(ctx: Ctx, object_id: FromPath[UUID], data: Json[ShareBody]) -> LinkAnswer:
    """Create a link that works for `hours` for whoever has it."""
    link = await links.share(ctx, ShareObject(object_id=object_id, hours=data.hours))
    return LinkAnswer.of(*await links.address(ctx, link))


@get("/storage/objects/{object_id:uuid}/links", opt=STORAGE_READ)
async def list_links(ctx: Ctx, object_id: FromPath[UUID]) -> LinksAnswer:
    """Working links to a file, without their addresses."""
    return LinksAnswer(items=[LinkAnswer.of(link) for link in await links.list_live(ctx, object_id)])


@delete("/storage/objects/{object_id:uuid}/links/{link_id:uuid}", opt=STORAGE_WRITE, status_code=200)
async def revoke_link(ctx: Ctx, object_id: FromPath[UUID], link_id: FromPath[UUID]) -> links.Shared:
    """Revoke a link. It stops working at once."""
    return await links.revoke(ctx, RevokeLink(object_id=object_id, link_id=link_id))


@post("/storage/copies", opt=TERMINAL_OPEN, status_code=202)
async def copy_to_machine(ctx: Ctx, data: Json[CopyBody]) -> CopyAnswer:
    """Copy a file to a running machine, as your login there."""
    command = CopyToMachine(object_id=data.object_id, allocation_id=data.allocation_id, target=data.target)
    done = await copies.ask(ctx, command)
    return CopyAnswer.of(await copies.get(ctx, done.id))


@get("/storage/copies", opt=STORAGE_READ)
async def list_copies(
    ctx: Ctx, allocation_id: Machine = None, cursor: Cursor = None, limit: Limit = 50
) -> CopiesAnswer:
    """Copies to machines, newest first."""
    found = await copies.page(ctx, allocation_id, cursor, limit)
    return CopiesAnswer(items=[CopyAnswer.of(copy) for copy in found.items], next_cursor=found.next_cursor)


@get("/storage/copies/{copy_id:uuid}", opt=STORAGE_READ)
async def get_copy(ctx: Ctx, copy_id: FromPath[UUID]) -> CopyAnswer:
    """One copy and its progress."""
    return CopyAnswer.of(await copies.get(ctx, copy_id))


ROUTES = [
    begin_uploads, list_uploads, get_upload, sign_parts, finish_uploads, cancel_upload, share_object, list_links,
    revoke_link, copy_to_machine, list_copies, get_copy,
]  # fmt: skip
