"""Files for programs: namespaces, listings, one file, folders, what was deleted."""

from typing import Annotated
from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.params import FromPath, QueryParameter

from app.domains.storage.contracts import (
    CreateNamespace,
    DeleteFolder,
    DeleteNamespace,
    DeleteObject,
    Done,
    MakeFolder,
    MoveFolder,
    MoveObject,
    Purged,
    PurgeObject,
    RenameNamespace,
    RestoreFolder,
    RestoreObject,
    Sort,
    UsageView,
)
from app.domains.storage.handlers.options import PLATFORM_SYSTEM_READ, STORAGE_READ, STORAGE_WRITE
from app.domains.storage.schemas.api import (
    FolderBody,
    ListingAnswer,
    MoveBody,
    MoveFolderBody,
    NamespaceAnswer,
    NamespaceBody,
    NamespacesAnswer,
    ObjectAnswer,
    ObjectsAnswer,
    RestoreFolderBody,
)
from app.domains.storage.schemas.beside import AddressAnswer, ReportsAnswer
from app.domains.storage.service import folders, objects, places, views
from app.web import Ctx, Json
from app.web.etag import IfMatch, seen_version, tagged
from app.web.paging import Cursor, CursorText, Limit

Name = Annotated[str, QueryParameter(description="the namespace", max_length=40)]
Folder = Annotated[str, QueryParameter(description="a folder's path; empty is the top", max_length=1100)]
Words = Annotated[str, QueryParameter(description="only files below the folder whose path holds this", max_length=200)]
Order = Annotated[Sort, QueryParameter(description="with - in front for descending")]


@get("/storage/namespaces", opt=STORAGE_READ)
async def list_namespaces(ctx: Ctx, cursor: CursorText = None, limit: Limit = 50) -> NamespacesAnswer:
    """The project's namespaces by name, and its room."""
    return NamespacesAnswer.of(await views.overview(ctx), cursor, limit)


@post("/storage/namespaces", opt=STORAGE_WRITE, status_code=201)
async def create_namespace(ctx: Ctx, data: Json[NamespaceBody]) -> Done:
    """A new, empty namespace."""
    return await places.create(ctx, CreateNamespace(name=data.name))


@get("/storage/namespaces/{name:str}", opt=STORAGE_READ)
async def get_namespace(ctx: Ctx, name: FromPath[str]) -> Response[NamespaceAnswer]:
    """One namespace, with its `ETag`."""
    namespace = await views.get_namespace(ctx, name)
    return tagged(NamespaceAnswer.of(namespace), namespace.version)


@patch("/storage/namespaces/{name:str}", opt=STORAGE_WRITE)
async def rename_namespace(ctx: Ctx, name: FromPath[str], data: Json[NamespaceBody], if_match: IfMatch = None) -> Done:
    """Another name; everything in it stays."""
    command = RenameNamespace(name=name, new_name=data.name, seen=seen_version(if_match))
    return await places.rename(ctx, command)


@delete("/storage/namespaces/{name:str}", opt=STORAGE_WRITE, status_code=200)
async def delete_namespace(ctx: Ctx, name: FromPath[str]) -> Done:
    """Only an empty one."""
    return await places.delete(ctx, DeleteNamespace(name=name))


@get("/storage/usage", opt=STORAGE_READ)
async def get_usage(ctx: Ctx) -> UsageView:
    """What the project stores and may store."""
    return (await views.overview(ctx)).usage


@get("/storage/objects", opt=STORAGE_READ)
async def list_objects(
    ctx: Ctx,
    namespace: Name = "files",
    folder: Folder = "",
    q: Words = "",
    sort: Order = "name",
    cursor: CursorText = None,
    limit: Limit = 50,
) -> ListingAnswer:
    """A folder: its subfolders, then its files."""
    place = await views.get_namespace(ctx, namespace)
    return ListingAnswer.of(await views.listing(ctx, place, folder, q, sort, cursor, limit), place.name)


@get("/storage/objects/{object_id:uuid}", opt=STORAGE_READ)
async def get_object(ctx: Ctx, object_id: FromPath[UUID]) -> Response[ObjectAnswer]:
    """One file, with its `ETag`."""
    thing = await views.get_object(ctx, object_id)
    places_by_id = await views.namespaces_of(ctx, [thing.namespace_id])
    return tagged(ObjectAnswer.of(thing, places_by_id[thing.namespace_id].name), thing.version)


