"""Unfinished uploads and the digests of their parts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from app.shared.authz import ProjectScope
from app.shared.db.repository import Repository
from app.shared.errors import NotFound
from app.shared.storagepath import FolderPath


class PartDigest(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    sha256: str


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


SELECT = """
    SELECT id, tenant_id, project_id, namespace_id, folder, name, size, content_type, sha256, part_size, s3_upload_id,
           overwrite, state, created_by, created_at, expires_at
    FROM storage.storage_uploads"""
IN_PROJECT = " WHERE tenant_id = :tenant_id AND project_id = :project_id AND state = 'open'"
GET = text(SELECT + IN_PROJECT + " AND id = :id")
LIST = text(
    SELECT
    + IN_PROJECT
    + " AND namespace_id = :namespace_id AND created_by = :created_by AND (CAST(:after AS uuid) IS NULL OR id > :after)"
    " ORDER BY id LIMIT :limit"
)
LOCK = text(SELECT + IN_PROJECT + " AND id = ANY(:ids) ORDER BY id FOR UPDATE")
BY_IDS = text(SELECT + IN_PROJECT + " AND id = ANY(:ids)")
COUNT = text("""
    SELECT count(*) FROM storage.storage_uploads
    WHERE tenant_id = :tenant_id AND project_id = :project_id AND state = 'open'
""")
INSERT = text("""
    INSERT INTO storage.storage_uploads (id, tenant_id, project_id, namespace_id, folder, name, size, content_type,
           sha256, part_size, s3_upload_id, overwrite, state, created_by, created_at, expires_at)
    VALUES (:id, :tenant_id, :project_id, :namespace_id, :folder, :name, :size, :content_type, :sha256, :part_size,
            :s3_upload_id, :overwrite, :state, :created_by, :created_at, :expires_at)
""")
OPENED = text("""
    UPDATE storage.storage_uploads u SET s3_upload_id = o.s3_upload_id
    FROM unnest(CAST(:ids AS uuid[]), CAST(:s3_upload_ids AS text[])) AS o (id, s3_upload_id)
    WHERE u.id = o.id AND u.s3_upload_id IS NULL AND u.state = 'open' RETURNING u.id
""")
END = text("UPDATE storage.storage_uploads SET state = 'ended' WHERE id = :id")
DELETE = text("DELETE FROM storage.storage_uploads WHERE id = ANY(:ids)")
PUT_PART = text("""
    INSERT INTO storage.storage_upload_parts (upload_id, number, sha256) VALUES (:upload_id, :number, :sha256)
    ON CONFLICT (upload_id, number) DO UPDATE SET sha256 = EXCLUDED.sha256
""")
PARTS = text("SELECT number, sha256 FROM storage.storage_upload_parts WHERE upload_id = :id ORDER BY number")


class UploadRepository(Repository):
    """Only open uploads are visible."""

    async def get_in(self, scope: ProjectScope, upload_id: UUID) -> UploadView:
        """Raises NotFound, also for an upload of another project."""
        row = await self._find_view(UploadView, GET, **_scoped(scope), id=upload_id)
        if row is None:
            raise NotFound()
        return row

    async def page(
        self, scope: ProjectScope, namespace_id: UUID, created_by: UUID | None, after: UUID | None, limit: int
    ) -> list[UploadView]:
        """The uploads of one person, oldest first."""
        parameters = {**_scoped(scope), "namespace_id": namespace_id, "created_by": created_by}
        values = {**parameters, "after": after, "limit": limit}
        return await self._list_views(UploadView, LIST, **values)

    async def list_by_ids(
        self, scope: ProjectScope, ids: Sequence[UUID], *, lock: bool = False
    ) -> dict[UUID, UploadView]:
        """Those of the uploads that are open, by id."""
        rows = await self._list_views(UploadView, LOCK if lock else BY_IDS, **_scoped(scope), ids=list(ids))
        return {row.id: row for row in rows}

    async def count(self, scope: ProjectScope) -> int:
        return int((await self._session.execute(COUNT, _scoped(scope))).scalar_one())

    async def append(self, uploads: Sequence[UploadView]) -> None:
        if uploads:
            await self._session.execute(INSERT, [msgspec.structs.asdict(upload) for upload in uploads])

    async def set_opened(self, opened: Mapping[UUID, str]) -> set[UUID]:
        """Record their ids at S3. Returns the uploads for which it was recorded: not those that had an id already or
        have ended."""
        ids = sorted(opened)
        values = {"ids": ids, "s3_upload_ids": [opened[upload_id] for upload_id in ids]}
        return set(await self._session.scalars(OPENED, values))

    async def end(self, upload_id: UUID) -> None:
        """End an upload that will never be finished. A job removes its parts from the bucket, then the row."""
        await self._session.execute(END, {"id": upload_id})

    async def delete(self, ids: Sequence[UUID]) -> None:
        await self._session.execute(DELETE, {"ids": list(ids)})

    async def put_parts(self, upload_id: UUID, parts: Sequence[PartDigest]) -> None:
        """Record the digest of each part; the last one recorded counts."""
        rows = [{"upload_id": upload_id, "number": part.number, "sha256": part.sha256} for part in parts]
        await self._session.execute(PUT_PART, rows)

    async def list_parts(self, upload_id: UUID) -> dict[int, str]:
        """Digests by number, in order."""
        return {row.number: row.sha256 for row in await self._session.execute(PARTS, {"id": upload_id})}


def _scoped(scope: ProjectScope) -> dict[str, object]:
    return {"tenant_id": scope.tenant_id, "project_id": scope.project_id}
