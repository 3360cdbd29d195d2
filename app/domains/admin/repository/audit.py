"""Reads the audit log: a page, one row, or all of it as a stream. Nothing here writes it."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domains.admin.rules.values import AuditEntry, AuditFilter
from app.shared.authz import PlatformScope, TenantScope

BATCH = 500  # rows of an export that are in memory at once

COLUMNS = """
    SELECT id, occurred_at, actor_kind, actor_id, actor_roles, action, target_kind, target_id, result, reason, details,
           tenant_id, project_id, correlation_id
    FROM admin.audit_logs
"""
FITS = """
    WHERE (CAST(:actor_id AS uuid) IS NULL OR actor_id = :actor_id)
      AND (CAST(:action AS text) IS NULL OR action = :action)
      AND (CAST(:target_kind AS text) IS NULL OR target_kind = :target_kind)
      AND (CAST(:target_id AS text) IS NULL OR target_id = :target_id)
      AND (CAST(:tenant_id AS uuid) IS NULL OR tenant_id = :tenant_id)
      AND (CAST(:result AS text) IS NULL OR result = :result)
      AND (CAST(:from_at AS timestamptz) IS NULL OR occurred_at >= :from_at)
      AND (CAST(:to_at AS timestamptz) IS NULL OR occurred_at < :to_at)
      AND (CAST(:correlation_id AS text) IS NULL OR correlation_id = :correlation_id)
"""
BEFORE = " AND (CAST(:at AS timestamptz) IS NULL OR (occurred_at, id) < (:at, CAST(:before AS uuid)))"
NEWEST = " ORDER BY occurred_at DESC, id DESC"
PAGE = text(COLUMNS + FITS + BEFORE + NEWEST + " LIMIT :limit")
STREAM = text(COLUMNS + FITS + NEWEST)
FIND = text(COLUMNS + " WHERE id = :id")
ACTIONS = text("SELECT DISTINCT action FROM admin.audit_logs WHERE occurred_at > :since ORDER BY action LIMIT 200")
MAKE_PARTITIONS = text("SELECT admin.make_audit_partitions(:ahead)")

Position = tuple[datetime, UUID]


async def page_rows(
    session: AsyncSession, scope: PlatformScope, wanted: AuditFilter, after: Position | None, limit: int
) -> list[AuditEntry]:
    """Rows of all tenants, newest first."""
    return await _rows(session, PAGE, {**_values(wanted), **_position(after), "limit": limit})


async def page_rows_of_tenant(
    session: AsyncSession, scope: TenantScope, wanted: AuditFilter, after: Position | None, limit: int
) -> list[AuditEntry]:
    """Rows about one tenant, newest first."""
    values = {**_values(wanted), **_position(after), "tenant_id": scope.tenant_id, "limit": limit}
    return await _rows(session, PAGE, values)


async def find_row(session: AsyncSession, scope: PlatformScope, row_id: UUID) -> AuditEntry | None:
    """One row."""
    rows = await _rows(session, FIND, {"id": row_id})
    return rows[0] if rows else None


def stream_rows(session: AsyncSession, scope: PlatformScope, wanted: AuditFilter) -> AsyncIterator[list[AuditEntry]]:
    """All rows that fit, in batches, from a cursor at the server: memory does not grow with the log."""
    return _stream(session, _values(wanted))


def stream_rows_of_tenant(
    session: AsyncSession, scope: TenantScope, wanted: AuditFilter
) -> AsyncIterator[list[AuditEntry]]:
    """The same about one tenant."""
    return _stream(session, {**_values(wanted), "tenant_id": scope.tenant_id})


async def make_partitions(session: AsyncSession, ahead: int) -> int:
    """Make the partitions of this month and the next `ahead`. Returns how many were missing."""
    return int(await session.scalar(MAKE_PARTITIONS, {"ahead": ahead}) or 0)


async def list_actions(session: AsyncSession, scope: PlatformScope, since: datetime) -> list[str]:
    """The actions that occurred lately, for the filter's suggestions."""
    return list(await session.scalars(ACTIONS, {"since": since}))


async def _stream(session: AsyncSession, values: Mapping[str, object]) -> AsyncIterator[list[AuditEntry]]:
    result = await session.stream(STREAM, values, execution_options={"max_row_buffer": BATCH})
    try:
        async for rows in result.partitions(BATCH):
            yield [_entry(row) for row in rows]
    finally:
        await result.close()


async def _rows(session: AsyncSession, statement: TextClause, values: Mapping[str, object]) -> list[AuditEntry]:
    return [_entry(row) for row in await session.execute(statement, values)]


def _entry(row: Row[tuple[object, ...]]) -> AuditEntry:
    return msgspec.convert(dict(row._mapping), AuditEntry)


def _values(wanted: AuditFilter) -> dict[str, object]:
    return {name: getattr(wanted, name) for name in AuditFilter.__struct_fields__ if name != "actor_mail"}


def _position(after: Position | None) -> dict[str, object]:
    at, before = after or (None, None)
    return {"at": at, "before": before}
