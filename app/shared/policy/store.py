"""Reads policy values, narrowest scope first. One Context reads each scope once.

What changes something reads the values in its own transaction. A request that only shows may get them from the read
model, which a change drops at once; when every message of it is lost, they are five seconds old at most.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from typing import Protocol, TypeVar
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.shared.policy.keys import PolicyKey, V
from app.shared.readcache.model import ReadModel

M = TypeVar("M")
Values = dict[str, object]
SELECT = text("""
    SELECT key, value FROM shared.policy_values
    WHERE (tenant_id IS NULL OR tenant_id = :tenant_id) AND (project_id IS NULL OR project_id = :project_id)
    ORDER BY (tenant_id IS NOT NULL), (project_id IS NOT NULL)
""")
OF_TENANTS = text("""
    SELECT tenant_id, key, value FROM shared.policy_values
    WHERE (tenant_id IS NULL OR tenant_id = ANY(:tenant_ids)) AND project_id IS NULL
""")
IN_FORCE: ReadModel[Values] = ReadModel(name="policies", holds=Values, shared_seconds=3, local_seconds=2)
POLICIES_TAG = "policies"


class Read(Protocol):
    """`Context.read`."""

    async def __call__(
        self, model: ReadModel[M], key: object, tags: Sequence[str], load: Callable[[], Awaitable[M]]
    ) -> M: ...


class PolicyStore:
    """Bound to one session; caches what it read for the life of its Context."""

    def __init__(self, session: AsyncSession, read: Read) -> None:
        self._session = session
        self._read = read
        self._values: dict[tuple[UUID | None, UUID | None], Values] = {}

    async def prefetch(self, tenant_ids: Collection[UUID]) -> None:
        """Read the values of several tenants in one statement."""
        found: dict[UUID | None, Values] = {tenant_id: {} for tenant_id in (None, *tenant_ids)}
        for row in await self._session.execute(OF_TENANTS, {"tenant_ids": list(tenant_ids)}):
            found[row.tenant_id][row.key] = row.value
        for tenant_id in tenant_ids:
            self._values[tenant_id, None] = found[None] | found[tenant_id]

    async def get(self, key: PolicyKey[V], tenant_id: UUID | None = None, project_id: UUID | None = None) -> V:
        """The value in force at that scope; a stored value outside its bounds counts as absent."""
        scope = (tenant_id, project_id)
        if scope not in self._values:
            name = f"{tenant_id or '-'}:{project_id or '-'}"
            self._values[scope] = await self._read(IN_FORCE, name, (POLICIES_TAG,), partial(self._load, *scope))
        if key.name not in self._values[scope]:
            return key.default
        try:
            return key.check(self._values[scope][key.name])
        except ValueError:
            return key.default

    async def _load(self, tenant_id: UUID | None, project_id: UUID | None) -> Values:
        rows = await self._session.execute(SELECT, {"tenant_id": tenant_id, "project_id": project_id})
        return {row.key: row.value for row in rows}
