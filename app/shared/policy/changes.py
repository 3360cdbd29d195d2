"""Writes policy values, and keeps what each was before: who, when, why. The history is only ever added to.

The version of a key counts its changes at every scope; it is the key's ETag. Values are read once per Context, so a
change is in force for every transaction that begins after it has committed.
"""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.shared.ids import new_id

Value = int | str | bool


class StoredValue(msgspec.Struct, frozen=True, kw_only=True):
    """A value that is set at one scope: no tenant is everywhere, no project is the whole organisation."""

    key: str
    value: Value
    tenant_id: UUID | None
    project_id: UUID | None
    set_by: UUID | None
    set_at: datetime
    reason: str


class PolicyChange(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one value; None stands for "not set here": the wider scope counts."""

    key: str
    version: int
    tenant_id: UUID | None
    project_id: UUID | None
    before: Value | None
    after: Value | None
    reason: str
    changed_by: UUID | None
    changed_at: datetime


VALUES = text("""
    SELECT key, value, tenant_id, project_id, set_by, set_at, reason FROM shared.policy_values
    WHERE CAST(:key AS text) IS NULL OR key = :key
    ORDER BY key, tenant_id NULLS FIRST, project_id NULLS FIRST LIMIT 2000
""")
VERSIONS = text("""
    SELECT key, max(version) AS version FROM shared.policy_changes
    WHERE CAST(:key AS text) IS NULL OR key = :key GROUP BY key
""")
CHANGES = text("""
    SELECT key, version, tenant_id, project_id, before, after, reason, changed_by, changed_at
    FROM shared.policy_changes WHERE key = :key AND (CAST(:before AS bigint) IS NULL OR version < :before)
    ORDER BY version DESC LIMIT :limit
""")
LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('policy:' || :key, 0))")
PRESENT = text("""
    SELECT value FROM shared.policy_values
    WHERE key = :key AND tenant_id IS NOT DISTINCT FROM CAST(:tenant_id AS uuid)
      AND project_id IS NOT DISTINCT FROM CAST(:project_id AS uuid)
""")
SET = text("""
    INSERT INTO shared.policy_values (id, key, tenant_id, project_id, value, set_by, set_at, reason)
    VALUES (:id, :key, :tenant_id, :project_id, CAST(:value AS jsonb), :by, :now, :reason)
    ON CONFLICT (key, tenant_id, project_id) DO UPDATE
    SET value = EXCLUDED.value, set_by = EXCLUDED.set_by, set_at = EXCLUDED.set_at, reason = EXCLUDED.reason
""")
RESET = text("""
    DELETE FROM shared.policy_values
    WHERE key = :key AND tenant_id IS NOT DISTINCT FROM CAST(:tenant_id AS uuid)
      AND project_id IS NOT DISTINCT FROM CAST(:project_id AS uuid)
""")
RECORD = text("""
    INSERT INTO shared.policy_changes (id, key, version, tenant_id, project_id, before, after, reason, changed_by,
                                       changed_at)
    VALUES (:id, :key, :version, :tenant_id, :project_id, CAST(:before AS jsonb), CAST(:after AS jsonb), :reason, :by,
            :now)
""")


async def list_values(session: AsyncSession, key: str | None = None) -> list[StoredValue]:
    """Every stored value (of one key), the widest scope first."""
    rows = await session.execute(VALUES, {"key": key})
    return [msgspec.convert(dict(row._mapping), StoredValue) for row in rows]


async def versions(session: AsyncSession, key: str | None = None) -> dict[str, int]:
    """How often each key was changed; a key that never was is absent."""
    return {row.key: row.version for row in await session.execute(VERSIONS, {"key": key})}


async def list_changes(session: AsyncSession, key: str, before: int | None, limit: int) -> list[PolicyChange]:
    """The history of a key, newest first."""
    rows = await session.execute(CHANGES, {"key": key, "before": before, "limit": limit})
    return [msgspec.convert(dict(row._mapping), PolicyChange) for row in rows]


async def lock_key(session: AsyncSession, key: str) -> int:
    """Let no other transaction change the key until this one ends. Returns its version, 0 for never changed."""
    await session.execute(LOCK, {"key": key})
    return (await versions(session, key)).get(key, 0)


async def put_value(
    session: AsyncSession,
    key: str,
    value: Value | None,
    tenant_id: UUID | None,
    project_id: UUID | None,
    by: UUID | None,
    reason: str,
    now: datetime,
) -> PolicyChange | None:
    """Set the value at that scope, or with None let the wider one count again; remember what it was. The caller has
    checked type and bounds. Returns None when nothing would change."""
    version = await lock_key(session, key) + 1
    scope = {"key": key, "tenant_id": tenant_id, "project_id": project_id}
    before = await session.scalar(PRESENT, scope)
    if before == value and type(before) is type(value):
        return None
    if value is None:
        await session.execute(RESET, scope)
    else:
        stored = {**scope, "id": new_id(), "value": _json(value), "by": by, "now": now, "reason": reason}
        await session.execute(SET, stored)
    change = {**scope, "version": version, "reason": reason}
    texts = {"before": _json(before), "after": _json(value)}
    await session.execute(RECORD, {**change, **texts, "id": new_id(), "by": by, "now": now})
    return PolicyChange(
        key=key,
        version=version,
        tenant_id=tenant_id,
        project_id=project_id,
        before=before,
        after=value,
        reason=reason,
        changed_by=by,
        changed_at=now,
    )


def _json(value: Value | None) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
