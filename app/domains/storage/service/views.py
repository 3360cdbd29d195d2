"""What pages and programs see: folders, one file, what was deleted, what is under way. Changes nothing."""

from datetime import datetime, timedelta
from typing import get_args
from uuid import UUID

import msgspec

from app.domains.auth import public as auth
from app.domains.provisioning import public as provisioning
from app.domains.storage import policies
from app.domains.storage.contracts import (
    CopyView,
    FolderView,
    LinkView,
    Listing,
    NamespaceView,
    ObjectView,
    ReportView,
    Sort,
    UploadView,
    UsageView,
)
from app.domains.storage.gateway.s3 import SIGNED_READ_SECONDS, Bucket
from app.domains.storage.repository import (
    CopyRepository,
    LinkRepository,
    NamespaceRepository,
    ObjectRepository,
    ReportRepository,
    TreeRepository,
    UploadRepository,
)
from app.domains.storage.rules import content, parts
from app.domains.storage.service import places
from app.shared.authz import Permission, platform_scope, project_scope
from app.shared.authz.scope import may
from app.shared.context import Context, ContextFactory
from app.shared.errors import NotFound, ValidationFailed
from app.shared.numbers import whole_number
from app.shared.paging import Slice, cut, pack, unpack
from app.shared.storagepath import FolderPath, checked, checked_folder, split
from app.shared.storagepath import StoragePath as Path

SORTS: tuple[Sort, ...] = get_args(Sort)
READ = Permission.STORAGE_READ


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """All namespaces with what is in each, and the room of the project."""

    namespaces: tuple[NamespaceView, ...]
    totals: dict[UUID, tuple[int, int]]
    usage: UsageView


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One file with what the bucket has of it to look at. `text`: the beginning, and its encoding; `image`: an address
    for an `<img>`; neither when there is nothing to show."""

    thing: ObjectView
    namespace: NamespaceView
    namespaces: tuple[str, ...]
    links: tuple[LinkView, ...]
    copies: tuple[CopyView, ...]
    machines: tuple[tuple[UUID, str], ...]
    author: str
    most_hours: int
    text: tuple[str, str] | None = None
    image: str = ""
    problem: str = ""


class Undone(msgspec.Struct, frozen=True, kw_only=True):
    """What was deleted a moment ago: a file by its id, or a folder by its path and instant."""

    path: str
    object_id: UUID | None = None
    at: str = ""
    until: datetime | None = None


async def usage(ctx: Context) -> UsageView:
    """The room of the project."""
    return await places.usage(ctx, project_scope(ctx.actor, READ))


async def overview(ctx: Context) -> Overview:
    scope = project_scope(ctx.actor, READ)
    found = await places.list_all(ctx, scope)
    totals = await NamespaceRepository(ctx.session).totals([namespace.id for namespace in found])
    return Overview(namespaces=tuple(found), totals=totals, usage=await places.usage(ctx, scope))


async def get_namespace(ctx: Context, name: str) -> NamespaceView:
    """Raises NotFound."""
    return await places.find(ctx, project_scope(ctx.actor, READ), name)


def sort_of(text: str) -> Sort:
    """Raises ValidationFailed for an order that does not exist."""
    if text not in SORTS:
        raise ValidationFailed(fields={"sort": "is one of " + ", ".join(SORTS)})
    return text


async def listing(
    ctx: Context, namespace: NamespaceView, folder: str, words: str, sort: str, cursor: str | None, limit: int
) -> Listing:
    """Entries of a folder, folders first; with `words` the files in it and below whose path holds them. Raises
    NotFound for a folder that is not there, ValidationFailed."""
    inside, order = checked_folder(folder), sort_of(sort)
    if inside and not await TreeRepository(ctx.session, namespace.id).existing([inside]):
        raise NotFound()
    if words:
        return await _found(ctx, namespace.id, inside, words, cursor, limit)
    kind, value, last = unpack(cursor, 3) if cursor else ("f", "", "")
    _no_nul(value)
    folders: list[FolderView] = []
    if kind == "f":
        folders = await TreeRepository(ctx.session, namespace.id).list_in(inside, value, limit + 1)
        if len(folders) > limit:
            kept = tuple(folders[:limit])
            return Listing(folders=kept, objects=(), next_cursor=pack("f", kept[-1].name, ""))
    after = (value, str(_uuid(last))) if kind == "o" else None
    _check_after(order, after)
    room = limit - len(folders)
    objects = await ObjectRepository(ctx.session).page(namespace.id, inside, order, after, room + 1)
    if len(objects) <= room:
        return Listing(folders=tuple(folders), objects=tuple(objects), next_cursor=None)
    if room == 0:
        return Listing(folders=tuple(folders), objects=(), next_cursor=pack("f", folders[-1].name, ""))
    kept_objects = tuple(objects[:room])
    return Listing(folders=tuple(folders), objects=kept_objects, next_cursor=_after(order, kept_objects[-1]))


def _after(order: Sort, thing: ObjectView) -> str:
    by = order.lstrip("-")
    value = {"name": thing.name, "size": str(thing.size), "changed": thing.created_at.isoformat()}[by]
    return pack("o", value, str(thing.id))


def _check_after(order: Sort, after: tuple[str, str] | None) -> None:
    """A cursor may have been made for another order."""
    if after is None:
        return
    if order.endswith("size") and whole_number(after[0]) is None:
        raise ValidationFailed(fields={"cursor": "is not one of this list"})
    if order.endswith("changed"):
        _instant(after[0])


def _instant(text: str) -> str:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValidationFailed(fields={"cursor": "is not one of this list"}) from error
    if found.tzinfo is None:
        raise ValidationFailed(fields={"cursor": "is not one of this list"})
    return text


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise ValidationFailed(fields={"cursor": "is not one of this list"}) from error


def _no_nul(text: str) -> str:
    """PostgreSQL keeps no NUL and no half characters; nothing of ours has them in its path."""
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValidationFailed(fields={"cursor": "is not one of this list"})
    return text


async def _found(
    ctx: Context, namespace_id: UUID, inside: FolderPath, words: str, cursor: str | None, limit: int
) -> Listing:
    after = unpack(cursor, 2) if cursor else ("", "")
    rows = await ObjectRepository(ctx.session).search(
        namespace_id, inside, _no_nul(words), (_no_nul(after[0]), _no_nul(after[1])), limit + 1
    )
    page = cut(rows, limit, lambda thing: pack(thing.folder, thing.name))
    return Listing(folders=(), objects=page.items, next_cursor=page.next_cursor)


async def get_object(ctx: Context, object_id: UUID) -> ObjectView:
    """A visible file. Raises NotFound, also for a deleted one and for somebody else's."""
    thing = await ObjectRepository(ctx.session).get_in(project_scope(ctx.actor, READ), object_id)
    if thing.state != "visible":
        raise NotFound()
    return thing


