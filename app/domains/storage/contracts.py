"""Ids, commands and views of storage. Sizes are bytes, instants UTC, digests base64 SHA-256. Paths are checked ones
(`app.shared.storagepath`) wherever the type says so; text that came from outside is `str` and is checked first."""

from datetime import datetime
from typing import Literal, NewType
from uuid import UUID

import msgspec

from app.shared.storagepath import FolderPath

ObjectId = NewType("ObjectId", UUID)
Sort = Literal["name", "-name", "size", "-size", "changed", "-changed"]
CopyState = Literal["waiting", "in_progress", "active", "failed"]

# -- commands --------------------------------------------------------------------------------------------------------


class CreateNamespace(msgspec.Struct, frozen=True, kw_only=True):
    name: str


class RenameNamespace(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    new_name: str
    seen: int | None = None


class DeleteNamespace(msgspec.Struct, frozen=True, kw_only=True):
    name: str


class UploadItem(msgspec.Struct, frozen=True, kw_only=True):
    """`sha256` of the whole file, wanted for those that are sent in one piece."""

    path: str
    size: int
    content_type: str = ""
    sha256: str = ""


class BeginUploads(msgspec.Struct, frozen=True, kw_only=True):
    """Announce files. With `overwrite` what has the path is replaced once the new file is complete."""

    namespace: str
    items: tuple[UploadItem, ...]
    overwrite: bool = False


class PartDigest(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    sha256: str


class SignParts(msgspec.Struct, frozen=True, kw_only=True):
    upload_id: UUID
    parts: tuple[PartDigest, ...]


class FinishUploads(msgspec.Struct, frozen=True, kw_only=True):
    """`overwrite` replaces what has got the path since the upload began."""

    ids: tuple[UUID, ...]
    overwrite: bool = False


class Arrived(msgspec.Struct, frozen=True, kw_only=True):
    """What the bucket said about one upload: its checksum, or why it cannot be finished."""

    id: UUID
    checksum: str = ""
    refused: "Refusal | None" = None


class PublishUploads(msgspec.Struct, frozen=True, kw_only=True):
    """Make files visible whose bytes have arrived."""

    arrived: tuple[Arrived, ...]
    overwrite: bool = False


class CancelUpload(msgspec.Struct, frozen=True, kw_only=True):
    upload_id: UUID


class MoveObject(msgspec.Struct, frozen=True, kw_only=True):
    """Another path, in the same namespace or in another one of the project."""

    object_id: UUID
    path: str
    namespace: str = ""
    overwrite: bool = False
    seen: int | None = None


class DeleteObject(msgspec.Struct, frozen=True, kw_only=True):
    object_id: UUID
    seen: int | None = None


class RestoreObject(msgspec.Struct, frozen=True, kw_only=True):
    object_id: UUID


class PurgeObject(msgspec.Struct, frozen=True, kw_only=True):
    """Gone for good, before its time."""

    object_id: UUID


class MakeFolder(msgspec.Struct, frozen=True, kw_only=True):
    namespace: str
    path: str


class MoveFolder(msgspec.Struct, frozen=True, kw_only=True):
    namespace: str
    path: str
    new_path: str


class DeleteFolder(msgspec.Struct, frozen=True, kw_only=True):
    namespace: str
    path: str


class RestoreFolder(msgspec.Struct, frozen=True, kw_only=True):
    """Undo the deletion of a folder: `deleted_at` says which one."""

    namespace: str
    path: str
    deleted_at: datetime


class ShareObject(msgspec.Struct, frozen=True, kw_only=True):
    """A link that works for `hours` for whoever has it."""

    object_id: UUID
    hours: int


class RevokeLink(msgspec.Struct, frozen=True, kw_only=True):
    """Take a link to a file back."""

    object_id: UUID
    link_id: UUID


class CopyToMachine(msgspec.Struct, frozen=True, kw_only=True):
    """`target` is a path on the machine, below the login's home unless it begins with /; empty: the file's own name."""

    object_id: UUID
    allocation_id: UUID
    target: str = ""


class RunCopy(msgspec.Struct, frozen=True, kw_only=True):
    """The job behind a copy."""

    copy_id: UUID


# -- results and views -----------------------------------------------------------------------------------------------


class NamespaceView(msgspec.Struct, frozen=True, kw_only=True):
    """`version` 0: the default namespace before its first use."""

    id: UUID
    tenant_id: UUID
    project_id: UUID
    name: str
    created_at: datetime | None
    version: int


class UsageView(msgspec.Struct, frozen=True, kw_only=True):
    """What a project stores and may store. `reserved` is set aside for unfinished uploads."""

    bytes: int = 0
    objects: int = 0
    reserved_bytes: int = 0
    reserved_objects: int = 0
    quota_bytes: int = 0
    quota_objects: int = 0


class ObjectView(msgspec.Struct, frozen=True, kw_only=True):
    """One file. `damage`: missing or size, when the bucket does not hold it as it should."""

    id: ObjectId
    tenant_id: UUID
    project_id: UUID
    namespace_id: UUID
    folder: FolderPath
    name: str
    size: int
    content_type: str
    checksum: str
    part_size: int | None
    state: str
    damage: str | None
    created_by: UUID | None
    created_at: datetime
    changed_at: datetime
    deleted_at: datetime | None
    purge_at: datetime | None
    replaced: bool
    version: int

    @property
    def path(self) -> str:
        return f"{self.folder}/{self.name}" if self.folder else self.name


class UploadView(msgspec.Struct, frozen=True, kw_only=True):
    """One unfinished upload. `part_size` None: one piece, whose digest is `sha256`."""

    id: UUID
    tenant_id: UUID
    project_id: UUID
    namespace_id: UUID
    folder: FolderPath
    name: str
    size: int
    content_type: str
    sha256: str | None
    part_size: int | None
    s3_upload_id: str | None
    overwrite: bool
    state: str
    created_by: UUID | None
    created_at: datetime
    expires_at: datetime

    @property
    def path(self) -> str:
        return f"{self.folder}/{self.name}" if self.folder else self.name


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why one item of a batch was not done; the others were. `status` is what the item alone would have got."""

    code: str
    message: str
    status: int = 422


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one announced file: an upload, or nothing to do because the file there has these very bytes, or a
    refusal."""

    path: str
    upload_id: UUID | None = None
    same_as: UUID | None = None
    refused: Refusal | None = None


class UploadsBegun(msgspec.Struct, frozen=True, kw_only=True):
    namespace_id: UUID
    items: tuple[Begun, ...]


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one upload: the object has its id, or a refusal."""

    id: UUID
    path: str = ""
    refused: Refusal | None = None


class UploadsFinished(msgspec.Struct, frozen=True, kw_only=True):
    items: tuple[Finished, ...]


class StoredPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part that the bucket holds and whose digest we know."""

    number: int
    size: int
    sha256: str


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What was changed and its version."""

    id: UUID
    version: int = 0
    count: int = 1
    at: datetime | None = None


class Purged(Done, frozen=True, kw_only=True):
    """A file that is gone for good, and where it was."""

    namespace: str


class LinkView(msgspec.Struct, frozen=True, kw_only=True):
    """A link that was given out. Its address is kept nowhere."""

    id: UUID
    object_id: UUID
    created_by: UUID | None
    created_at: datetime
    expires_at: datetime


class FolderView(msgspec.Struct, frozen=True, kw_only=True):
    path: FolderPath
    name: str


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """Some entries of a folder or of a search: folders first."""

    folders: tuple[FolderView, ...]
    objects: tuple[ObjectView, ...]
    next_cursor: str | None


class CopyView(msgspec.Struct, frozen=True, kw_only=True):
    """One copy to a machine."""

    id: UUID
    tenant_id: UUID
    project_id: UUID
    object_id: UUID
    allocation_id: UUID
    machine: str
    label: str
    target: str
    size: int
    done: int
    state: CopyState
    problem: str | None
    created_by: UUID | None
    created_at: datetime
    beat_at: datetime
    ended_at: datetime | None
    version: int


class ReportView(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison of bucket and table. `samples` names up to fifty findings by key."""

    id: UUID
    started_at: datetime
    ended_at: datetime
    objects_seen: int
    rows_seen: int
    orphans: int
    orphan_bytes: int
    removed: int
    missing: int
    size_differs: int
    healed: int
    uploads_aborted: int
    usage_corrected: int
    samples: tuple[str, ...]
