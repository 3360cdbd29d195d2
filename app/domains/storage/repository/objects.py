"""Stored files."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Row, text

from app.domains.storage.contracts import ObjectId
from app.domains.storage.repository.folders import inside
from app.domains.storage.rules.listing import Sort
from app.shared.authz import ProjectScope
from app.shared.db.repository import Repository
from app.shared.errors import NotFound
from app.shared.numbers import whole_number
from app.shared.paging import InstantAndId
from app.shared.storagepath import FolderPath, StoragePath, split


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


SELECT = """
    SELECT id, tenant_id, project_id, namespace_id, folder, name, size, content_type, checksum, part_size, state,
           damage, created_by, created_at, changed_at, deleted_at, purge_at, replaced, version
    FROM storage.storage_objects"""
IN_PROJECT = " WHERE id = :id AND tenant_id = :tenant_id AND project_id = :project_id AND state <> 'purging'"
GET = text(SELECT + IN_PROJECT)
LOCK = text(
    SELECT
    + """
    WHERE id = :id AND tenant_id = :tenant_id AND project_id = :project_id AND state <> 'purging' FOR UPDATE
    """
)
INSERT = text("""
    INSERT INTO storage.storage_objects (id, tenant_id, project_id, namespace_id, folder, name, size, content_type,
           checksum, part_size, state, created_by, created_at, changed_at)
    VALUES (:id, :tenant_id, :project_id, :namespace_id, :folder, :name, :size, :content_type, :checksum, :part_size,
            'visible', :created_by, :now, :now)
""")
AT = text(
    SELECT
    + """
    JOIN unnest(CAST(:folders AS text[]), CAST(:names AS text[])) AS wanted (wanted_folder, wanted_name)
      ON folder = wanted_folder AND name = wanted_name
    WHERE namespace_id = :namespace_id AND state = 'visible'
    """
)
HERE = SELECT + " WHERE namespace_id = :namespace_id AND folder = :folder AND state = 'visible' AND "
FIRST = "CAST(:id AS uuid) IS NULL"
PAGES: dict[Sort, object] = {
    "name": text(HERE + "name > :text ORDER BY name LIMIT :limit"),
    "-name": text(HERE + "(" + FIRST + " OR name < :text) ORDER BY name DESC LIMIT :limit"),
    "size": text(HERE + "(" + FIRST + " OR (size, id) > (:number, CAST(:id AS uuid))) ORDER BY size, id LIMIT :limit"),
    "-size": text(
        HERE + "(" + FIRST + " OR (size, id) < (:number, CAST(:id AS uuid))) ORDER BY size DESC, id DESC LIMIT :limit"
    ),
    "changed": text(
        HERE
        + "("
        + FIRST
        + " OR (created_at, id) > (CAST(:text AS timestamptz), CAST(:id AS uuid))) ORDER BY created_at, id LIMIT :limit"
    ),
    "-changed": text(
        HERE
        + "("
        + FIRST
        + " OR (created_at, id) < (CAST(:text AS timestamptz), CAST(:id AS uuid)))"
        + " ORDER BY created_at DESC, id DESC LIMIT :limit"
    ),
}
FIND_TEXT = text(
    SELECT
    + """
    WHERE namespace_id = :namespace_id AND state = 'visible' AND (folder, name) > (:after_folder, :after_name)
      AND (:source = '' OR folder = :source OR (folder >= :low AND folder < :high))
      AND (folder || '/' || name) COLLATE "default" ILIKE :pattern
    ORDER BY folder, name LIMIT :limit
    """
)
GONE = text(
    SELECT
    + """
    WHERE namespace_id = :namespace_id AND state = 'deleted'
      AND (CAST(:id AS uuid) IS NULL OR (deleted_at, id) < (CAST(:text AS timestamptz), CAST(:id AS uuid)))
    ORDER BY deleted_at DESC, id DESC LIMIT :limit
    """
)
MOVE = text("""
    UPDATE storage.storage_objects
    SET namespace_id = :namespace_id, folder = :folder, name = :name, changed_at = :now, version = version + 1
    WHERE id = :id RETURNING version