async def namespaces_of(ctx: Context, ids: list[UUID]) -> dict[UUID, NamespaceView]:
    return await NamespaceRepository(ctx.session).by_ids(project_scope(ctx.actor, READ), ids)


async def deleted(ctx: Context, name: str, cursor: str | None, limit: int) -> Slice[ObjectView, str]:
    """What can be brought back, the last deleted first. Raises NotFound, ValidationFailed."""
    namespace = await get_namespace(ctx, name)
    after = None
    if cursor:
        at, last = unpack(cursor, 2)
        after = (_instant(at), str(_uuid(last)))
    rows = await ObjectRepository(ctx.session).page_deleted(namespace.id, after, limit + 1)
    return cut(rows, limit, lambda thing: pack((thing.deleted_at or thing.changed_at).isoformat(), str(thing.id)))


async def open_uploads(ctx: Context, name: str, cursor: UUID | None, limit: int) -> Slice[UploadView, UUID]:
    """What the actor began and did not finish, the oldest first. Raises NotFound."""
    namespace, scope = await get_namespace(ctx, name), project_scope(ctx.actor, READ)
    rows = await UploadRepository(ctx.session).page(scope, namespace.id, ctx.actor.id, cursor, limit + 1)
    return cut(rows, limit, lambda upload: upload.id)


async def reports(ctx: Context, cursor: UUID | None, limit: int) -> Slice[ReportView, UUID]:
    """Comparisons of bucket and table, the newest first."""
    scope = platform_scope(ctx.actor, Permission.PLATFORM_SYSTEM_READ)
    return cut(await ReportRepository(ctx.session).page(scope, cursor, limit + 1), limit, lambda report: report.id)


