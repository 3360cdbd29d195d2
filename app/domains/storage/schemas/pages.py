"""Forms of the pages, and the structs that their templates get."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

import msgspec

from app.domains.provisioning.contracts import MachineView
from app.domains.storage.contracts import (
    CopyView,
    FolderView,
    LinkView,
    Listing,
    MoveObject,
    NamespaceView,
    ObjectView,
    UsageView,
)
from app.domains.storage.rules import machine
from app.domains.storage.rules.parts import SINGLE
from app.domains.storage.schemas.api import MoveBody
from app.domains.storage.schemas.beside import CopyBody, ShareBody
from app.domains.storage.service.uploads import AT_ONCE
from app.domains.storage.service.views import Overview, Shown, Undone, crumbs
from app.shared.storagepath import StoragePath as Path
from app.shared.storagepath import split
from app.web.show_code import ApiCall, call

SORTS = (("Name", "name"), ("Newest", "-changed"), ("Largest", "-size"))
HOURS = ((1, "1 hour"), (24, "1 day"), (168, "7 days"))


def address(namespace: str, folder: str = "", **more: str) -> str:
    """Where a folder is shown."""
    query = {name: value for name, value in {"folder": folder, **more}.items() if value}
    return f"/storage/{namespace}" + (f"?{urlencode(query)}" if query else "")


# -- forms -------------------------------------------------------------------------------------------------------------


class NameForm(msgspec.Struct, kw_only=True):
    name: str = ""


class FolderForm(msgspec.Struct, kw_only=True):
    """`folder`: where one is; `name`: the new folder below it."""

    folder: str = ""
    name: str = ""

    def path(self) -> str:
        return f"{self.folder}/{self.name}" if self.folder else self.name


class MoveFolderForm(msgspec.Struct, kw_only=True):
    path: str = ""
    new_path: str = ""


class PathForm(msgspec.Struct, kw_only=True):
    path: str = ""


class RestoreFolderForm(msgspec.Struct, kw_only=True):
    path: str = ""
    at: str = ""


class MoveForm(msgspec.Struct, kw_only=True):
    path: str = ""
    namespace: str = ""
    overwrite: str = ""

    def command(self, object_id: UUID) -> MoveObject:
        return MoveObject(
            object_id=object_id, path=self.path, namespace=self.namespace, overwrite=self.overwrite == "true"
        )


class ShareForm(msgspec.Struct, kw_only=True):
    hours: int = 24


class CopyForm(msgspec.Struct, kw_only=True):
    """From a file's page."""

    machine: UUID
    target: str = ""


class MachineCopyForm(msgspec.Struct, kw_only=True):
    """From a machine's page: `file` is a namespace and a path, as `files/runs/one.bin`."""

    file: str = ""
    target: str = ""


# -- pages -------------------------------------------------------------------------------------------------------------


