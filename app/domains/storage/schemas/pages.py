"""Forms of the pages, and what each page shows."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

import msgspec

from app.domains.provisioning.contracts import MachineView
from app.domains.storage.repository.copies import CopyView
from app.domains.storage.repository.folders import FolderView
from app.domains.storage.repository.links import LinkView
from app.domains.storage.repository.namespaces import NamespaceView
from app.domains.storage.repository.objects import ObjectView
from app.domains.storage.rules import machine
from app.domains.storage.rules.parts import SINGLE
from app.domains.storage.schemas.api import MoveBody
from app.domains.storage.schemas.links_copies import CopyBody, ShareBody
from app.domains.storage.service.listing import Listing
from app.domains.storage.service.namespaces import UsageView
from app.domains.storage.service.uploads import AT_ONCE
from app.domains.storage.service.views import FileDetail, Overview, UndoOffer, crumbs
from app.shared.storagepath import StoragePath as Path
from app.shared.storagepath import split
from app.web.show_code import ApiCall, call

SORTS = (("Name", "name"), ("Newest", "-changed"), ("Largest", "-size"))
HOURS = ((1, "1 hour"), (24, "1 day"), (168, "7 days"))


def address(namespace: str, folder: str = "", **more: str) -> str:
    """The address of a folder's page."""
    query = {name: value for name, value in {"folder": folder, **more}.items() if value}
    return f"/storage/{namespace}" + (f"?{urlencode(query)}" if query else "")


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

    @classmethod
    def of(cls, seen: Overview, may_write: bool) -> "OverviewPage":
        rows = []
        for namespace in seen.namespaces:
            objects, size = seen.totals.get(namespace.id, (0, 0))
            rows.append(NamespaceRow(name=namespace.name, href=address(namespace.name), objects=objects, size=size))
        used = seen.usage.bytes + seen.usage.reserved_bytes
        return cls(rows=tuple(rows), usage=seen.usage, used=used, may_write=may_write)


class FileRow(msgspec.Struct, frozen=True, kw_only=True):
    file: ObjectView
    href: str


