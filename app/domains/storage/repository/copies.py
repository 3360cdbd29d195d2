"""Copies of files to machines."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from sqlalchemy import text

from app.shared.authz import ProjectScope
from app.shared.db.repository import Repository
from app.shared.errors import NotFound

CopyState = Literal["waiting", "in_progress", "active", "failed"]


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
    heartbeat_at: datetime
    ended_at: datetime | None
    version: int


COPY = """
    SELECT id, tenant_id, project_id, object_id, allocation_id, machine, label, target, size, done, state, problem,
           created_by, created_at, beat_at AS heartbeat_at, ended_at, version
    FROM storage.storage_copies"""
ADD_COPY = text("""
    INSERT INTO storage.storage_copies (id, tenant_id, project_id, object_id, allocation_id, machine, label, target,
           size, state, created_by, created_at, beat_at)
    VALUES (:id, :tenant_id, :project_id, :object_id, :allocation_id, :machine, :label, :target, :size, 'waiting',
            :created_by, :now, :now)
""")
IN_PROJECT = " WHERE tenant_id = :tenant_id AND project_id = :project_id"
GET_COPY = text(COPY + IN_PROJECT + " AND id = :id")
PAGE_COPIES = text(
    COPY
    + IN_PROJECT
    + """
    AND (CAST(:allocation_id AS uuid) IS NULL OR allocation_id = :allocation_id)
    AND (CAST(:object_id AS uuid) IS NULL OR object_id = :object_id)
    AND (CAST(:before AS uuid) IS NULL OR id < :before)
    ORDER BY id DESC LIMIT :limit
    """
)
TAKE_COPY = text("""
    UPDATE storage.storage_copies SET state = 'in_progress', beat_at = :now, version = version + 1
    WHERE id = :id AND state = 'waiting'
    RETURNING id
""")
ONE_COPY = text(COPY + " WHERE id = :id")
HEARTBEAT = text(
    "UPDATE storage.storage_copies SET done = :done, beat_at = :now WHERE id = :id AND state = 'in_progress'"
)
END_COPY = text("""
    UPDATE storage.storage_copies
    SET state = :state, problem = :problem, done = :done, ended_at = :now, beat_at = :now, version = version + 1
    WHERE id = :id AND ended_at IS NULL
    RETURNING version
""")
SILENT = text(COPY + " WHERE ended_at IS NULL AND beat_at < :before ORDER BY beat_at LIMIT 100")


def _scoped(scope: ProjectScope) -> dict[str, object]:
    return {"tenant_id": scope.tenant_id, "project_id": scope.project_id}


class CopyRepository(Repository):
    """Copies. A method without a scope serves the workers."""

    async def append(self, scope: ProjectScope, fields: dict[str, object]) -> None:
        await self._session.execute(ADD_COPY, {**_scoped(scope), **fields})

    async def get_in(self, scope: ProjectScope, copy_id: UUID) -> CopyView:
        row = await self._find_view(CopyView, GET_COPY, **_scoped(scope), id=copy_id)
        if row is None:
            raise NotFound()
        return row

    async def page(
        self,
        scope: ProjectScope,
        *,
        allocation_id: UUID | None = None,
        object_id: UUID | None = None,
        before: UUID | None = None,
        limit: int,
    ) -> list[CopyView]:
        """Copies, newest first."""
        values = {
            **_scoped(scope),
            "allocation_id": allocation_id,
            "object_id": object_id,
            "before": before,
            "limit": limit,
        }
        return await self._list_views(CopyView, PAGE_COPIES, **values)

    async def take(self, copy_id: UUID, now: datetime) -> CopyView | None:
        """Start a waiting copy. None when another worker has started it, or it does not exist."""
        row = (await self._session.execute(TAKE_COPY, {"id": copy_id, "now": now})).one_or_none()
        return None if row is None else await self._find_view(CopyView, ONE_COPY, id=copy_id)

    async def heartbeat(self, copy_id: UUID, done: int, now: datetime) -> bool:
        """Record progress. False when the copy was ended meanwhile."""
        return await self._changed(HEARTBEAT, id=copy_id, done=done, now=now) > 0

    async def end(
        self, copy_id: UUID, state: CopyState, done: int, now: datetime, problem: str | None = None
    ) -> int | None:
        """End a copy. Returns its new version; None when it had ended."""
        values = {"id": copy_id, "state": state, "done": done, "now": now, "problem": problem}
        version: int | None = (await self._session.execute(END_COPY, values)).scalar_one_or_none()
        return version

    async def list_silent(self, before: datetime) -> Sequence[CopyView]:
        """Unfinished copies without a heartbeat since then."""
        return await self._list_views(CopyView, SILENT, before=before)
