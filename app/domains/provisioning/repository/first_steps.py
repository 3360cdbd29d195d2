"""Who has hidden the list of first steps."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.shared.authz import ProjectScope

HIDDEN = text("""
    SELECT EXISTS (SELECT FROM provisioning.first_steps_hidden
                   WHERE tenant_id = :tenant_id AND project_id = :project_id AND user_id = :user_id)
""")
HIDE = text("""
    INSERT INTO provisioning.first_steps_hidden (tenant_id, project_id, user_id, hidden_at)
    VALUES (:tenant_id, :project_id, :user_id, :now) ON CONFLICT DO NOTHING
""")


class FirstStepsRepository:
    """Bound to one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def are_hidden(self, scope: ProjectScope, user_id: UUID) -> bool:
        place = {"tenant_id": scope.tenant_id, "project_id": scope.project_id, "user_id": user_id}
        return bool(await self._session.scalar(HIDDEN, place))

    async def hide(self, scope: ProjectScope, user_id: UUID, now: datetime) -> None:
        """Safe to repeat."""
        place = {"tenant_id": scope.tenant_id, "project_id": scope.project_id, "user_id": user_id, "now": now}
        await self._session.execute(HIDE, place)
