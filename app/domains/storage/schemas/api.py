"""JSON in and out. Sizes are bytes; digests base64 SHA-256; a path is literal, divided by `/`, without one in front."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from app.domains.storage.contracts import (
    BeginUploads,
    Finished,
    Listing,
    NamespaceView,
    ObjectView,
    PartDigest,
    Refusal,
    UploadItem,
    UploadView,
    UsageView,
)
from app.domains.storage.gateway.s3 import Signed
from app.domains.storage.rules import parts
from app.domains.storage.service.transfer import PartTicket, Progress, Ticket
from app.domains.storage.service.views import Overview
from app.shared.errors import ValidationFailed
from app.shared.paging import cut, pack, unpack


class NamespaceBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str


class NamespaceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`version` 0: the project's first namespace, before anything was put into it."""

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
        """By name; a project has few, so a page is cut here."""
        after = unpack(cursor, 1)[0] if cursor else ""
        left = [namespace for namespace in seen.namespaces if namespace.name > after]
        page = cut(left[: limit + 1], limit, lambda namespace: pack(namespace.name))
        items = [NamespaceAnswer.of(namespace, seen.totals) for namespace in page.items]
        return cls(items=items, next_cursor=page.next_cursor, usage=seen.usage)


class ObjectAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One file. `checksum`: SHA-256 of its bytes; with `-N` behind it the SHA-256 of the SHA-256s of its N parts, each
    of `part_size` bytes but the last. `damage`: missing or size, when the store does not hold it as it should.
    A deleted one can be brought back until `gone_at`."""

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
    def of(cls, thing: ObjectView, namespace: str) -> "ObjectAnswer":
        return cls(
            id=thing.id,
            namespace=namespace,
            path=thing.path,
            folder=thing.folder,
            name=thing.name,
            size=thing.size,
            content_type=thing.content_type,
            checksum=thing.checksum,
            part_size=thing.part_size,
            damage=thing.damage,
            created_by=thing.created_by,
            created_at=thing.created_at,
            changed_at=thing.changed_at,
            deleted_at=thing.deleted_at,
            gone_at=thing.purge_at,
            replaced=thing.replaced,
            version=thing.version,
        )


class ObjectsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    items: list[ObjectAnswer]
    next_cursor: str | None


class FolderAnswer(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    name: str


class ListingAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a folder: its subfolders come first, then its files."""

    folders: list[FolderAnswer]
    items: list[ObjectAnswer]
    next_cursor: str | None

    @classmethod
    def of(cls, listing: Listing, namespace: str) -> "ListingAnswer":
        return cls(
            folders=[FolderAnswer(path=folder.path, name=folder.name) for folder in listing.folders],
            items=[ObjectAnswer.of(thing, namespace) for thing in listing.objects],
            next_cursor=listing.next_cursor,
        )


Sha256 = Annotated[
    str,
    msgspec.Meta(description="SHA-256 of the bytes: 64 hexadecimal digits, or 44 characters of base64 with padding"),
]


def spelt(digests: dict[str, str]) -> dict[str, str]:
    """Digests by the path of their field, as the store spells them. Raises ValidationFailed naming every wrong one."""
    found = {path: parts.sha256_of(text) for path, text in digests.items()}
    wrong = {
        path: "must be a SHA-256, in hexadecimal (64 digits) or base64 (44 characters)"
        for path in found
        if not found[path]
    }
    if wrong:
        raise ValidationFailed(fields=wrong)
    return {path: digest for path, digest in found.items() if digest}


class UploadItemBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`sha256` is wanted for files of up to 8 MiB, which are sent in one piece."""

    path: str
    size: int
    content_type: str = ""
    sha256: Sha256 = ""


class UploadsBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """1 to 100 files. With `overwrite` a file that has the path is replaced once the new one is complete."""

    items: list[UploadItemBody]
    namespace: str = "files"
    overwrite: bool = False

    def command(self) -> BeginUploads:
        given = {f"items[{at}].sha256": item.sha256 for at, item in enumerate(self.items) if item.sha256}
        digests = spelt(given)
        items = tuple(
            UploadItem(
                path=item.path,
                size=item.size,
                content_type=item.content_type,
                sha256=digests.get(f"items[{at}].sha256", ""),
            )
            for at, item in enumerate(self.items)
        )
        return BeginUploads(namespace=self.namespace, items=items, overwrite=self.overwrite)


class PutAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """PUT the bytes to `url` with exactly these headers, beginning within `expires_in` seconds; afterwards ask for
    another address. It takes nothing any more once the upload was finished or canceled."""

    url: str
    headers: dict[str, str]
    expires_in: int

    @classmethod
    def of(cls, put: Signed) -> "PutAnswer":
        return cls(url=put.url, headers=put.headers, expires_in=put.expires_in)


class UploadAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One unfinished upload: sent to `put` in one piece, or in parts of `part_size` bytes."""

    id: UUID
    path: str
    size: int
    part_size: int | None
    overwrite: bool
    created_at: datetime
    expires_at: datetime
    put: PutAnswer | None = None

    @classmethod
    def of(cls, upload: UploadView, put: PutAnswer | None = None) -> "UploadAnswer":
        return cls(
            id=upload.id,
            path=upload.path,
            size=upload.size,
            part_size=upload.part_size,
            overwrite=upload.overwrite,
            created_at=upload.created_at,
            expires_at=upload.expires_at,
            put=put,
        )


class BegunAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one announced file, in the order of the request: an upload (`status` 201), or `same_as` the file
    there that has these very bytes already (200), or why not (4xx). None of them: it was begun by an earlier request
    with this key and has been finished or canceled since (200)."""

    path: str
    status: int
    upload: UploadAnswer | None
    same_as: UUID | None
    refused: Refusal | None

    @classmethod
    def of(cls, ticket: Ticket) -> "BegunAnswer":
        put = PutAnswer.of(ticket.put) if ticket.put else None
        upload = UploadAnswer.of(ticket.upload, put) if ticket.upload else None
        begun, refused = ticket.begun, ticket.begun.refused
        status = refused.status if refused else 201 if upload else 200
        return cls(path=begun.path, status=status, upload=upload, same_as=begun.same_as, refused=refused)


class UploadsBegunAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """201: all were taken. 207: some. 422: none; then `error` is there too, that of the first."""

    items: list[BegunAnswer]
    accepted: int
    refused: int

    @classmethod
    def of(cls, tickets: Sequence[Ticket]) -> "UploadsBegunAnswer":
        items = [BegunAnswer.of(ticket) for ticket in tickets]
        refused = sum(item.refused is not None for item in items)
        return cls(items=items, accepted=len(items) - refused, refused=refused)


class UploadsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    items: list[UploadAnswer]
    next_cursor: UUID | None


class StoredPartAnswer(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    size: int
    sha256: str


class ProgressAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An unfinished upload and the parts that need not be sent again."""

    upload: UploadAnswer
    parts: list[StoredPartAnswer]

    @classmethod
    def of(cls, seen: Progress) -> "ProgressAnswer":
        put = PutAnswer.of(seen.put) if seen.put else None
        parts = [StoredPartAnswer(number=part.number, size=part.size, sha256=part.sha256) for part in seen.parts]
        return cls(upload=UploadAnswer.of(seen.upload, put), parts=parts)


class PartBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Numbers begin with 1."""

    number: int
    sha256: Sha256


class PartsBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    parts: list[PartBody]

    def digests(self) -> tuple[PartDigest, ...]:
        digests = spelt({f"parts[{at}].sha256": part.sha256 for at, part in enumerate(self.parts)})
        return tuple(
            PartDigest(number=p.number, sha256=digests[f"parts[{at}].sha256"]) for at, p in enumerate(self.parts)
        )


class PartAnswer(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    size: int
    put: PutAnswer


class PartsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    items: list[PartAnswer]

    @classmethod
    def of(cls, tickets: Sequence[PartTicket]) -> "PartsAnswer":
        return cls(items=[PartAnswer(number=t.number, size=t.size, put=PutAnswer.of(t.put)) for t in tickets])


class FinishBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """1 to 100 uploads. `overwrite` replaces what has got a path since its upload began."""

    ids: list[UUID]
    overwrite: bool = False


class FinishedItemAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one upload: a file of the same id (`status` 200), or why not yet (4xx)."""

    id: UUID
    path: str
    status: int
    refused: Refusal | None


class FinishedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """200: all are files now. 207: some. 422: none; then `error` is there too, that of the first."""

    items: list[FinishedItemAnswer]
    accepted: int
    refused: int

    @classmethod
    def of(cls, finished: Sequence[Finished]) -> "FinishedAnswer":
        items = [
            FinishedItemAnswer(id=f.id, path=f.path, status=f.refused.status if f.refused else 200, refused=f.refused)
            for f in finished
        ]
        refused = sum(item.refused is not None for item in items)
        return cls(items=items, accepted=len(items) - refused, refused=refused)


class MoveBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`namespace` empty: the one it is in."""

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
    """`deleted_at`: what the deletion answered with (`at`)."""

    path: str
    deleted_at: datetime
    namespace: str = "files"
