"""Namespaces, and the storage that a project uses."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import bindparam, select, text, update
from sqlalchemy.dialects.postgresql import insert

from app.domains.storage.models import StorageFolder, StorageNamespace
from app.shared.authz import ProjectScope
from app.shared.db.repository import Repository, columns


class NamespaceView(msgspec.Struct, frozen=True, kw_only=True):
    """A namespace; `version` is 0 for the default one before its first use."""

    id: UUID
    tenant_id: UUID
    project_id: UUID
    name: str
    created_at: datetime | None
    version: int


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What a project stores. `reserved` is set aside for unfinished uploads."""

    bytes: int = 0
    objects: int = 0
    reserved_bytes: int = 0
    reserved_objects: int = 0


IN_PROJECT = select(*columns(NamespaceView, StorageNamespace)).where(
    StorageNamespace.tenant_id == bindparam("tenant_id"), StorageNamespace.project_id == bindparam("project_id")
)
LIST = IN_PROJECT.order_by(StorageNamespace.name)
FIND = IN_PROJECT.where(StorageNamespace.name == bindparam("name"))
BY_IDS = IN_PROJECT.where(text("id = ANY(:ids)"))
IN_USE = text("""
    SELECT EXISTS (SELECT 1 FROM storage.storage_objects WHERE namespace_id = :id)
        OR EXISTS (SELECT 1 FROM storage.storage_uploads WHERE namespace_id = :id)
""")
TOTALS = text("""
    SELECT namespace_id, count(*) AS objects, COALESCE(sum(size), 0) AS bytes FROM storage.storage_objects
    WHERE namespace_id = ANY(:ids) AND state = 'visible' GROUP BY namespace_id
""")

USAGE = text("""
    SELECT bytes, objects, reserved_bytes, reserved_objects FROM storage.storage_usage
    WHERE project_id = :project_id AND tenant_id = :tenant_id
""")
BEGIN_USAGE = text("""
    INSERT INTO storage.storage_usage (project_id, tenant_id) VALUES (:project_id, :tenant_id) ON CONFLICT DO NOTHING
""")
LOCK_USAGE = text("""
    SELECT bytes, objects, reserved_bytes, reserved_objects FROM storage.storage_usage
    WHERE project_id = :project_id FOR UPDATE
""")
LOCK_ACCOUNT = text("SELECT pg_advisory_xact_lock(hashtextextended('uploads:' || CAST(:tenant_id AS text), 0))")
ANNOUNCED = text("""
    SELECT COALESCE(sum(reserved_objects), 0) AS uploads, COALESCE(sum(reserved_bytes), 0) AS bytes
    FROM storage.storage_usage WHERE tenant_id = :tenant_id
""")
CHANGE_USAGE = text("""
    UPDATE storage.storage_usage
    SET bytes = bytes + :bytes, objects = objects + :objects, reserved_bytes = reserved_bytes + :reserved_bytes,
        reserved_objects = reserved_objects + :reserved_objects
    WHERE project_id = :project_id
""")


def _scoped(scope: ProjectScope) -> dict[str, object]:
    return {"tenant_id": scope.tenant_id, "project_id": scope.project_id}


class NamespaceRepository(Repository):
    """The namespaces of a project. Whoever creates, renames or deletes one holds the lock of the project's usage."""

    async def list_in(self, scope: ProjectScope) -> list[NamespaceView]:
        return await self._list_views(NamespaceView, LIST, **_scoped(scope))

    async def find(self, scope: ProjectScope, name: str) -> NamespaceView | None:
        return await self._find_view(NamespaceView, FIND, **_scoped(scope), name=name)

    async def list_by_ids(self, scope: ProjectScope, ids: list[UUID]) -> dict[UUID, NamespaceView]:
        rows = await self._list_views(NamespaceView, BY_IDS, **_scoped(scope), ids=ids)
        return {namespace.id: namespace for namespace in rows}

    async def append(self, scope: ProjectScope, namespace_id: UUID, name: str, now: datetime) -> bool:
        """False when the project already has a namespace of that name."""
        new = insert(StorageNamespace).values(id=namespace_id, name=name, created_at=now, **_scoped(scope))
        return await self._session.scalar(new.on_conflict_do_nothing().returning(StorageNamespace.id)) is not None

    async def rename(self, namespace: NamespaceView, name: str) -> int:
        """The new version."""
        return await self._change(namespace.id, name=name)

    async def touch(self, namespace_id: UUID) -> int:
        """Record a change of its content. Returns the new version."""
        return await self._change(namespace_id)

    async def _change(self, namespace_id: UUID, **values: object) -> int:
        changed = update(StorageNamespace).where(StorageNamespace.id == namespace_id)
        changed = changed.values(**values, version=StorageNamespace.version + 1)
        return int((await self._session.execute(changed.returning(StorageNamespace.version))).scalar_one())

    async def is_in_use(self, namespace_id: UUID) -> bool:
        """Whether it contains a file, a deleted file that is not purged yet, or an upload."""
        return bool((await self._session.execute(IN_USE, {"id": namespace_id})).scalar_one())

    async def delete(self, namespace_id: UUID) -> None:
        await self._rows(StorageFolder).delete_where(StorageFolder.namespace_id == namespace_id)
        await self._rows(StorageNamespace).delete_where(StorageNamespace.id == namespace_id)

    async def list_totals(self, ids: list[UUID]) -> dict[UUID, tuple[int, int]]:
        """(files, bytes) of the visible files, by namespace. The caller has found the ids in its scope."""
        rows = await self._session.execute(TOTALS, {"ids": ids})
        return {row.namespace_id: (int(row.objects), int(row.bytes)) for row in rows}


class UsageRepository(Repository):
    """The row under which quota is decided. Every change of a project's storage locks it first, so changes of one
    project happen one after the other."""

    async def get(self, scope: ProjectScope) -> Usage:
        return await self._find_view(Usage, USAGE, **_scoped(scope)) or Usage()

    async def lock(self, tenant_id: UUID, project_id: UUID) -> Usage:
        """Lock the project's storage until the transaction ends."""
        await self._session.execute(BEGIN_USAGE, {"tenant_id": tenant_id, "project_id": project_id})
        return Usage(**(await self._session.execute(LOCK_USAGE, {"project_id": project_id})).one()._mapping)

    async def lock_announced(self, tenant_id: UUID) -> tuple[int, int]:
        """Lock the organisation's uploads until the transaction ends; take this lock before the project's. Returns the
        number of unfinished uploads in all its projects, and the bytes that they announced."""
        await self._session.execute(LOCK_ACCOUNT, {"tenant_id": tenant_id})
        row = (await self._session.execute(ANNOUNCED, {"tenant_id": tenant_id})).one()
        return int(row.uploads), int(row.bytes)

    async def change(
        self, project_id: UUID, *, size: int = 0, objects: int = 0, reserved: int = 0, reserved_objects: int = 0
    ) -> None:
        """Add to the figures. The caller holds the lock; the table refuses a figure below zero."""
        values = {
            "project_id": project_id,
            "bytes": size,
            "objects": objects,
            "reserved_bytes": reserved,
            "reserved_objects": reserved_objects,
        }
        await self._session.execute(CHANGE_USAGE, values)
