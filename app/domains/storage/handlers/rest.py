"""The JSON API of storage: namespaces, listings, files, folders, deleted files."""

from typing import Annotated
from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.params import FromPath, QueryParameter

from app.domains.storage.handlers.options import PLATFORM_SYSTEM_READ, STORAGE_READ, STORAGE_WRITE
from app.domains.storage.rules.listing import Sort
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
from app.domains.storage.schemas.links_copies import AddressAnswer, ReportsAnswer
from app.domains.storage.service import folders, listing, namespaces, objects, views
from app.domains.storage.service.folders import DeleteFolder, MakeFolder, MoveFolder, RestoreFolder
from app.domains.storage.service.namespaces import CreateNamespace, DeleteNamespace, RenameNamespace, UsageView
from app.domains.storage.service.objects import DeleteObject, MoveObject, PurgeObject, RestoreObject
from app.domains.storage.service.results import Done, Purged
from app.web import Ctx, Json
from app.web.etag import IfMatch, seen_version, tagged
from app.web.paging import Cursor, CursorText, Limit

Name = Annotated[str, QueryParameter(description="the namespace", max_length=40)]
Folder = Annotated[str, QueryParameter(description="a folder's path; empty is the top", max_length=1100)]
Words = Annotated[str, QueryParameter(description="only files below the folder whose path holds this", max_length=200)]
Order = Annotated[Sort, QueryParameter(description="with - in front for descending")]


@get("/storage/namespaces", opt=STORAGE_READ)
async def list_namespaces(ctx: Ctx, cursor: CursorText = None, limit: Limit = 50) -> NamespacesAnswer:
    """The project's namespaces by name, and its usage."""
    return NamespacesAnswer.of(await views.overview(ctx), cursor, limit)


@post("/storage/namespaces", opt=STORAGE_WRITE, status_code=201)
async def create_namespace(ctx: Ctx, data: Json[NamespaceBody]) -> Done:
    """Create an empty namespace."""
    return await namespaces.create(ctx, CreateNamespace(name=data.name))


@get("/storage/namespaces/{name:str}", opt=STORAGE_READ)
async def get_namespace(ctx: Ctx, name: FromPath[str]) -> Response[NamespaceAnswer]:
    """One namespace, with its `ETag`."""
    namespace = await views.get_namespace(ctx, name)
    return tagged(NamespaceAnswer.of(namespace), namespace.version)


@patch("/storage/namespaces/{name:str}", opt=STORAGE_WRITE)
async def rename_namespace(ctx: Ctx, name: FromPath[str], data: Json[NamespaceBody], if_match: IfMatch = None) -> Done:
    """Rename a namespace."""
    command = RenameNamespace(name=name, new_name=data.name, seen=seen_version(if_match))
    return await namespaces.rename(ctx, command)


@delete("/storage/namespaces/{name:str}", opt=STORAGE_WRITE, status_code=200)
async def delete_namespace(ctx: Ctx, name: FromPath[str]) -> Done:
    """Delete an empty namespace."""
    return await namespaces.delete(ctx, DeleteNamespace(name=name))


@get("/storage/usage", opt=STORAGE_READ)
async def get_usage(ctx: Ctx) -> UsageView:
    """The storage that the project uses, and its quota."""
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
    found = await views.get_namespace(ctx, namespace)
    return ListingAnswer.of(await listing.list_entries(ctx, found, folder, q, sort, cursor, limit), found.name)


@get("/storage/objects/{object_id:uuid}", opt=STORAGE_READ)
async def get_object(ctx: Ctx, object_id: FromPath[UUID]) -> Response[ObjectAnswer]:
    """One file, with its `ETag`."""
    file = await views.get_object(ctx, object_id)
    places_by_id = await views.namespaces_of(ctx, [file.namespace_id])
    return tagged(ObjectAnswer.of(file, places_by_id[file.namespace_id].name), file.version)


