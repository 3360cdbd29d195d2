"""SQL about links, copies to machines, and reports."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domains.storage.contracts import CopyState, CopyView, LinkView, ReportView
from app.shared.authz import PlatformScope, ProjectScope
from app.shared.authz.rights import Claim
from app.shared.errors import NotFound

ADD_LINK = text("""
    INSERT INTO storage.storage_links (id, tenant_id, project_id, object_id, created_by, created_at, expires_at)
    VALUES (:id, :tenant_id, :project_id, :object_id, :created_by, :created_at, :expires_at)
""")
LINK = """
    SELECT id, object_id, created_by, created_at, expires_at FROM storage.storage_links
    WHERE tenant_id = :tenant_id AND project_id = :project_id AND """
LIVE_LINKS = text(LINK + "object_id = :object_id AND expires_at > :now AND ended_at IS NULL ORDER BY expires_at")
FOLLOW = text("""
    SELECT id, object_id, created_by, created_at, expires_at, ended_code FROM storage.storage_links WHERE id = :id
""")
MAKERS = text("""
    SELECT DISTINCT created_by, tenant_id, project_id FROM storage.storage_links
    WHERE ended_at IS NULL AND expires_at > :now AND created_by IS NOT NULL
""")
END_LINK = text("""
    UPDATE storage.storage_links SET ended_at = :now, ended_code = :code, ended_by = :by
    WHERE id = :id AND ended_at IS NULL
""")
END_LINKS_OF = text("""
    UPDATE storage.storage_links SET ended_at = :now, ended_code = :code
    WHERE created_by = :maker AND project_id = :project_id AND ended_at IS NULL AND expires_at > :now RETURNING id
""")
GET_LINK = text(LINK + "id = :id")

COPY = """
    SELECT id, tenant_id, project_id, object_id, allocation_id, machine, label, target, size, done, state, problem,
           created_by, created_at, beat_at, ended_at, version
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
BEAT = text("UPDATE storage.storage_copies SET done = :done, beat_at = :now WHERE id = :id AND state = 'in_progress'")
END_COPY = text("""
    UPDATE storage.storage_copies
    SET state = :state, problem = :problem, done = :done, ended_at = :now, beat_at = :now, version = version + 1
    WHERE id = :id AND ended_at IS NULL
    RETURNING version
""")
SILENT = text(COPY + " WHERE ended_at IS NULL AND beat_at < :before ORDER BY beat_at LIMIT 100")

ADD_REPORT = text("""
    INSERT INTO storage.storage_reports (id, started_at, ended_at, objects_seen, rows_seen, orphans, orphan_bytes,
           removed, missing, size_differs, healed, uploads_aborted, usage_corrected, samples)
    VALUES (:id, :started_at, :ended_at, :objects_seen, :rows_seen, :orphans, :orphan_bytes, :removed, :missing,
            :size_differs, :healed, :uploads_aborted, :usage_corrected, CAST(:samples AS jsonb))
""")
PAGE_REPORTS = text("""
    SELECT id, started_at, ended_at, objects_seen, rows_seen, orphans, orphan_bytes, removed, missing, size_differs,
           healed, uploads_aborted, usage_corrected, samples
    FROM storage.storage_reports WHERE (CAST(:before AS uuid) IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit
""")


def _place(scope: ProjectScope) -> dict[str, object]:
    return {"tenant_id": scope.tenant_id, "project_id": scope.project_id}


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """A link as its key names it, and how it ended before its time; empty when it did not."""

    link: LinkView
    ended_code: str