class FolderRow(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    href: str

    @classmethod
    def of(cls, namespace: str, folder: FolderView) -> "FolderRow":
        return cls(name=folder.name, href=address(namespace, folder.path))


class FolderQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The query of a folder's page."""

    folder: str = ""
    q: str = ""
    sort: str = "name"
    cursor: str | None = None


class FolderPage(msgspec.Struct, frozen=True, kw_only=True):
    """One folder of a namespace, or the results of a search in it."""

    namespace: NamespaceView
    folder: str
    title: str
    crumbs: tuple[tuple[str, str], ...]
    folders: tuple[FolderRow, ...]
    files: tuple[FileRow, ...]
    search: str
    sorts: tuple[tuple[str, str, bool], ...]
    sort: str
    here: str
    now_href: str
    first_href: str | None
    next_href: str | None
    usage: UsageView
    used: int
    may_write: bool
    undo: UndoOffer | None
    call: ApiCall
    at_once: int = AT_ONCE
    single: int = SINGLE

    @classmethod
    def of(
        cls,
        namespace: NamespaceView,
        query: FolderQuery,
        listing: Listing,
        usage: UsageView,
        *,
        may_write: bool,
        undo: UndoOffer | None = None,
    ) -> "FolderPage":
        kept = {"q": query.q, "sort": query.sort if query.sort != "name" else ""}
        where = address(namespace.name, query.folder, **kept)
        sorts = [(label, address(namespace.name, query.folder, sort=sort), sort == query.sort) for label, sort in SORTS]
        following = listing.next_cursor
        return cls(
            namespace=namespace,
            folder=query.folder,
            title=split(Path(query.folder))[1] if query.folder else namespace.name,
            crumbs=tuple((name, address(namespace.name, path)) for name, path in crumbs(query.folder)),
            folders=tuple(FolderRow.of(namespace.name, folder) for folder in listing.folders),
            files=tuple(FileRow(file=file, href=f"/storage/objects/{file.id}") for file in listing.objects),
            search=query.q,
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


class DeletedPage(msgspec.Struct, frozen=True, kw_only=True):
    namespace: str
    objects: tuple[ObjectView, ...]
    first_href: str | None
    next_href: str | None
    may_write: bool

    @classmethod
    def of(
        cls, namespace: str, objects: Sequence[ObjectView], cursor: str | None, following: str | None, may_write: bool
    ) -> "DeletedPage":
        here = f"/storage/{namespace}/deleted"
        return cls(
            namespace=namespace,
            objects=tuple(objects),
            first_href=here if cursor else None,
            next_href=f"{here}?{urlencode({'cursor': following})}" if following else None,
            may_write=may_write,
        )


class NewLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link that was just created; its address is shown once."""

    url: str
    curl: str
    expires_at: datetime

    @classmethod
    def of(cls, url: str, name: str, expires_at: datetime) -> "NewLink":
        return cls(url=url, curl=machine.curl_command(url, name), expires_at=expires_at)


class ObjectPage(msgspec.Struct, frozen=True, kw_only=True):
    """One file: details, preview and actions."""

    file: ObjectView
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
    new_link: NewLink | None
    may_write: bool
    move_call: ApiCall
    share_call: ApiCall
    copy_call: ApiCall

    @classmethod
    def of(cls, shown: FileDetail, may_write: bool, new_link: NewLink | None = None) -> "ObjectPage":
        file, name = shown.file, shown.namespace.name
        remote = f"berth:{name}/{file.path}"
        first = shown.machines[0][0] if shown.machines else UUID(int=0)
        return cls(
            file=file,
            namespace=name,
            namespaces=tuple((each, each) for each in shown.namespaces),
            crumbs=tuple((label, address(name, path)) for label, path in crumbs(file.folder)),
            author=shown.author,
            text=shown.text[0] if shown.text else None,
            encoding=shown.text[1] if shown.text else "",
            is_cut=bool(shown.text) and file.size > 256 * 1024,
            image=shown.image,
            problem=shown.problem,
            links=shown.links,
            copies=shown.copies,
            is_copying=any(copy.ended_at is None for copy in shown.copies),
            machines=tuple((str(machine_id), label) for machine_id, label in shown.machines),
            hours=tuple((hours, label) for hours, label in HOURS if hours <= shown.max_hours)
            or ((shown.max_hours, f"{shown.max_hours} hours"),),
            new_link=new_link,
            may_write=may_write,
            move_call=call(
                "PATCH",
                f"/api/v1/storage/objects/{file.id}",
                MoveBody(path=file.path),
                cli=("storage", "mv", remote, remote),
            ),
            share_call=call(
                "POST", f"/api/v1/storage/objects/{file.id}/links", ShareBody(), cli=("storage", "share", remote)
            ),
            copy_call=call(
                "POST",
                "/api/v1/storage/copies",
                CopyBody(object_id=file.id, allocation_id=first),
                cli=machine.cli_argv(name, file.path),
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

    @classmethod
    def of(
        cls, found: MachineView, copies: Sequence[CopyView], cursor: UUID | None, following: UUID | None, may_copy: bool
    ) -> "MachineFilesPage":
        here = f"/machines/{found.id}/files"
        body = CopyBody(object_id=copies[0].object_id if copies else UUID(int=0), allocation_id=found.id)
        return cls(
            machine=found,
            is_running=found.state == "active",
            copies=tuple(copies),
            is_copying=any(copy.ended_at is None for copy in copies),
            next_href=f"{here}?cursor={following}" if following else None,
            first_href=here if cursor else None,
            is_first=cursor is None,
            may_copy=may_copy,
            cli="berth storage cp berth:files/PATH .",
            call=call("POST", "/api/v1/storage/copies", body, cli=machine.cli_argv("files", "PATH")),
        )
