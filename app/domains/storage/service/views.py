"""Reads for pages and the API: namespaces, one file with its links and copies, uploads and reports."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from app.domains.auth import public as auth
from app.domains.provisioning import public as provisioning
from app.domains.storage import policies
from app.domains.storage.gateway.s3 import SIGNED_READ_SECONDS, Bucket
from app.domains.storage.repository import (
    CopyRepository,
    LinkRepository,
    NamespaceRepository,
    ObjectRepository,
    ReportRepository,
    UploadRepository,
)
from app.domains.storage.repository.copies import CopyView
from app.domains.storage.repository.links import LinkView
from app.domains.storage.repository.namespaces import NamespaceView
from app.domains.storage.repository.objects import ObjectView
from app.domains.storage.repository.reports import ReportView
from app.domains.storage.repository.uploads import UploadView
from app.domains.storage.rules import content, parts
from app.domains.storage.service import namespaces
from app.domains.storage.service.namespaces import UsageView
from app.shared.authz import Permission, platform_scope, project_scope
from app.shared.authz.scope import may
from app.shared.context import Context, ContextFactory
from app.shared.errors import NotFound, ValidationFailed
from app.shared.paging import Slice, cut
from app.shared.storagepath import StoragePath as Path
from app.shared.storagepath import checked, split

READ = Permission.STORAGE_READ


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """All namespaces with (files, bytes) of each, and the usage of the project."""

    namespaces: tuple[NamespaceView, ...]
    totals: dict[UUID, tuple[int, int]]
    usage: UsageView


class FileDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One file with its links, copies and preview: `text` is its start and encoding, `image` an address for an `<img>`;
    both are empty when there is no preview."""

    file: ObjectView
    namespace: NamespaceView
    namespaces: tuple[str, ...]
    links: tuple[LinkView, ...]
    copies: tuple[CopyView, ...]
    machines: tuple[tuple[UUID, str], ...]
    author: str
    max_hours: int
    text: tuple[str, str] | None = None
    image: str = ""
    problem: str = ""


class UndoOffer(msgspec.Struct, frozen=True, kw_only=True):
    """A deletion that can be undone: of a file by its id, or of a folder by its path and instant."""

    path: str
    object_id: UUID | None = None
    at: str = ""
    until: datetime | None = None


async def usage(ctx: Context) -> UsageView:
    """The storage that the project uses."""
    return await namespaces.usage(ctx, project_scope(ctx.actor, READ))


async def overview(ctx: Context) -> Overview:
    scope = project_scope(ctx.actor, READ)
    found = await namespaces.list_all(ctx, scope)
    totals = await NamespaceRepository(ctx.session).list_totals([namespace.id for namespace in found])
    return Overview(namespaces=tuple(found), totals=totals, usage=await namespaces.usage(ctx, scope))


async def get_namespace(ctx: Context, name: str) -> NamespaceView:
    """Raises NotFound."""
    return await namespaces.find(ctx, project_scope(ctx.actor, READ), name)


async def get_object(ctx: Context, object_id: UUID) -> ObjectView:
    """A visible file. Raises NotFound, also for a deleted one and for one of another project."""
    file = await ObjectRepository(ctx.session).get_in(project_scope(ctx.actor, READ), object_id)
    if file.state != "visible":
        raise NotFound()
    return file


async def namespaces_of(ctx: Context, ids: list[UUID]) -> dict[UUID, NamespaceView]:
    return await NamespaceRepository(ctx.session).list_by_ids(project_scope(ctx.actor, READ), ids)


async def open_uploads(ctx: Context, name: str, cursor: UUID | None, limit: int) -> Slice[UploadView, UUID]:
    """The actor's unfinished uploads, oldest first. Raises NotFound."""
    namespace, scope = await get_namespace(ctx, name), project_scope(ctx.actor, READ)
    rows = await UploadRepository(ctx.session).page(scope, namespace.id, ctx.actor.id, cursor, limit + 1)
    return cut(rows, limit, lambda upload: upload.id)


async def reports(ctx: Context, cursor: UUID | None, limit: int) -> Slice[ReportView, UUID]:
    """Reports of the comparison of bucket and table, newest first."""
    scope = platform_scope(ctx.actor, Permission.PLATFORM_SYSTEM_READ)
    return cut(await ReportRepository(ctx.session).page(scope, cursor, limit + 1), limit, lambda report: report.id)


