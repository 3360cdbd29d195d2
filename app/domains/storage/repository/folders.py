"""Folders. They are rows of their own, so an empty folder is kept and a listing does not read the files in it."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.shared.db.repository import Repository
from app.shared.storagepath import FolderPath, StoragePath, ancestors, split


class FolderView(msgspec.Struct, frozen=True, kw_only=True):
    path: FolderPath
    name: str


LIST = text("""
    SELECT name FROM storage.storage_folders
    WHERE namespace_id = :namespace_id AND parent = :parent AND name > :after ORDER BY name LIMIT :limit
""")
AT = text("""
    SELECT parent, name FROM storage.storage_folders
    JOIN unnest(CAST(:folders AS text[]), CAST(:names AS text[])) AS wanted (folder, leaf)
      ON parent = folder AND name = leaf
    WHERE namespace_id = :namespace_id
""")
INSERT = text("""
    INSERT INTO storage.storage_folders (namespace_id, parent, name, created_at)
    VALUES (:namespace_id, :parent, :name, :now) ON CONFLICT DO NOTHING
""")
MOVE_BELOW = text("""
    UPDATE storage.storage_folders SET parent = :target || substr(parent, :cut)
    WHERE namespace_id = :namespace_id AND (parent = :source OR (parent >= :low AND parent < :high))
""")
MOVE_ITSELF = text("""
    UPDATE storage.storage_folders SET parent = :new_parent, name = :new_name
    WHERE namespace_id = :namespace_id AND parent = :parent AND name = :name
""")
DELETE = text("""
    DELETE FROM storage.storage_folders
    WHERE namespace_id = :namespace_id
      AND ((parent = :parent AND name = :name) OR parent = :source OR (parent >= :low AND parent < :high))
""")
LONGEST_FOLDER = text("""
    SELECT COALESCE(max(octet_length(parent) + octet_length(name) + 1), 0) FROM storage.storage_folders
    WHERE namespace_id = :namespace_id AND (parent = :source OR (parent >= :low AND parent < :high))
""")


def inside(folder: FolderPath) -> dict[str, object]:
    """The range of an index that is `folder` and everything below it: `0` is the character after `/`."""
    return {"source": folder, "low": f"{folder}/", "high": f"{folder}0"}


class FolderRepository(Repository):
    """The folders of one namespace. The caller has found the namespace in its scope."""

    def __init__(self, session: AsyncSession, namespace_id: UUID) -> None:
        super().__init__(session)
        self._namespace = {"namespace_id": namespace_id}

    async def list_in(self, parent: FolderPath, after: str, limit: int) -> list[FolderView]:
        """Subfolders by name."""
        values = {**self._namespace, "parent": parent, "after": after, "limit": limit}
        names = await self._session.scalars(LIST, values)
        return [FolderView(path=FolderPath(f"{parent}/{name}" if parent else name), name=name) for name in names]

    async def list_existing(self, paths: Iterable[StoragePath | FolderPath]) -> set[str]:
        """Those of the paths that are folders."""
        pairs = [split(StoragePath(path)) for path in paths]
        values = {"folders": [folder for folder, _ in pairs], "names": [name for _, name in pairs]}
        rows = await self._session.execute(AT, {**self._namespace, **values})
        return {f"{row.parent}/{row.name}" if row.parent else row.name for row in rows}

    async def ensure(self, folders: Iterable[FolderPath], now: datetime) -> None:
        """Create these folders and all folders above them."""
        wanted = {above for folder in folders for above in ancestors(folder)}
        pairs = [split(StoragePath(folder)) for folder in sorted(wanted)]
        rows = [{**self._namespace, "parent": parent, "name": name, "now": now} for parent, name in pairs]
        if rows:
            await self._session.execute(INSERT, rows)

    async def move(self, source: FolderPath, target: FolderPath) -> None:
        """Move a folder with all folders in it."""
        parent, name = split(StoragePath(source))
        new_parent, new_name = split(StoragePath(target))
        below = {**self._namespace, **inside(source), "target": target, "cut": len(source) + 1}
        await self._session.execute(MOVE_BELOW, below)
        itself = {"parent": parent, "name": name, "new_parent": new_parent, "new_name": new_name}
        await self._session.execute(MOVE_ITSELF, {**self._namespace, **itself})

    async def delete(self, folder: FolderPath) -> int:
        """Delete a folder with all folders in it. Returns how many were deleted."""
        parent, name = split(StoragePath(folder))
        values = {**self._namespace, **inside(folder), "parent": parent, "name": name}
        return await self._changed(DELETE, **values)

    async def longest(self, folder: FolderPath) -> int:
        """Bytes of the longest path of a folder in it; 0 when there is none."""
        return int((await self._session.execute(LONGEST_FOLDER, {**self._namespace, **inside(folder)})).scalar_one())
