"""Namespaces, a folder, what was deleted."""

from typing import Annotated

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from app.domains.storage.contracts import (
    CreateNamespace,
    DeleteFolder,
    DeleteNamespace,
    MakeFolder,
    MoveFolder,
    RenameNamespace,
)
from app.domains.storage.handlers.options import STORAGE_READ, STORAGE_WRITE
from app.domains.storage.schemas.pages import (
    FolderForm,
    FolderPage,
    FolderQuery,
    MoveFolderForm,
    NameForm,
    PathForm,
    RestoreFolderForm,
    address,
    deleted_page,
    folder_page,
    overview_page,
)
from app.domains.storage.service import folders, places, undo, views
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
    return await page(ctx, "storage/index.html", overview_page(await views.overview(ctx), may_write(ctx)))


@post("/storage/namespaces", opt=STORAGE_WRITE)
async def create_namespace(ctx: Ctx, data: Form[NameForm]) -> Response[str]:
    """Make one, then into it."""
    await places.create(ctx, CreateNamespace(name=data.name))
    return redirect(ctx, address(data.name))


@post("/storage/{name:str}/rename", opt=STORAGE_WRITE)
async def rename_namespace(ctx: Ctx, name: FromPath[str], data: Form[NameForm]) -> Response[str]:
    """Another name."""
    await places.rename(ctx, RenameNamespace(name=name, new_name=data.name))
    return redirect(ctx, address(data.name))


@post("/storage/{name:str}/delete", opt=STORAGE_WRITE)
async def delete_namespace(ctx: Ctx, name: FromPath[str]) -> Response[str]:
    """Only an empty one."""
    await places.delete(ctx, DeleteNamespace(name=name))
    return redirect(ctx, "/storage")


async def _folder(ctx: Context, name: str, query: FolderQuery, gone: str = "", at: str = "") -> FolderPage:
    namespace = await views.get_namespace(ctx, name)
    listing = await views.listing(ctx, namespace, query.folder, query.q, query.sort, query.cursor, PAGE)
    usage = await views.usage(ctx)
    shown = await undo.find(ctx, gone, at)
    return folder_page(namespace, query, listing, usage, may_write=may_write(ctx), undo=shown)


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
    """A folder, or what a search in it finds. `gone` is what was deleted a moment ago, so that it can be undone."""
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
    """The list alone."""
    query = FolderQuery(folder=folder, q=q.strip(), sort=sort, cursor=cursor)
    return await fragment(ctx, FOLDER, "list", await _folder(ctx, name, query))


@post("/storage/{name:str}/folders", opt=STORAGE_WRITE)
async def make_folder(ctx: Ctx, name: FromPath[str], data: Form[FolderForm]) -> Response[str]:
    """Make one, then into it."""
    await folders.make(ctx, MakeFolder(namespace=name, path=data.path()))
    return redirect(ctx, address(name, data.path()))


@post("/storage/{name:str}/folders/move", opt=STORAGE_WRITE)
async def move_folder(ctx: Ctx, name: FromPath[str], data: Form[MoveFolderForm]) -> Response[str]:
    """Another path for a folder and all in it."""
    command = MoveFolder(namespace=name, path=data.path, new_path=data.new_path)
    await folders.move(ctx, command)
    return redirect(ctx, address(name, data.new_path))


@post("/storage/{name:str}/folders/delete", opt=STORAGE_WRITE)
async def delete_folder(ctx: Ctx, name: FromPath[str], data: Form[PathForm]) -> Response[str]:
    """A folder with all in it, then to the one above, where it can be undone."""
    done = await folders.delete(ctx, DeleteFolder(namespace=name, path=data.path))
    above = split(StoragePath(data.path))[0]
    return redirect(ctx, address(name, above, gone=data.path, at=done.at.isoformat() if done.at else ""))


@post("/storage/{name:str}/folders/restore", opt=STORAGE_WRITE)
async def restore_folder(ctx: Ctx, name: FromPath[str], data: Form[RestoreFolderForm]) -> Response[str]:
    """Undo it."""
    await folders.restore(ctx, undo.folder_command(name, data.path, data.at))
    return redirect(ctx, address(name, data.path))


@get("/storage/{name:str}/deleted", opt=STORAGE_READ)
async def deleted(ctx: Ctx, name: FromPath[str], cursor: CursorText = None) -> Response[str]:
    """What can be brought back."""
    found = await views.deleted(ctx, name, cursor, PAGE)
    struct = deleted_page(name, found.items, cursor, found.next_cursor, may_write(ctx))
    return await page(ctx, "storage/deleted.html", struct)


ROUTES = [
    overview, create_namespace, rename_namespace, delete_namespace, folder, folder_now, make_folder, move_folder,
    delete_folder, restore_folder, deleted,
]  # fmt: skip