""")
MARK = text("""
    UPDATE storage.storage_objects
    SET state = :state, deleted_at = :deleted_at, purge_at = :purge_at, replaced = :replaced, changed_at = :now,
        version = version + 1
    WHERE id = :id RETURNING version
""")
MOVE_FOLDER = text("""
    UPDATE storage.storage_objects
    SET folder = :target || substr(folder, :cut), changed_at = :now, version = version + 1
    WHERE namespace_id = :namespace_id AND state = 'visible'
      AND (folder = :source OR (folder >= :low AND folder < :high))
""")
DELETE_FOLDER = text("""
    UPDATE storage.storage_objects
    SET state = 'deleted', deleted_at = :now, purge_at = :purge_at, replaced = false, changed_at = :now,
        version = version + 1
    WHERE namespace_id = :namespace_id AND state = 'visible'
      AND (folder = :source OR (folder >= :low AND folder < :high))
""")
DELETED_WITH = text(
    SELECT
    + """
    WHERE namespace_id = :namespace_id AND state = 'deleted' AND deleted_at = :at AND NOT replaced
      AND (folder = :source OR (folder >= :low AND folder < :high)) AND (CAST(:after AS uuid) IS NULL OR id > :after)
    ORDER BY id LIMIT :limit FOR UPDATE
    """
)
BY_IDS = text(SELECT + " WHERE id = ANY(:ids) ORDER BY id")
COUNT_DELETED_WITH = text("""
    SELECT count(*) FROM storage.storage_objects
    WHERE namespace_id = :namespace_id AND state = 'deleted' AND deleted_at = :at AND NOT replaced
      AND (folder = :source OR (folder >= :low AND folder < :high))
""")
LONGEST = text("""
    SELECT COALESCE(max(octet_length(folder) + octet_length(name) + 1), 0) FROM storage.storage_objects
    WHERE namespace_id = :namespace_id AND state = 'visible'
      AND (folder = :source OR (folder >= :low AND folder < :high))
