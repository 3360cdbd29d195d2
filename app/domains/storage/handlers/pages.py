"""Pages of namespaces, folders and deleted files."""

from typing import Annotated

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from app.domains.storage.handlers.options import STORAGE_READ, STORAGE_WRITE
from app.domains.storage.schemas.forms import FolderForm, MoveFolderForm, NameForm, PathForm, RestoreFolderForm
from app.domains.storage.schemas.pages import DeletedPage, FolderPage, FolderQuery, OverviewPage, address
from app.domains.storage.service import folders, listing, namespaces, undo, views
from app.domains.storage.service.folders import DeleteFolder, MakeFolder, MoveFolder
from app.domains.storage.service.namespaces import CreateNamespace, DeleteNamespace, RenameNamespace
from app.shared.authz import Permission
from app.shared.authz.scope import may
from app.shared.context import Context
from app.shared.storagepath import StoragePath, split
from app.web import Ctx, Form, fragment, page, redirect
from app.web.paging import CursorText
from app.web.query import LongText

PAGE = 50
FOLDER = "storage/folder.html"
Text = Annotated[str, QueryParameter(max_length=1100)]


def may_write(ctx: Context) -> bool:
    return may(ctx.actor, Permission.STORAGE_WRITE)


@get("/storage", opt=STORAGE_READ, name="storage:overview")
async def overview(ctx: Ctx) -> Response[str]:
    """The project's namespaces."""
    return await page(ctx, "storage/index.html", OverviewPage.of(await views.overview(ctx), may_write(ctx)))


@post("/storage/namespaces", opt=STORAGE_WRITE)
async def create_namespace(ctx: Ctx, data: Form[NameForm]) -> Response[str]:
    """Create it and redirect to it."""
    await namespaces.create(ctx, CreateNamespace(name=data.name))
    return redirect(ctx, address(data.name))


@post("/storage/{name:str}/rename", opt=STORAGE_WRITE)
async def rename_namespace(ctx: Ctx, name: FromPath[str], data: Form[NameForm]) -> Response[str]:
    """Rename a namespace."""
    await namespaces.rename(ctx, RenameNamespace(name=name, new_name=data.name))
    return redirect(ctx, address(data.name))


@post("/storage/{name:str}/delete", opt=STORAGE_WRITE)
async def delete_namespace(ctx: Ctx, name: FromPath[str]) -> Response[str]:
    """Delete an empty namespace."""
    await namespaces.delete(ctx, DeleteNamespace(name=name))
    return redirect(ctx, "/storage")


async def _folder(ctx: Context, name: str, query: FolderQuery, gone: str = "", at: str = "") -> FolderPage:
    namespace = await views.get_namespace(ctx, name)
    entries = await listing.list_entries(ctx, namespace, query.folder, query.q, query.sort, query.cursor, PAGE)
    usage = await views.usage(ctx)
    shown = await undo.find(ctx, gone, at)
    return FolderPage.of(namespace, query, entries, usage, may_write=may_write(ctx), undo=shown)


@get("/storage/{name:str}", opt=STORAGE_READ, name="storage:folder")
async def folder(
    ctx: Ctx,
    name: FromPath[str],
    folder: Text = "",
    q: LongText = "",
    sort: LongText = "name",
    cursor: CursorText = None,
    gone: Text = "",
    at: LongText = "",
) -> Response[str]:
    """A folder, or the results of a search in it. `gone` names a deletion that can be undone."""
    query = FolderQuery(folder=folder, q=q.strip(), sort=sort, cursor=cursor)
    return await page(ctx, FOLDER, await _folder(ctx, name, query, gone, at))


@get("/storage/{name:str}/now", opt=STORAGE_READ)
async def folder_now(
    ctx: Ctx,
    name: FromPath[str],
    folder: Text = "",
    q: LongText = "",
    sort: LongText = "name",
    cursor: CursorText = None,
) -> Response[str]:
    """The list alone, to refresh it."""
    query = FolderQuery(folder=folder, q=q.strip(), sort=sort, cursor=cursor)
    return await fragment(ctx, FOLDER, "list", await _folder(ctx, name, query))


@post("/storage/{name:str}/folders", opt=STORAGE_WRITE)
async def make_folder(ctx: Ctx, name: FromPath[str], data: Form[FolderForm]) -> Response[str]:
    """Create it and redirect to it."""
    await folders.make(ctx, MakeFolder(namespace=name, path=data.path()))
    return redirect(ctx, address(name, data.path()))


@post("/storage/{name:str}/folders/move", opt=STORAGE_WRITE)
async def move_folder(ctx: Ctx, name: FromPath[str], data: Form[MoveFolderForm]) -> Response[str]:
    """Move a folder with everything in it."""
    command = MoveFolder(namespace=name, path=data.path, new_path=data.new_path)
    await folders.move(ctx, command)
    return redirect(ctx, address(name, data.new_path))


@post("/storage/{name:str}/folders/delete", opt=STORAGE_WRITE)
async def delete_folder(ctx: Ctx, name: FromPath[str], data: Form[PathForm]) -> Response[str]:
    """Delete a folder with everything in it and redirect to the one above, which offers to undo it."""
    done = await folders.delete(ctx, DeleteFolder(namespace=name, path=data.path))
    above = split(StoragePath(data.path))[0]
    return redirect(ctx, address(name, above, gone=data.path, at=done.at.isoformat() if done.at else ""))


@post("/storage/{name:str}/folders/restore", opt=STORAGE_WRITE)
async def restore_folder(ctx: Ctx, name: FromPath[str], data: Form[RestoreFolderForm]) -> Response[str]:
    """Restore a deleted folder."""
    await folders.restore(ctx, undo.folder_command(name, data.path, data.at))
    return redirect(ctx, address(name, data.path))


@get("/storage/{name:str}/deleted", opt=STORAGE_READ)
async def deleted(ctx: Ctx, name: FromPath[str], cursor: CursorText = None) -> Response[str]:
    """Files that can be restored."""
    found = await listing.list_deleted(ctx, name, cursor, PAGE)
    shown = DeletedPage.of(name, found.items, cursor, found.next_cursor, may_write(ctx))
    return await page(ctx, "storage/deleted.html", shown)


ROUTES = [
    overview, create_namespace, rename_namespace, delete_namespace, folder, folder_now, make_folder, move_folder,
    delete_folder, restore_folder, deleted,
]  # fmt: skip