class LinkRepository:
    """Bound to one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def append(self, scope: ProjectScope, link: LinkView) -> None:
        await self._session.execute(ADD_LINK, {**_place(scope), **msgspec.structs.asdict(link)})

    async def get_in(self, scope: ProjectScope, link_id: UUID) -> LinkView:
        row = (await self._session.execute(GET_LINK, {**_place(scope), "id": link_id})).one_or_none()
        if row is None:
            raise NotFound()
        return LinkView(**row._mapping)

    async def find(self, link_id: UUID) -> Followed | None:
        """For whoever brings its key; there is no scope to ask."""
        row = (await self._session.execute(FOLLOW, {"id": link_id})).one_or_none()
        if row is None:
            return None
        fields = {name: value for name, value in row._mapping.items() if name != "ended_code"}
        return Followed(link=LinkView(**fields), ended_code=row.ended_code or "")

    async def end(self, link_id: UUID, code: str, by: UUID | None, now: datetime) -> None:
        """End it before its time; the first reason stays."""
        await self._session.execute(END_LINK, {"id": link_id, "code": code, "by": by, "now": now})

    async def list_makers(self, now: datetime) -> list[Row[tuple[object, ...]]]:
        """Who made links that work, and in which projects."""
        return list(await self._session.execute(MAKERS, {"now": now}))

    async def end_of(self, claim: Claim, code: str, now: datetime) -> list[UUID]:
        """End what a person made in a project. Answers which."""
        values = {"maker": claim.principal_id, "project_id": claim.project_id, "code": code, "now": now}
        return list(await self._session.scalars(END_LINKS_OF, values))

    async def list_live(self, scope: ProjectScope, object_id: UUID, now: datetime) -> list[LinkView]:
        """Those that still work, the next to end first."""
        values = {**_place(scope), "object_id": object_id, "now": now}
        return [LinkView(**row._mapping) for row in await self._session.execute(LIVE_LINKS, values)]


class CopyRepository:
    """Bound to one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def append(self, scope: ProjectScope, fields: dict[str, object]) -> None:
        await self._session.execute(ADD_COPY, {**_place(scope), **fields})

    async def get_in(self, scope: ProjectScope, copy_id: UUID) -> CopyView:
        row = (await self._session.execute(GET_COPY, {**_place(scope), "id": copy_id})).one_or_none()
        if row is None:
            raise NotFound()
        return CopyView(**row._mapping)

    async def page(
        self,
        scope: ProjectScope,
        *,
        allocation_id: UUID | None = None,
        object_id: UUID | None = None,
        before: UUID | None = None,
        limit: int,
    ) -> list[CopyView]:
        """The newest first."""
        values = {
            **_place(scope),
            "allocation_id": allocation_id,
            "object_id": object_id,
            "before": before,
            "limit": limit,
        }
        return [CopyView(**row._mapping) for row in await self._session.execute(PAGE_COPIES, values)]

    async def take(self, copy_id: UUID, now: datetime) -> CopyView | None:
        """Begin a waiting copy; None when somebody else has, or there is none."""
        row = (await self._session.execute(TAKE_COPY, {"id": copy_id, "now": now})).one_or_none()
        if row is None:
            return None
        copy = (await self._session.execute(ONE_COPY, {"id": copy_id})).one()
        return CopyView(**copy._mapping)

    async def beat(self, copy_id: UUID, done: int, now: datetime) -> bool:
        """It goes on; False when it was ended meanwhile."""
        values = {"id": copy_id, "done": done, "now": now}
        return bool((await self._session.execute(BEAT, values)).rowcount)  # type: ignore[attr-defined]

    async def end(
        self, copy_id: UUID, state: CopyState, done: int, now: datetime, problem: str | None = None
    ) -> int | None:
        """The new version; None when it had ended."""
        values = {"id": copy_id, "state": state, "done": done, "now": now, "problem": problem}
        version: int | None = (await self._session.execute(END_COPY, values)).scalar_one_or_none()
        return version

    async def list_silent(self, before: datetime) -> Sequence[CopyView]:
        """Those that nobody has worked on since then."""
        return [CopyView(**row._mapping) for row in await self._session.execute(SILENT, {"before": before})]


class ReportRepository:
    """Bound to one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def append(self, report: ReportView) -> None:
        values = msgspec.structs.asdict(report) | {"samples": msgspec.json.encode(report.samples).decode()}
        await self._session.execute(ADD_REPORT, values)

    async def page(self, scope: PlatformScope, before: UUID | None, limit: int) -> list[ReportView]:
        """The newest first."""
        rows = await self._session.execute(PAGE_REPORTS, {"before": before, "limit": limit})
        return [ReportView(**{**row._mapping, "samples": tuple(row.samples)}) for row in rows]
