"""Files and uploads of all tenants, for the jobs that clean up and compare."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from app.domains.storage.repository.objects import SELECT, ObjectView, views_of
from app.domains.storage.repository.uploads import SELECT as SELECT_UPLOADS
from app.domains.storage.repository.uploads import UploadView
from app.shared.db.repository import Repository

EXPIRED = text(SELECT_UPLOADS + " WHERE state = 'ended' OR expires_at < :now ORDER BY expires_at LIMIT :limit")
LOCK_UPLOAD = text(SELECT_UPLOADS + " WHERE id = :id FOR UPDATE")
OVER = text(
    SELECT + " WHERE state <> 'visible' AND (state = 'purging' OR purge_at < :now) ORDER BY purge_at LIMIT :limit"
)
ONE_OBJECT = text(SELECT + " WHERE id = :id")
PURGING = text("""
    UPDATE storage.storage_objects SET state = 'purging', version = version + 1 WHERE id = :id AND state = 'deleted'
""")
DELETE = text("DELETE FROM storage.storage_objects WHERE id = ANY(:ids)")
BETWEEN = text("""
    SELECT project_id, id, size, state, damage FROM storage.storage_objects
    WHERE (project_id, id) > (:after_project, :after_id) AND created_at < :before
      AND (CAST(:to_id AS uuid) IS NULL OR (project_id, id) <= (CAST(:to_project AS uuid), CAST(:to_id AS uuid)))
    ORDER BY project_id, id LIMIT :limit
""")
KNOWN = text("""
    SELECT id FROM storage.storage_objects WHERE id = ANY(:ids)
    UNION SELECT id FROM storage.storage_uploads WHERE id = ANY(:ids)
""")
KNOWN_S3 = text("""
    SELECT s3_upload_id FROM storage.storage_uploads WHERE s3_upload_id = ANY(:ids)
""")
DAMAGE = text("""
    UPDATE storage.storage_objects SET damage = :damage, version = version + 1
    WHERE id = :id AND damage IS DISTINCT FROM :damage RETURNING version, tenant_id, project_id, namespace_id
""")
DRIFTED = text("""
    WITH held AS (
        SELECT project_id, sum(size) AS bytes, count(*) AS objects FROM storage.storage_objects
        WHERE state <> 'purging' GROUP BY project_id
    ), asked AS (
        SELECT project_id, sum(size) AS bytes, count(*) AS objects FROM storage.storage_uploads
        WHERE state = 'open' GROUP BY project_id
    )
    SELECT u.project_id FROM storage.storage_usage u
    LEFT JOIN held USING (project_id) LEFT JOIN asked USING (project_id)
    WHERE (u.bytes, u.objects, u.reserved_bytes, u.reserved_objects)
       <> (COALESCE(held.bytes, 0), COALESCE(held.objects, 0), COALESCE(asked.bytes, 0), COALESCE(asked.objects, 0))
""")
CORRECT = text("""
    UPDATE storage.storage_usage u SET
        bytes = (SELECT COALESCE(sum(size), 0) FROM storage.storage_objects o
                 WHERE o.project_id = u.project_id AND o.state <> 'purging'),
        objects = (SELECT count(*) FROM storage.storage_objects o
                   WHERE o.project_id = u.project_id AND o.state <> 'purging'),
        reserved_bytes = (SELECT COALESCE(sum(size), 0) FROM storage.storage_uploads o
                          WHERE o.project_id = u.project_id AND o.state = 'open'),
        reserved_objects = (SELECT count(*) FROM storage.storage_uploads o
                            WHERE o.project_id = u.project_id AND o.state = 'open')
    WHERE u.project_id = :project_id
""")
LOCK_USAGE = text("SELECT project_id FROM storage.storage_usage WHERE project_id = :project_id FOR UPDATE")


class TableRow(msgspec.Struct, frozen=True, kw_only=True):
    """The columns of a file that the comparison needs."""

    project_id: UUID
    id: UUID
    size: int
    state: str
    damage: str | None


class DamageChange(msgspec.Struct, frozen=True, kw_only=True):
    """A file whose damage was recorded or cleared."""

    version: int
    tenant_id: UUID
    project_id: UUID
    namespace_id: UUID


class SweepRepository(Repository):
    """Files and uploads of all tenants, for the workers."""

    async def list_expired_uploads(self, now: datetime, limit: int) -> list[UploadView]:
        """Ended uploads whose parts are still in the bucket, and open uploads that have expired."""
        return await self._list_views(UploadView, EXPIRED, now=now, limit=limit)

    async def lock_upload(self, upload_id: UUID) -> UploadView | None:
        return await self._find_view(UploadView, LOCK_UPLOAD, id=upload_id)

    async def list_purgeable(self, now: datetime, limit: int) -> list[ObjectView]:
        """Deleted files whose retention has ended, and files that are being purged."""
        rows = await self._session.execute(OVER, {"now": now, "limit": limit})
        return views_of(rows.all())

    async def find_object(self, object_id: UUID) -> ObjectView | None:
        """Any file."""
        rows = views_of((await self._session.execute(ONE_OBJECT, {"id": object_id})).all())
        return rows[0] if rows else None

    async def set_purging(self, object_id: UUID) -> bool:
        """Start purging a deleted file. False when it was restored or is being purged already."""
        return await self._changed(PURGING, id=object_id) > 0

    async def delete(self, ids: Sequence[UUID]) -> None:
        await self._session.execute(DELETE, {"ids": list(ids)})

    async def list_between(
        self, after: tuple[UUID, UUID], to: tuple[UUID, UUID] | None, before: datetime, limit: int
    ) -> list[TableRow]:
        """Files created before that instant, in the order of their keys, after one key and up to another."""
        values = {
            "after_project": after[0],
            "after_id": after[1],
            "to_project": to[0] if to else None,
            "to_id": to[1] if to else None,
            "before": before,
            "limit": limit,
        }
        return await self._list_views(TableRow, BETWEEN, **values)

    async def list_known(self, ids: Sequence[UUID]) -> set[UUID]:
        """Those of the ids that belong to a file or an upload."""
        return set(await self._session.scalars(KNOWN, {"ids": list(ids)}))

    async def list_known_s3_uploads(self, ids: Sequence[str]) -> set[str]:
        return set(await self._session.scalars(KNOWN_S3, {"ids": list(ids)}))

    async def set_damage(self, object_id: UUID, damage: str | None) -> DamageChange | None:
        """Record the damage of a file, or None to clear it. Returns None when nothing changed."""
        return await self._find_view(DamageChange, DAMAGE, id=object_id, damage=damage)

    async def list_drifted(self) -> list[UUID]:
        """Projects whose usage is not the sum of their rows."""
        return list(await self._session.scalars(DRIFTED))

    async def correct(self, project_id: UUID) -> bool:
        """Recompute the usage of a project under its lock. Returns whether it was wrong."""
        await self._session.execute(LOCK_USAGE, {"project_id": project_id})
        if project_id not in await self.list_drifted():
            return False
        await self._session.execute(CORRECT, {"project_id": project_id})
        return True
