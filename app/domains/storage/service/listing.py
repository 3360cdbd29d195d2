"""Lists files page by page: the entries of a folder, the files below it that match a search, and deleted files."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.storage.repository import FolderRepository, ObjectRepository
from app.domains.storage.repository.folders import FolderView
from app.domains.storage.repository.namespaces import NamespaceView
from app.domains.storage.repository.objects import ObjectView
from app.domains.storage.rules.listing import Sort, sort_of
from app.domains.storage.service import views
from app.shared.context import Context
from app.shared.errors import NotFound, ValidationFailed
from app.shared.numbers import whole_number
from app.shared.paging import InstantAndId, Slice, cut, pack, unpack
from app.shared.storagepath import FolderPath, checked_folder

NOT_THIS_LIST = "is not one of this list"
FOLDERS, OBJECTS = "f", "o"  # what the cursor of a folder's list goes on with


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """Some entries of a folder or of a search: folders first."""

    folders: tuple[FolderView, ...]
    objects: tuple[ObjectView, ...]
    next_cursor: str | None


async def list_entries(
    ctx: Context, namespace: NamespaceView, folder: str, search: str, sort: str, cursor: str | None, limit: int
) -> Listing:
    """The entries of a folder, folders first. With `search`, the files in it and below whose path contains that text.

    Raises NotFound for a folder that does not exist, ValidationFailed.
    """
    path, order = checked_folder(folder), sort_of(sort)
    if path and not await FolderRepository(ctx.session, namespace.id).list_existing([path]):
        raise NotFound()
    if search:
        return await _search(ctx, namespace.id, path, search, cursor, limit)
    kind, value, last = unpack(cursor, tuple[str, str, str]) if cursor else (FOLDERS, "", "")
    _check_text(value)
    folders: list[FolderView] = []
    if kind == FOLDERS:
        folders = await FolderRepository(ctx.session, namespace.id).list_in(path, value, limit + 1)
        if len(folders) > limit:
            kept = tuple(folders[:limit])
            return Listing(folders=kept, objects=(), next_cursor=pack(FOLDERS, kept[-1].name, ""))
    after = (value, str(_id(last))) if kind == OBJECTS else None
    _check_position(order, after)
    room = limit - len(folders)
    objects = await ObjectRepository(ctx.session).page(namespace.id, path, order, after, room + 1)
    next_cursor = None
    if len(objects) > room:
        next_cursor = pack(FOLDERS, folders[-1].name, "") if room == 0 else _position(order, objects[room - 1])
    return Listing(folders=tuple(folders), objects=tuple(objects[:room]), next_cursor=next_cursor)


async def list_deleted(ctx: Context, name: str, cursor: str | None, limit: int) -> Slice[ObjectView, str]:
    """Files that can be restored, last deleted first. Raises NotFound, ValidationFailed."""
    namespace = await views.get_namespace(ctx, name)
    after = unpack(cursor, InstantAndId) if cursor else None
    rows = await ObjectRepository(ctx.session).page_deleted(namespace.id, after, limit + 1)
    return cut(rows, limit, lambda file: pack(file.deleted_at or file.changed_at, file.id))


async def _search(
    ctx: Context, namespace_id: UUID, folder: FolderPath, search: str, cursor: str | None, limit: int
) -> Listing:
    folder_after, name_after = unpack(cursor, tuple[str, str]) if cursor else ("", "")
    after = (_check_text(folder_after), _check_text(name_after))
    rows = await ObjectRepository(ctx.session).search(namespace_id, folder, _check_text(search), after, limit + 1)
    page = cut(rows, limit, lambda file: pack(file.folder, file.name))
    return Listing(folders=(), objects=page.items, next_cursor=page.next_cursor)


def _position(order: Sort, file: ObjectView) -> str:
    by = order.lstrip("-")
    value = {"name": file.name, "size": str(file.size), "changed": file.created_at.isoformat()}[by]
    return pack(OBJECTS, value, str(file.id))


def _check_position(order: Sort, after: tuple[str, str] | None) -> None:
    """Raises ValidationFailed for a cursor of a list with another order."""
    if after is None:
        return
    if order.endswith("size") and whole_number(after[0]) is None:
        raise ValidationFailed(fields={"cursor": NOT_THIS_LIST})
    if order.endswith("changed"):
        _instant(after[0])


def _instant(text: str) -> str:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValidationFailed(fields={"cursor": NOT_THIS_LIST}) from error
    if instant.tzinfo is None:
        raise ValidationFailed(fields={"cursor": NOT_THIS_LIST})
    return text


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise ValidationFailed(fields={"cursor": NOT_THIS_LIST}) from error


def _check_text(text: str) -> str:
    """PostgreSQL stores no NUL and no surrogates, so no path contains them. Raises ValidationFailed."""
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValidationFailed(fields={"cursor": NOT_THIS_LIST})
    return text
