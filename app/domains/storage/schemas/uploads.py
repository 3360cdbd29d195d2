"""Bodies and answers of the JSON API about uploads. Digests are base64 SHA-256."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from app.domains.storage.gateway.s3 import Signed
from app.domains.storage.repository.uploads import PartDigest, UploadView
from app.domains.storage.rules import parts
from app.domains.storage.service.publish import Finished
from app.domains.storage.service.results import Refusal
from app.domains.storage.service.transfer import PartTicket, Progress, Ticket
from app.domains.storage.service.uploads import StartUploads, UploadItem
from app.shared.errors import ValidationFailed

Sha256 = Annotated[
    str,
    msgspec.Meta(description="SHA-256 of the bytes: 64 hexadecimal digits, or 44 characters of base64 with padding"),
]


def spelt(digests: dict[str, str]) -> dict[str, str]:
    """Digests in the store's spelling, by the path of their field. Raises ValidationFailed with every invalid one."""
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
    """`sha256` is required for files of up to 8 MiB, which are sent in one piece."""

    path: str
    size: int
    content_type: str = ""
    sha256: Sha256 = ""


class UploadsBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """1 to 100 files. With `overwrite` an existing file is replaced once the new one is complete."""

    items: list[UploadItemBody]
    namespace: str = "files"
    overwrite: bool = False

    def command(self) -> StartUploads:
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
        return StartUploads(namespace=self.namespace, items=items, overwrite=self.overwrite)


class PutAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """PUT the bytes to `url` with exactly these headers, starting within `expires_in` seconds; after that, request
    another address. It stops working once the upload is finished or canceled."""

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


class StartedUploadAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The result for one announced file, in the order of the request: an upload (`status` 201), or `same_as` the
    existing file with the same bytes (200), or a refusal (4xx). None of them: an earlier request with this key started
    it, and it was finished or canceled since (200)."""

    path: str
    status: int
    upload: UploadAnswer | None
    same_as: UUID | None
    refused: Refusal | None

    @classmethod
    def of(cls, ticket: Ticket) -> "StartedUploadAnswer":
        put = PutAnswer.of(ticket.put) if ticket.put else None
        upload = UploadAnswer.of(ticket.upload, put) if ticket.upload else None
        started, refused = ticket.started, ticket.started.refused
        status = refused.status if refused else 201 if upload else 200
        return cls(path=started.path, status=status, upload=upload, same_as=started.same_as, refused=refused)


class UploadsStartedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """201: all were accepted. 207: some. 422: none; then `error` is that of the first."""

    items: list[StartedUploadAnswer]
    accepted: int
    refused: int

    @classmethod
    def of(cls, tickets: Sequence[Ticket]) -> "UploadsStartedAnswer":
        items = [StartedUploadAnswer.of(ticket) for ticket in tickets]
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
    """An unfinished upload and the parts that have arrived."""

    upload: UploadAnswer
    parts: list[StoredPartAnswer]

    @classmethod
    def of(cls, seen: Progress) -> "ProgressAnswer":
        put = PutAnswer.of(seen.put) if seen.put else None
        parts = [StoredPartAnswer(number=part.number, size=part.size, sha256=part.sha256) for part in seen.parts]
        return cls(upload=UploadAnswer.of(seen.upload, put), parts=parts)


class PartBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part; numbers start with 1."""

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
    """1 to 100 uploads. `overwrite` replaces a file that has taken the path since the upload started."""

    ids: list[UUID]
    overwrite: bool = False


class FinishedItemAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The result for one upload: a file of the same id (`status` 200), or the refusal (4xx)."""

    id: UUID
    path: str
    status: int
    refused: Refusal | None


class FinishedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """200: all are files now. 207: some. 422: none; then `error` is that of the first."""

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