class NamespaceRow(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    href: str
    objects: int
    size: int


class OverviewPage(msgspec.Struct, frozen=True, kw_only=True):
    rows: tuple[NamespaceRow, ...]
    usage: UsageView
    used: int
    may_write: bool


def overview_page(seen: Overview, may_write: bool) -> OverviewPage:
    rows = []
    for namespace in seen.namespaces:
        objects, size = seen.totals.get(namespace.id, (0, 0))
        rows.append(NamespaceRow(name=namespace.name, href=address(namespace.name), objects=objects, size=size))
    used = seen.usage.bytes + seen.usage.reserved_bytes
    return OverviewPage(rows=tuple(rows), usage=seen.usage, used=used, may_write=may_write)


class FileRow(msgspec.Struct, frozen=True, kw_only=True):
    thing: ObjectView
    href: str


class FolderRow(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    href: str


class FolderPage(msgspec.Struct, frozen=True, kw_only=True):
    """One folder of a namespace, or what a search in it found."""

    namespace: NamespaceView
    folder: str
    title: str
    crumbs: tuple[tuple[str, str], ...]
    folders: tuple[FolderRow, ...]
    files: tuple[FileRow, ...]
    words: str
    sorts: tuple[tuple[str, str, bool], ...]
    sort: str
    here: str
    now_href: str
    first_href: str | None
    next_href: str | None
    usage: UsageView
    used: int
    may_write: bool
    undo: Undone | None
    call: ApiCall
    at_once: int = AT_ONCE
    single: int = SINGLE


class FolderQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What the address of a folder's page says."""

    folder: str = ""
    q: str = ""
    sort: str = "name"
    cursor: str | None = None


def folder_page(
    namespace: NamespaceView,
    query: FolderQuery,
    listing: Listing,
    usage: UsageView,
    *,
    may_write: bool,
    undo: Undone | None = None,
) -> FolderPage:
    kept = {"q": query.q, "sort": query.sort if query.sort != "name" else ""}
    where = address(namespace.name, query.folder, **kept)
    sorts = [(label, address(namespace.name, query.folder, sort=sort), sort == query.sort) for label, sort in SORTS]
    following = listing.next_cursor
    return FolderPage(
        namespace=namespace,
        folder=query.folder,
        title=split(Path(query.folder))[1] if query.folder else namespace.name,
        crumbs=tuple((name, address(namespace.name, path)) for name, path in crumbs(query.folder)),
        folders=tuple(_folder_row(namespace.name, folder) for folder in listing.folders),
        files=tuple(FileRow(thing=thing, href=f"/storage/objects/{thing.id}") for thing in listing.objects),
        words=query.q,
        sorts=tuple(sorts),
        sort=query.sort,
        here=where,
        now_href=where.replace(f"/storage/{namespace.name}", f"/storage/{namespace.name}/now", 1),
        first_href=where if query.cursor else None,
        next_href=address(namespace.name, query.folder, **kept, cursor=following) if following else None,
        usage=usage,
        used=usage.bytes + usage.reserved_bytes,
        may_write=may_write,
        undo=undo,
        call=call(
            "GET",
            "/api/v1/storage/objects?" + urlencode({"namespace": namespace.name, "folder": query.folder}),
            cli=("storage", "ls", f"berth:{namespace.name}/{query.folder}"),
        ),
    )


def _folder_row(namespace: str, folder: FolderView) -> FolderRow:
    return FolderRow(name=folder.name, href=address(namespace, folder.path))


class DeletedPage(msgspec.Struct, frozen=True, kw_only=True):
    namespace: str
    objects: tuple[ObjectView, ...]
    first_href: str | None
    next_href: str | None
    may_write: bool


def deleted_page(
    namespace: str, objects: Sequence[ObjectView], cursor: str | None, following: str | None, may_write: bool
) -> DeletedPage:
    here = f"/storage/{namespace}/deleted"
    return DeletedPage(
        namespace=namespace,
        objects=tuple(objects),
        first_href=here if cursor else None,
        next_href=f"{here}?{urlencode({'cursor': following})}" if following else None,
        may_write=may_write,
    )


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """A link that was just made; its address is shown this once."""

    url: str
    curl: str
    expires_at: datetime

    @classmethod
    def of(cls, url: str, name: str, expires_at: datetime) -> "Given":
        return cls(url=url, curl=machine.curl_command(url, name), expires_at=expires_at)


class ObjectPage(msgspec.Struct, frozen=True, kw_only=True):
    """One file: facts, a look into it, what can be done with it."""

    thing: ObjectView
    namespace: str
    namespaces: tuple[tuple[str, str], ...]
    crumbs: tuple[tuple[str, str], ...]
    author: str
    text: str | None
    encoding: str
    is_cut: bool
    image: str
    problem: str
    links: tuple[LinkView, ...]
    copies: tuple[CopyView, ...]
    is_copying: bool
    machines: tuple[tuple[str, str], ...]
    hours: tuple[tuple[int, str], ...]
    given: Given | None
    may_write: bool
    move_call: ApiCall
    share_call: ApiCall
    copy_call: ApiCall


def object_page(shown: Shown, may_write: bool, given: Given | None = None) -> ObjectPage:
    thing, name = shown.thing, shown.namespace.name
    remote = f"berth:{name}/{thing.path}"
    first = shown.machines[0][0] if shown.machines else UUID(int=0)
    return ObjectPage(
        thing=thing,
        namespace=name,
        namespaces=tuple((each, each) for each in shown.namespaces),
        crumbs=tuple((label, address(name, path)) for label, path in crumbs(thing.folder)),
        author=shown.author,
        text=shown.text[0] if shown.text else None,
        encoding=shown.text[1] if shown.text else "",
        is_cut=bool(shown.text) and thing.size > 256 * 1024,
        image=shown.image,
        problem=shown.problem,
        links=shown.links,
        copies=shown.copies,
        is_copying=any(copy.ended_at is None for copy in shown.copies),
        machines=tuple((str(machine_id), label) for machine_id, label in shown.machines),
        hours=tuple((hours, label) for hours, label in HOURS if hours <= shown.most_hours)
        or ((shown.most_hours, f"{shown.most_hours} hours"),),
        given=given,
        may_write=may_write,
        move_call=call(
            "PATCH",
            f"/api/v1/storage/objects/{thing.id}",
            MoveBody(path=thing.path),
            cli=("storage", "mv", remote, remote),
        ),
        share_call=call(
            "POST", f"/api/v1/storage/objects/{thing.id}/links", ShareBody(), cli=("storage", "share", remote)
        ),
        copy_call=call(
            "POST",
            "/api/v1/storage/copies",
            CopyBody(object_id=thing.id, allocation_id=first),
            cli=machine.cli_words(name, thing.path),
        ),
    )


class MachineFilesPage(msgspec.Struct, frozen=True, kw_only=True):
    """The tab Files of a machine."""

    machine: MachineView
    is_running: bool
    copies: tuple[CopyView, ...]
    is_copying: bool
    next_href: str | None
    first_href: str | None
    is_first: bool
    may_copy: bool
    cli: str
    call: ApiCall


def machine_files_page(
    found: MachineView, copies: Sequence[CopyView], cursor: UUID | None, following: UUID | None, may_copy: bool
) -> MachineFilesPage:
    here = f"/machines/{found.id}/files"
    body = CopyBody(object_id=copies[0].object_id if copies else UUID(int=0), allocation_id=found.id)
    return MachineFilesPage(
        machine=found,
        is_running=found.state == "active",
        copies=tuple(copies),
        is_copying=any(copy.ended_at is None for copy in copies),
        next_href=f"{here}?cursor={following}" if following else None,
        first_href=here if cursor else None,
        is_first=cursor is None,
        may_copy=may_copy,
        cli="berth storage cp berth:files/PATH .",
        call=call("POST", "/api/v1/storage/copies", body, cli=machine.cli_words("files", "PATH")),
    )