@get("/storage/objects/{object_id:uuid}/address", opt=STORAGE_READ)
async def get_address(ctx: Ctx, object_id: FromPath[UUID]) -> AddressAnswer:
    """An address of the bytes that is valid for five seconds."""
    url, ends = await views.address(ctx, object_id)
    return AddressAnswer(url=url, expires_at=ends)


@patch("/storage/objects/{object_id:uuid}", opt=STORAGE_WRITE)
async def move_object(ctx: Ctx, object_id: FromPath[UUID], data: Json[MoveBody], if_match: IfMatch = None) -> Done:
    """Move a file."""
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
    """Delete a file. It can be restored until `gone_at`."""
    return await objects.delete(ctx, DeleteObject(object_id=object_id, seen=seen_version(if_match)))


@get("/storage/deleted", opt=STORAGE_READ)
async def list_deleted(
    ctx: Ctx, namespace: Name = "files", cursor: CursorText = None, limit: Limit = 50
) -> ObjectsAnswer:
    """Files that can be restored, last deleted first."""
    found = await listing.list_deleted(ctx, namespace, cursor, limit)
    return ObjectsAnswer(
        items=[ObjectAnswer.of(file, namespace) for file in found.items], next_cursor=found.next_cursor
    )


@post("/storage/deleted/{object_id:uuid}/restore", opt=STORAGE_WRITE, status_code=200)
async def restore_object(ctx: Ctx, object_id: FromPath[UUID]) -> Done:
    """Restore a file to its path. A replaced file is swapped with the file that replaced it."""
    return await objects.restore(ctx, RestoreObject(object_id=object_id))


@delete("/storage/deleted/{object_id:uuid}", opt=STORAGE_WRITE, status_code=200)
async def purge_object(ctx: Ctx, object_id: FromPath[UUID]) -> Purged:
    """Purge a deleted file. Its quota is free at once."""
    return await objects.purge(ctx, PurgeObject(object_id=object_id))


@post("/storage/folders", opt=STORAGE_WRITE, status_code=201)
async def make_folder(ctx: Ctx, data: Json[FolderBody]) -> Done:
    """Create a folder and those above it."""
    return await folders.make(ctx, MakeFolder(namespace=data.namespace, path=data.path))


@post("/storage/folders/move", opt=STORAGE_WRITE, status_code=200)
async def move_folder(ctx: Ctx, data: Json[MoveFolderBody]) -> Done:
    """Move a folder with everything in it."""
    command = MoveFolder(namespace=data.namespace, path=data.path, new_path=data.new_path)
    return await folders.move(ctx, command)


@post("/storage/folders/delete", opt=STORAGE_WRITE, status_code=200)
async def delete_folder(ctx: Ctx, data: Json[FolderBody]) -> Done:
    """Delete a folder with everything in it. To restore it, send `at` of the answer as `deleted_at`."""
    return await folders.delete(ctx, DeleteFolder(namespace=data.namespace, path=data.path))


@post("/storage/folders/restore", opt=STORAGE_WRITE, status_code=200)
async def restore_folder(ctx: Ctx, data: Json[RestoreFolderBody]) -> Done:
    """Restore a deleted folder."""
    command = RestoreFolder(namespace=data.namespace, path=data.path, deleted_at=data.deleted_at)
    return await folders.restore(ctx, command)


@get("/admin/storage/reports", opt=PLATFORM_SYSTEM_READ)
async def list_reports(ctx: Ctx, cursor: Cursor = None, limit: Limit = 50) -> ReportsAnswer:
    """Reports of the comparison of bucket and table, newest first."""
    found = await views.reports(ctx, cursor, limit)
    return ReportsAnswer(items=list(found.items), next_cursor=found.next_cursor)


ROUTES = [
    list_namespaces, create_namespace, get_namespace, rename_namespace, delete_namespace, get_usage, list_objects,
    get_object, get_address, move_object, delete_object, list_deleted, restore_object, purge_object, make_folder,
    move_folder, delete_folder, restore_folder, list_reports,
]  # fmt: skip