def download_url(ctx: Context, file: ObjectView) -> str:
    """A signed address of its bytes, served as an attachment, never as a page."""
    key = parts.key_of(file.project_id, file.id)
    return ctx.runtime.part(Bucket).sign_get(key, content.OCTETS, file.name)


async def show(contexts: ContextFactory, object_id: UUID) -> FileDetail:
    """One file with its preview. Raises NotFound."""
    async with contexts() as ctx:
        shown = await describe(ctx, object_id)
        bucket = ctx.runtime.part(Bucket)
    file = shown.file
    key = parts.key_of(file.project_id, file.id)
    image = content.image_type(file.name)
    if file.damage == "missing" or file.size == 0:
        return shown
    if image is not None:
        return msgspec.structs.replace(shown, image=f"/storage/objects/{file.id}/image")
    head = await bucket.head(key, content.PREVIEW_BYTES)
    if head is None:
        return msgspec.structs.replace(shown, problem="The file store does not have the bytes of this file.")
    return msgspec.structs.replace(shown, text=content.as_text(head, complete=len(head) == file.size))


async def describe(ctx: Context, object_id: UUID) -> FileDetail:
    """One file without its preview. Raises NotFound."""
    scope = project_scope(ctx.actor, READ)
    file = await get_object(ctx, object_id)
    people = await auth.people(ctx, [file.created_by]) if file.created_by else {}
    author = people.get(file.created_by) if file.created_by else None
    machines = await provisioning.list_active_machines(ctx) if may(ctx.actor, Permission.TERMINAL_OPEN) else []
    return FileDetail(
        file=file,
        namespace=(await namespaces_of(ctx, [file.namespace_id]))[file.namespace_id],
        namespaces=tuple(namespace.name for namespace in await namespaces.list_all(ctx, scope)),
        links=tuple(await LinkRepository(ctx.session).list_live(scope, file.id, await ctx.now())),
        copies=tuple(await CopyRepository(ctx.session).page(scope, object_id=file.id, limit=5)),
        machines=tuple((machine.id, machine.name) for machine in machines),
        author=author.name if author else "",
        max_hours=await ctx.policy(policies.LINK_HOURS, scope.tenant_id, scope.project_id),
    )


def crumbs(folder: str) -> list[tuple[str, str]]:
    """(name, path) of each folder above and including this one."""
    found: list[tuple[str, str]] = []
    while folder:
        parent, name = split(Path(folder))
        found.insert(0, (name, folder))
        folder = parent
    return found


async def address(ctx: Context, object_id: UUID) -> tuple[str, datetime]:
    """A signed address of a file, and when it expires. Raises NotFound."""
    file = await get_object(ctx, object_id)
    return download_url(ctx, file), await ctx.now() + timedelta(seconds=SIGNED_READ_SECONDS)


async def image(ctx: Context, object_id: UUID) -> str:
    """A signed address of an image, for an `<img>`. Raises NotFound, also for other files."""
    file = await get_object(ctx, object_id)
    kind = content.image_type(file.name)
    if kind is None:
        raise NotFound()
    key = parts.key_of(file.project_id, file.id)
    return ctx.runtime.part(Bucket).sign_get(key, kind, file.name)


async def get_with_namespace(ctx: Context, object_id: UUID) -> tuple[ObjectView, str]:
    """A visible or deleted file, and the name of its namespace. Raises NotFound."""
    file = await ObjectRepository(ctx.session).get_in(project_scope(ctx.actor, READ), object_id)
    return file, (await namespaces_of(ctx, [file.namespace_id]))[file.namespace_id].name


async def get_by_path(ctx: Context, file: str) -> ObjectView:
    """The file at `namespace/path`. Raises ValidationFailed."""
    name, _, path = file.removeprefix("berth:").partition("/")
    message = "Write the namespace and the path of an existing file, for example files/model.bin"
    try:
        namespace = await get_namespace(ctx, name)
        wanted = checked(path, "file")
    except NotFound as error:
        raise ValidationFailed(fields={"file": message}) from error
    found = await ObjectRepository(ctx.session).list_at(namespace.id, [wanted])
    if wanted not in found:
        raise ValidationFailed(fields={"file": message})
    return found[wanted]
