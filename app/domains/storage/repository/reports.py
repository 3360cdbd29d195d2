"""Reports of the comparison of bucket and table."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from app.shared.authz import PlatformScope
from app.shared.db.repository import Repository


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


class ReportRepository(Repository):
    """Reports."""

    async def append(self, report: ReportView) -> None:
        values = msgspec.structs.asdict(report) | {"samples": msgspec.json.encode(report.samples).decode()}
        await self._session.execute(ADD_REPORT, values)

    async def page(self, scope: PlatformScope, before: UUID | None, limit: int) -> list[ReportView]:
        """Reports, newest first."""
        rows = await self._session.execute(PAGE_REPORTS, {"before": before, "limit": limit})
        return [ReportView(**{**row._mapping, "samples": tuple(row.samples)}) for row in rows]