def download_url(ctx: Context, thing: ObjectView) -> str:
    """Where its bytes are, as an attachment of its name: never a page, whatever it holds."""
    key = parts.key_of(thing.project_id, thing.id)
    return ctx.runtime.part(Bucket).sign_get(key, content.OCTETS, thing.name)


async def show(contexts: ContextFactory, object_id: UUID) -> Shown:
    """One file with a look into it. Raises NotFound."""
    async with contexts() as ctx:
        shown = await facts(ctx, object_id)
        bucket = ctx.runtime.part(Bucket)
    thing = shown.thing
    key = parts.key_of(thing.project_id, thing.id)
    image = content.image_type(thing.name)
    if thing.damage == "missing" or thing.size == 0:
        return shown
    if image is not None:
        return msgspec.structs.replace(shown, image=f"/storage/objects/{thing.id}/image")
    head = await bucket.head(key, content.PREVIEW_BYTES)
    if head is None:
        return msgspec.structs.replace(shown, problem="The file store does not have the bytes of this file.")
    return msgspec.structs.replace(shown, text=content.as_text(head, complete=len(head) == thing.size))


async def facts(ctx: Context, object_id: UUID) -> Shown:
    """One file without the look into it. Raises NotFound."""
    scope = project_scope(ctx.actor, READ)
    thing = await get_object(ctx, object_id)
    people = await auth.people(ctx, [thing.created_by]) if thing.created_by else {}
    author = people.get(thing.created_by) if thing.created_by else None
    machines = await provisioning.list_active_machines(ctx) if may(ctx.actor, Permission.TERMINAL_OPEN) else []
    return Shown(
        thing=thing,
        namespace=(await namespaces_of(ctx, [thing.namespace_id]))[thing.namespace_id],
        namespaces=tuple(namespace.name for namespace in await places.list_all(ctx, scope)),
        links=tuple(await LinkRepository(ctx.session).list_live(scope, thing.id, await ctx.now())),
        copies=tuple(await CopyRepository(ctx.session).page(scope, object_id=thing.id, limit=5)),
        machines=tuple((machine.id, machine.name) for machine in machines),
        author=author.name if author else "",
        most_hours=await ctx.policy(policies.LINK_HOURS, scope.tenant_id, scope.project_id),
    )


def crumbs(folder: str) -> list[tuple[str, str]]:
    """(name, path) of each folder on the way."""
    found: list[tuple[str, str]] = []
    while folder:
        parent, name = split(Path(folder))
        found.insert(0, (name, folder))
        folder = parent
    return found


async def address(ctx: Context, object_id: UUID) -> tuple[str, datetime]:
    """Where a file's bytes are, and until when. Raises NotFound."""
    thing = await get_object(ctx, object_id)
    return download_url(ctx, thing), await ctx.now() + timedelta(seconds=SIGNED_READ_SECONDS)


async def image(ctx: Context, object_id: UUID) -> str:
    """Where a file's picture is, for an `<img>`. Raises NotFound, also for what is no image."""
    thing = await get_object(ctx, object_id)
    kind = content.image_type(thing.name)
    if kind is None:
        raise NotFound()
    key = parts.key_of(thing.project_id, thing.id)
    return ctx.runtime.part(Bucket).sign_get(key, kind, thing.name)


async def placed(ctx: Context, object_id: UUID) -> tuple[ObjectView, str]:
    """A file, deleted or not, and the name of its namespace. Raises NotFound."""
    thing = await ObjectRepository(ctx.session).get_in(project_scope(ctx.actor, READ), object_id)
    return thing, (await namespaces_of(ctx, [thing.namespace_id]))[thing.namespace_id].name


async def by_name(ctx: Context, file: str) -> ObjectView:
    """The file that people call `namespace/path`. Raises ValidationFailed."""
    name, _, path = file.removeprefix("berth:").partition("/")
    message = "Write the namespace and the path of a file that is there, as files/model.bin"
    try:
        namespace = await get_namespace(ctx, name)
        wanted = checked(path, "file")
    except NotFound as error:
        raise ValidationFailed(fields={"file": message}) from error
    found = await ObjectRepository(ctx.session).at(namespace.id, [wanted])
    if wanted not in found:
        raise ValidationFailed(fields={"file": message})
    return found[wanted]
