"""Who has hidden the list of first steps."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from app.shared.authz import ProjectScope
from app.shared.db.repository import Repository

HIDDEN = text("""
    SELECT EXISTS (SELECT FROM provisioning.first_steps_hidden
                   WHERE tenant_id = :tenant_id AND project_id = :project_id AND user_id = :user_id)
""")
HIDE = text("""
    INSERT INTO provisioning.first_steps_hidden (tenant_id, project_id, user_id, hidden_at)
    VALUES (:tenant_id, :project_id, :user_id, :now) ON CONFLICT DO NOTHING
""")


class FirstStepsRepository(Repository):
    """Bound to one unit of work."""

    async def are_hidden(self, scope: ProjectScope, user_id: UUID) -> bool:
        place = {"tenant_id": scope.tenant_id, "project_id": scope.project_id, "user_id": user_id}
        return bool(await self._session.scalar(HIDDEN, place))

    async def hide(self, scope: ProjectScope, user_id: UUID, now: datetime) -> None:
        """Safe to repeat."""
        place = {"tenant_id": scope.tenant_id, "project_id": scope.project_id, "user_id": user_id, "now": now}
        await self._session.execute(HIDE, place)
