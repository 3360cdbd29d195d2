"""Pages of one file: preview, download, move, delete, share, copy to a machine; and the tab Files of a machine."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from app.domains.provisioning import public as provisioning
from app.domains.storage.handlers.options import STORAGE_READ, STORAGE_WRITE, TERMINAL_OPEN
from app.domains.storage.handlers.pages import may_write
from app.domains.storage.schemas.forms import CopyForm, MachineCopyForm, MoveForm, ShareForm
from app.domains.storage.schemas.pages import MachineFilesPage, NewLink, ObjectPage, address
from app.domains.storage.service import copies, links, objects, views
from app.domains.storage.service.copies import CopyToMachine
from app.domains.storage.service.links import RevokeLink, ShareObject
from app.domains.storage.service.objects import DeleteObject, PurgeObject, RestoreObject
from app.shared.authz import Permission
from app.shared.authz.scope import may
from app.web import Contexts, Ctx, Form, fragment, page, redirect
from app.web.query import OptionalId

DETAIL = "storage/object.html"
MACHINE = "storage/machine.html"

PAGE = 25


@get("/storage/objects/{object_id:uuid}", opt=STORAGE_READ, name="storage:object")
async def show_object(contexts: Contexts, object_id: FromPath[UUID]) -> Response[str]:
    """One file with its preview."""
    shown = await views.show(contexts, object_id)
    async with contexts() as ctx:
        return await page(ctx, DETAIL, ObjectPage.of(shown, may_write(ctx)))


@get("/storage/objects/{object_id:uuid}/copies", opt=STORAGE_READ)
async def object_copies(ctx: Ctx, object_id: FromPath[UUID]) -> Response[str]:
    """The part of the page that changes."""
    return await fragment(ctx, DETAIL, "copies", ObjectPage.of(await views.describe(ctx, object_id), may_write(ctx)))


@get("/storage/objects/{object_id:uuid}/download", opt=STORAGE_READ)
async def download(ctx: Ctx, object_id: FromPath[UUID]) -> Response[str]:
    """Redirect to its bytes, as an attachment."""
    return redirect(ctx, (await views.address(ctx, object_id))[0])


@get("/storage/objects/{object_id:uuid}/image", opt=STORAGE_READ)
async def image(ctx: Ctx, object_id: FromPath[UUID]) -> Response[str]:
    """Redirect to its bytes, as an image of the page."""
    return redirect(ctx, await views.image(ctx, object_id))


@post("/storage/objects/{object_id:uuid}/move", opt=STORAGE_WRITE)
async def move_object(ctx: Ctx, object_id: FromPath[UUID], data: Form[MoveForm]) -> Response[str]:
    """Move a file."""
    await objects.move(ctx, data.command(object_id))
    return redirect(ctx, f"/storage/objects/{object_id}")


@post("/storage/objects/{object_id:uuid}/delete", opt=STORAGE_WRITE)
async def delete_object(ctx: Ctx, object_id: FromPath[UUID]) -> Response[str]:
    """Delete a file and redirect to its folder, which offers to undo it."""
    await objects.delete(ctx, DeleteObject(object_id=object_id))
    file, namespace = await views.get_with_namespace(ctx, object_id)
    return redirect(ctx, address(namespace, file.folder, gone=str(object_id)))


@post("/storage/objects/{object_id:uuid}/restore", opt=STORAGE_WRITE)
async def restore_object(ctx: Ctx, object_id: FromPath[UUID]) -> Response[str]:
    """Restore a file and redirect to its folder."""
    await objects.restore(ctx, RestoreObject(object_id=object_id))
    file, namespace = await views.get_with_namespace(ctx, object_id)
    return redirect(ctx, address(namespace, file.folder))


@post("/storage/objects/{object_id:uuid}/purge", opt=STORAGE_WRITE)
async def purge_object(ctx: Ctx, object_id: FromPath[UUID]) -> Response[str]:
    """Purge a file and redirect to the deleted files."""
    purged = await objects.purge(ctx, PurgeObject(object_id=object_id))
    return redirect(ctx, f"/storage/{purged.namespace}/deleted")


@post("/storage/objects/{object_id:uuid}/share", opt=STORAGE_WRITE)
async def share_object(contexts: Contexts, object_id: FromPath[UUID], data: Form[ShareForm]) -> Response[str]:
    """Create a link and show its address once."""
    async with contexts() as ctx:
        shared = await links.share(ctx, ShareObject(object_id=object_id, hours=data.hours))
        link, url = await links.address(ctx, shared)
    shown = await views.show(contexts, object_id)
    async with contexts() as ctx:
        new_link = NewLink.of(url, shown.file.name, link.expires_at)
        return await page(ctx, DETAIL, ObjectPage.of(shown, may_write(ctx), new_link))


@post("/storage/objects/{object_id:uuid}/links/{link_id:uuid}/revoke", opt=STORAGE_WRITE)
async def revoke_link(ctx: Ctx, object_id: FromPath[UUID], link_id: FromPath[UUID]) -> Response[str]:
    """Revoke a link."""
    await links.revoke(ctx, RevokeLink(object_id=object_id, link_id=link_id))
    return redirect(ctx, f"/storage/objects/{object_id}")


@post("/storage/objects/{object_id:uuid}/copy", opt=TERMINAL_OPEN)
async def copy_object(ctx: Ctx, object_id: FromPath[UUID], data: Form[CopyForm]) -> Response[str]:
    """Start a copy and redirect to the machine's files."""
    command = CopyToMachine(object_id=object_id, allocation_id=data.machine, target=data.target)
    await copies.ask(ctx, command)
    return redirect(ctx, f"/machines/{data.machine}/files")


@get("/machines/{allocation_id:uuid}/files", opt=STORAGE_READ)
async def machine_files(ctx: Ctx, allocation_id: FromPath[UUID], cursor: OptionalId = None) -> Response[str]:
    """Files that were copied to a machine."""
    machine = await provisioning.get_machine(ctx, allocation_id)
    found = await copies.page(ctx, allocation_id, cursor, PAGE)
    may_copy = may(ctx.actor, Permission.TERMINAL_OPEN)
    shown = MachineFilesPage.of(machine, found.items, cursor, found.next_cursor, may_copy)
    return await page(ctx, MACHINE, shown)


@get("/machines/{allocation_id:uuid}/files/now", opt=STORAGE_READ)
async def machine_files_now(ctx: Ctx, allocation_id: FromPath[UUID]) -> Response[str]:
    """The part of the page that changes."""
    machine = await provisioning.get_machine(ctx, allocation_id)
    found = await copies.page(ctx, allocation_id, None, PAGE)
    may_copy = may(ctx.actor, Permission.TERMINAL_OPEN)
    shown = MachineFilesPage.of(machine, found.items, None, found.next_cursor, may_copy)
    return await fragment(ctx, MACHINE, "now", shown)


@post("/machines/{allocation_id:uuid}/files", opt=TERMINAL_OPEN)
async def copy_to_machine(ctx: Ctx, allocation_id: FromPath[UUID], data: Form[MachineCopyForm]) -> Response[str]:
    """Copy the file at a namespace and path."""
    file = await views.get_by_path(ctx, data.file)
    command = CopyToMachine(object_id=file.id, allocation_id=allocation_id, target=data.target)
    await copies.ask(ctx, command)
    return redirect(ctx, f"/machines/{allocation_id}/files")


ROUTES = [
    show_object, object_copies, download, image, move_object, delete_object, restore_object, purge_object,
    share_object, revoke_link, copy_object, machine_files, machine_files_now, copy_to_machine,
]  # fmt: skip
