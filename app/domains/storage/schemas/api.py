"""Bodies and answers of the JSON API. Sizes are bytes; digests base64 SHA-256; a path is divided by `/` and does not
start with one."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.storage.repository.namespaces import NamespaceView
from app.domains.storage.repository.objects import ObjectView
from app.domains.storage.service.listing import Listing
from app.domains.storage.service.namespaces import UsageView
from app.domains.storage.service.views import Overview
from app.shared.paging import cut, pack, unpack


class NamespaceBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str


class NamespaceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A namespace. `version` is 0 for the default one before its first use."""

    id: UUID
    name: str
    created_at: datetime | None
    version: int
    objects: int | None = None
    bytes: int | None = None

    @classmethod
    def of(cls, namespace: NamespaceView, totals: dict[UUID, tuple[int, int]] | None = None) -> "NamespaceAnswer":
        objects, size = (totals or {}).get(namespace.id, (0, 0)) if totals is not None else (None, None)
        return cls(
            id=namespace.id,
            name=namespace.name,
            created_at=namespace.created_at,
            version=namespace.version,
            objects=objects,
            bytes=size,
        )


class NamespacesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    items: list[NamespaceAnswer]
    next_cursor: str | None
    usage: UsageView

    @classmethod
    def of(cls, seen: Overview, cursor: str | None, limit: int) -> "NamespacesAnswer":
        """By name. A project has few, so they are paged here."""
        after = unpack(cursor, tuple[str])[0] if cursor else ""
        left = [namespace for namespace in seen.namespaces if namespace.name > after]
        page = cut(left[: limit + 1], limit, lambda namespace: pack(namespace.name))
        items = [NamespaceAnswer.of(namespace, seen.totals) for namespace in page.items]
        return cls(items=items, next_cursor=page.next_cursor, usage=seen.usage)


class ObjectAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One file. `checksum`: SHA-256 of its bytes; with `-N` behind it the SHA-256 of the SHA-256s of its N parts, each
    of `part_size` bytes but the last. `damage`: missing or size, when the store does not hold it as it should.
    A deleted file can be restored until `gone_at`."""

    id: UUID
    namespace: str
    path: str
    folder: str
    name: str
    size: int
    content_type: str
    checksum: str
    part_size: int | None
    damage: str | None
    created_by: UUID | None
    created_at: datetime
    changed_at: datetime
    deleted_at: datetime | None
    gone_at: datetime | None
    replaced: bool
    version: int

    @classmethod
    def of(cls, file: ObjectView, namespace: str) -> "ObjectAnswer":
        return cls(
            id=file.id,
            namespace=namespace,
            path=file.path,
            folder=file.folder,
            name=file.name,
            size=file.size,
            content_type=file.content_type,
            checksum=file.checksum,
            part_size=file.part_size,
            damage=file.damage,
            created_by=file.created_by,
            created_at=file.created_at,
            changed_at=file.changed_at,
            deleted_at=file.deleted_at,
            gone_at=file.purge_at,
            replaced=file.replaced,
            version=file.version,
        )


class ObjectsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    items: list[ObjectAnswer]
    next_cursor: str | None


class FolderAnswer(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    name: str


class ListingAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Entries of a folder: its subfolders come first, then its files."""

    folders: list[FolderAnswer]
    items: list[ObjectAnswer]
    next_cursor: str | None

    @classmethod
    def of(cls, listing: Listing, namespace: str) -> "ListingAnswer":
        return cls(
            folders=[FolderAnswer(path=folder.path, name=folder.name) for folder in listing.folders],
            items=[ObjectAnswer.of(file, namespace) for file in listing.objects],
            next_cursor=listing.next_cursor,
        )


class MoveBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An empty `namespace` is the current one."""

    path: str
    namespace: str = ""
    overwrite: bool = False


class FolderBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    path: str
    namespace: str = "files"


class MoveFolderBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    path: str
    new_path: str
    namespace: str = "files"


class RestoreFolderBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`deleted_at` is `at` of the answer to the deletion."""

    path: str
    deleted_at: datetime
    namespace: str = "files"