@get("/storage/objects/{object_id:uuid}/address", opt=STORAGE_READ)
async def get_address(ctx: Ctx, object_id: FromPath[UUID]) -> AddressAnswer:
    """Where to read the bytes, for five seconds: begin at once, or ask again."""
    url, ends = await views.address(ctx, object_id)
    return AddressAnswer(url=url, expires_at=ends)


@patch("/storage/objects/{object_id:uuid}", opt=STORAGE_WRITE)
async def move_object(ctx: Ctx, object_id: FromPath[UUID], data: Json[MoveBody], if_match: IfMatch = None) -> Done:
    """Another path."""
    command = MoveObject(
        object_id=object_id,
        path=data.path,
        namespace=data.namespace,
        overwrite=data.overwrite,
        seen=seen_version(if_match),
    )
    return await objects.move(ctx, command)


@delete("/storage/objects/{object_id:uuid}", opt=STORAGE_WRITE, status_code=200)
async def delete_object(ctx: Ctx, object_id: FromPath[UUID], if_match: IfMatch = None) -> Done:
    """It can be brought back until its time ends."""
    return await objects.delete(ctx, DeleteObject(object_id=object_id, seen=seen_version(if_match)))


@get("/storage/deleted", opt=STORAGE_READ)
async def list_deleted(
    ctx: Ctx, namespace: Name = "files", cursor: CursorText = None, limit: Limit = 50
) -> ObjectsAnswer:
    """What can be brought back, the last deleted first."""
    found = await views.deleted(ctx, namespace, cursor, limit)
    return ObjectsAnswer(
        items=[ObjectAnswer.of(thing, namespace) for thing in found.items], next_cursor=found.next_cursor
    )


@post("/storage/deleted/{object_id:uuid}/restore", opt=STORAGE_WRITE, status_code=200)
async def restore_object(ctx: Ctx, object_id: FromPath[UUID]) -> Done:
    """Back to its path; a replaced file changes places with what replaced it."""
    return await objects.restore(ctx, RestoreObject(object_id=object_id))


@delete("/storage/deleted/{object_id:uuid}", opt=STORAGE_WRITE, status_code=200)
async def purge_object(ctx: Ctx, object_id: FromPath[UUID]) -> Purged:
    """Gone for good now; its room is free at once."""
    return await objects.purge(ctx, PurgeObject(object_id=object_id))


@post("/storage/folders", opt=STORAGE_WRITE, status_code=201)
async def make_folder(ctx: Ctx, data: Json[FolderBody]) -> Done:
    """An empty folder, and those above it."""
    return await folders.make(ctx, MakeFolder(namespace=data.namespace, path=data.path))


@post("/storage/folders/move", opt=STORAGE_WRITE, status_code=200)
async def move_folder(ctx: Ctx, data: Json[MoveFolderBody]) -> Done:
    """Another path for a folder and all in it."""
    command = MoveFolder(namespace=data.namespace, path=data.path, new_path=data.new_path)
    return await folders.move(ctx, command)


@post("/storage/folders/delete", opt=STORAGE_WRITE, status_code=200)
async def delete_folder(ctx: Ctx, data: Json[FolderBody]) -> Done:
    """A folder with all in it. `at` of the answer is what undo wants."""
    return await folders.delete(ctx, DeleteFolder(namespace=data.namespace, path=data.path))


@post("/storage/folders/restore", opt=STORAGE_WRITE, status_code=200)
async def restore_folder(ctx: Ctx, data: Json[RestoreFolderBody]) -> Done:
    """Undo the deletion of a folder."""
    command = RestoreFolder(namespace=data.namespace, path=data.path, deleted_at=data.deleted_at)
    return await folders.restore(ctx, command)


@get("/admin/storage/reports", opt=PLATFORM_SYSTEM_READ)
async def list_reports(ctx: Ctx, cursor: Cursor = None, limit: Limit = 50) -> ReportsAnswer:
    """Comparisons of bucket and table, the newest first."""
    found = await views.reports(ctx, cursor, limit)
    return ReportsAnswer(items=list(found.items), next_cursor=found.next_cursor)


ROUTES = [
    list_namespaces, create_namespace, get_namespace, rename_namespace, delete_namespace, get_usage, list_objects,
    get_object, get_address, move_object, delete_object, list_deleted, restore_object, purge_object, make_folder,
    move_folder, delete_folder, restore_folder, list_reports,
]  # fmt: skip
