"""SQL about who may do what with an app."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from app.domains.appruntime.contracts import AppView, MemberView
from app.shared.db.repository import Repository

SET = text("""
    INSERT INTO appruntime.app_instance_members (app_id, tenant_id, project_id, user_id, role, added_at)
    VALUES (:app_id, :tenant_id, :project_id, :user_id, :role, :now)
    ON CONFLICT (app_id, user_id) DO UPDATE SET role = EXCLUDED.role
""")
REMOVE = text("DELETE FROM appruntime.app_instance_members WHERE app_id = :app_id AND user_id = :user_id")
ROLE = text("SELECT role FROM appruntime.app_instance_members WHERE app_id = :app_id AND user_id = :user_id")
LIST = text("""
    SELECT app_id, user_id, role, added_at FROM appruntime.app_instance_members
    WHERE app_id = ANY(:ids) ORDER BY added_at, user_id
""")


class MemberRepository(Repository):
    """Bound to one unit of work. The caller has found the app in its scope."""

    async def set(self, app: AppView, user_id: UUID, role: str, now: datetime) -> None:
        """Add the person, or change the role."""
        values = {"app_id": app.id, "tenant_id": app.tenant_id, "project_id": app.project_id}
        await self._session.execute(SET, {**values, "user_id": user_id, "role": role, "now": now})

    async def remove(self, app_id: UUID, user_id: UUID) -> None:
        await self._session.execute(REMOVE, {"app_id": app_id, "user_id": user_id})

    async def role(self, app_id: UUID, user_id: UUID | None) -> str:
        """Empty for who is none of them."""
        found = await self._session.scalar(ROLE, {"app_id": app_id, "user_id": user_id})
        return str(found or "")

    async def list_of(self, ids: Sequence[UUID]) -> list[MemberView]:
        """Of several apps, in the order in which they were added."""
        return await self._list_views(MemberView, LIST, ids=list(ids))
