"""Reads policy values, narrowest scope first. One Context reads each scope once."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.shared.policy.keys import PolicyKey, V

SELECT = text("""
    SELECT key, value FROM shared.policy_values
    WHERE (tenant_id IS NULL OR tenant_id = :tenant_id) AND (project_id IS NULL OR project_id = :project_id)
    ORDER BY (tenant_id IS NOT NULL), (project_id IS NOT NULL)
""")

OF_TENANTS = text("""
    SELECT tenant_id, key, value FROM shared.policy_values
    WHERE (tenant_id IS NULL OR tenant_id = ANY(:tenant_ids)) AND project_id IS NULL
""")


class PolicyStore:
    """Bound to one session; caches what it read for the life of its Context."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._values: dict[tuple[UUID | None, UUID | None], dict[str, object]] = {}

    async def prefetch(self, tenant_ids: Collection[UUID]) -> None:
        """Read the values of several tenants in one statement."""
        found: dict[UUID | None, dict[str, object]] = {tenant_id: {} for tenant_id in (None, *tenant_ids)}
        for row in await self._session.execute(OF_TENANTS, {"tenant_ids": list(tenant_ids)}):
            found[row.tenant_id][row.key] = row.value
        for tenant_id in tenant_ids:
            self._values[tenant_id, None] = found[None] | found[tenant_id]

    async def get(self, key: PolicyKey[V], tenant_id: UUID | None = None, project_id: UUID | None = None) -> V:
        """The value in force at that scope; a stored value outside its bounds counts as absent."""
        scope = (tenant_id, project_id)
        if scope not in self._values:
            rows = await self._session.execute(SELECT, {"tenant_id": tenant_id, "project_id": project_id})
            self._values[scope] = {row.key: row.value for row in rows}
        if key.name not in self._values[scope]:
            return key.default
        try:
            return key.check(self._values[scope][key.name])
        except ValueError:
            return key.default