""")


class ObjectRepository(Repository):
    """Lists are by namespace: the caller has found the namespace in its scope."""

    async def get_in(self, scope: ProjectScope, object_id: UUID, *, lock: bool = False) -> ObjectView:
        """A visible or recently deleted file. Raises NotFound, also for a file of another project."""
        parameters = {"id": object_id, "tenant_id": scope.tenant_id, "project_id": scope.project_id}
        row = (await self._session.execute(LOCK if lock else GET, parameters)).one_or_none()
        if row is None:
            raise NotFound()
        return _view(row)

    async def append(self, fields: dict[str, object]) -> None:
        await self._session.execute(INSERT, fields)

    async def list_at(self, namespace_id: UUID, paths: Iterable[StoragePath]) -> dict[str, ObjectView]:
        """The visible files at these paths, by path."""
        pairs = [split(path) for path in paths]
        values = {"folders": [folder for folder, _ in pairs], "names": [name for _, name in pairs]}
        found = await self._list_views(ObjectView, AT, namespace_id=namespace_id, **values)
        return {file.path: file for file in found}

    async def page(
        self, namespace_id: UUID, folder: FolderPath, sort: Sort, after: tuple[str, str] | None, limit: int
    ) -> list[ObjectView]:
        """The files of a folder. `after` is the sort value and the id of the last file of the previous page."""
        value, last = after or ("", None)
        number = (whole_number(value) if sort.endswith("size") else None) or 0
        instant = value if sort.endswith("changed") and value else None
        values = {
            "namespace_id": namespace_id,
            "folder": folder,
            "text": instant if sort.endswith("changed") else value,
            "number": number,
            "id": last,
            "limit": limit,
        }
        return [_view(row) for row in await self._session.execute(PAGES[sort], values)]  # type: ignore[call-overload]

    async def search(
        self, namespace_id: UUID, folder: FolderPath, text_part: str, after: tuple[str, str], limit: int
    ) -> list[ObjectView]:
        """Files in the folder and below it whose path contains `text_part`, ignoring case."""
        escaped = text_part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        values = {
            "namespace_id": namespace_id,
            "pattern": f"%{escaped}%",
            "after_folder": after[0],
            "after_name": after[1],
            "limit": limit,
        }
        return await self._list_views(ObjectView, FIND_TEXT, **values, **inside(folder))

    async def page_deleted(self, namespace_id: UUID, after: InstantAndId | None, limit: int) -> list[ObjectView]:
        """Files that can be restored, last deleted first."""
        instant, last = after or (None, None)
        values = {"namespace_id": namespace_id, "text": instant, "id": last, "limit": limit}
        return await self._list_views(ObjectView, GONE, **values)

    async def move(self, object_id: UUID, namespace_id: UUID, path: StoragePath, now: datetime) -> int:
        """Change the path; the bytes are not moved. Returns the new version."""
        folder, name = split(path)
        values = {"id": object_id, "namespace_id": namespace_id, "folder": folder, "name": name, "now": now}
        return int((await self._session.execute(MOVE, values)).scalar_one())

    async def hide(self, object_id: UUID, now: datetime, purge_at: datetime, *, replaced: bool = False) -> int:
        """Delete a file so that it can be restored. Returns the new version."""
        return await self._mark(object_id, "deleted", now, now, purge_at, replaced)

    async def show(self, object_id: UUID, now: datetime) -> int:
        """Restore a deleted file. Returns the new version."""
        return await self._mark(object_id, "visible", now, None, None, False)

    async def _mark(
        self,
        object_id: UUID,
        state: str,
        now: datetime,
        deleted_at: datetime | None,
        purge_at: datetime | None,
        replaced: bool,
    ) -> int:
        values = {
            "id": object_id,
            "state": state,
            "deleted_at": deleted_at,
            "purge_at": purge_at,
            "replaced": replaced,
            "now": now,
        }
        return int((await self._session.execute(MARK, values)).scalar_one())

    async def move_folder(self, namespace_id: UUID, source: FolderPath, target: FolderPath, now: datetime) -> int:
        """Move all files of a folder. Returns how many."""
        values = {"namespace_id": namespace_id, "target": target, "cut": len(source) + 1, "now": now}
        return await self._changed(MOVE_FOLDER, **values, **inside(source))

    async def lock_deleted_with(
        self, namespace_id: UUID, folder: FolderPath, at: datetime, after: UUID | None, limit: int
    ) -> list[ObjectView]:
        """The next files that were deleted with this folder at that instant, locked."""
        values = {"namespace_id": namespace_id, "at": at, "after": after, "limit": limit}
        return await self._list_views(ObjectView, DELETED_WITH, **values, **inside(folder))

    async def list_by_ids(self, ids: Sequence[UUID]) -> list[ObjectView]:
        """Files by id, for the jobs."""
        return await self._list_views(ObjectView, BY_IDS, ids=list(ids))

    async def count_deleted_with(self, namespace_id: UUID, folder: FolderPath, at: datetime) -> int:
        """The number of files that were deleted with this folder at that instant."""
        values = {"namespace_id": namespace_id, "at": at}
        return int(await self._session.scalar(COUNT_DELETED_WITH, values | inside(folder)) or 0)

    async def delete_folder(self, namespace_id: UUID, folder: FolderPath, now: datetime, purge_at: datetime) -> int:
        """Delete all files of a folder so that they can be restored. Returns how many."""
        values = {"namespace_id": namespace_id, "now": now, "purge_at": purge_at}
        return await self._changed(DELETE_FOLDER, **values, **inside(folder))

    async def longest(self, namespace_id: UUID, folder: FolderPath) -> int:
        """Bytes of the longest path in a folder; 0 when it is empty."""
        return int(
            (await self._session.execute(LONGEST, {"namespace_id": namespace_id, **inside(folder)})).scalar_one()
        )


def _view(row: Row[tuple[object, ...]]) -> ObjectView:
    return ObjectView(**row._mapping)


def views_of(rows: Sequence[Row[tuple[object, ...]]]) -> list[ObjectView]:
    """Several rows."""
    return [_view(row) for row in rows]
