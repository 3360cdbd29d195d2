"""Writes policy values, and keeps what each was before: who, when, why. The history is only ever added to.

The version of a key counts its changes at every scope; it is the key's ETag. Values are read once per Context, so a
change is in force for every change that begins after it has committed. Pages may show what was in force seconds ago
(`store`).
"""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, bindparam, select, text
from sqlalchemy.dialects.postgresql import insert

from app.shared.db.repository import Repository, columns
from app.shared.policy import models
from app.shared.policy.models import PolicyValue

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


KEY = text("(CAST(:key AS text) IS NULL OR key = :key)")
VALUES = (
    select(*columns(StoredValue, PolicyValue))
    .where(KEY)
    .order_by(PolicyValue.key, PolicyValue.tenant_id.nulls_first(), PolicyValue.project_id.nulls_first())
    .limit(2000)
)
VERSIONS = text("""
    SELECT key, max(version) AS version FROM shared.policy_changes
    WHERE CAST(:key AS text) IS NULL OR key = :key GROUP BY key
""")
CHANGES = (
    select(*columns(PolicyChange, models.PolicyChange))
    .where(
        models.PolicyChange.key == bindparam("key"),
        text("(CAST(:before_version AS bigint) IS NULL OR version < :before_version)"),
    )
    .order_by(models.PolicyChange.version.desc())
    .limit(bindparam("limit"))
)
LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('policy:' || :key, 0))")


class PolicyRepository(Repository):
    """Values as they are set, and their history. Operators alone read them here; use cases read `Context.policy`."""

    async def list_values(self, key: str | None = None) -> list[StoredValue]:
        """Every stored value (of one key), the widest scope first."""
        return await self._list_views(StoredValue, VALUES, key=key)

    async def versions(self, key: str | None = None) -> dict[str, int]:
        """How often each key was changed; a key that never was is absent."""
        return {row.key: row.version for row in await self._session.execute(VERSIONS, {"key": key})}

    async def list_changes(self, key: str, before: int | None, limit: int) -> list[PolicyChange]:
        """The history of a key, newest first."""
        return await self._list_views(PolicyChange, CHANGES, key=key, before_version=before, limit=limit)

    async def lock_key(self, key: str) -> int:
        """Let no other transaction change the key until this one ends. Returns its version, 0 for never changed."""
        await self._session.execute(LOCK, {"key": key})
        return (await self.versions(key)).get(key, 0)

    async def put_value(
        self,
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
        version = await self.lock_key(key) + 1
        here = _at(key, tenant_id, project_id)
        before = await self._session.scalar(select(PolicyValue.value).where(*here))
        if before == value and type(before) is type(value):
            return None
        if value is None:
            await self._rows(PolicyValue).delete_where(*here)
        else:
            stored = {"value": value, "set_by": by, "set_at": now, "reason": reason}
            new = insert(PolicyValue).values(key=key, tenant_id=tenant_id, project_id=project_id, **stored)
            target = ["key", "tenant_id", "project_id"]
            await self._session.execute(new.on_conflict_do_update(index_elements=target, set_=stored))
        change = PolicyChange(
            key=key,
            version=version,
            tenant_id=tenant_id,
            project_id=project_id,
            before=msgspec.convert(before, Value | None),
            after=value,
            reason=reason,
            changed_by=by,
            changed_at=now,
        )
        await self._rows(models.PolicyChange).add(models.PolicyChange(**msgspec.structs.asdict(change)))
        return change


def _at(key: str, tenant_id: UUID | None, project_id: UUID | None) -> tuple[ColumnElement[bool], ...]:
    return (
        PolicyValue.key == key,
        PolicyValue.tenant_id.is_not_distinct_from(tenant_id),
        PolicyValue.project_id.is_not_distinct_from(project_id),
    )
