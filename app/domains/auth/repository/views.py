"""SQL about views: an operator's session that looks at an organisation for a while."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

OPEN_VIEW = text("""
    SELECT v.id, v.operator_id, v.tenant_id, v.project_id, v.reason, v.expires_at, t.name AS tenant_name
    FROM auth.views_as v JOIN auth.tenants t ON t.id = v.tenant_id
    WHERE v.session_id = :session_id AND v.ended_at IS NULL AND v.expires_at > :now
""")
END_VIEWS = text("""
    UPDATE auth.views_as SET ended_at = least(:now, expires_at) WHERE session_id = :session_id AND ended_at IS NULL
    RETURNING id, tenant_id
""")
ADD_VIEW = text("""
    INSERT INTO auth.views_as (id, session_id, operator_id, tenant_id, project_id, reason, started_at, expires_at)
    VALUES (:id, :session_id, :operator_id, :tenant_id, :project_id, :reason, :now, :expires_at)
""")
PROJECT_OF = text("""
    SELECT id FROM auth.projects
    WHERE tenant_id = :tenant_id AND (CAST(:project_id AS uuid) IS NULL OR id = :project_id)
    ORDER BY created_at, id LIMIT 1
""")


async def find_open_view(session: AsyncSession, session_id: UUID, now: datetime) -> Row[tuple[object, ...]] | None:
    """The view of that session which is not over."""
    return (await session.execute(OPEN_VIEW, {"session_id": session_id, "now": now})).one_or_none()


async def end_views(session: AsyncSession, session_id: UUID, now: datetime) -> list[Row[tuple[object, ...]]]:
    """End the session's view, also one whose time is over."""
    return list(await session.execute(END_VIEWS, {"session_id": session_id, "now": now}))


async def find_project_of(session: AsyncSession, tenant_id: UUID, project_id: UUID | None) -> UUID | None:
    """That project of the organisation, or its first one."""
    value: UUID | None = await session.scalar(PROJECT_OF, {"tenant_id": tenant_id, "project_id": project_id})
    return value


async def add_view(
    session: AsyncSession,
    view_id: UUID,
    session_id: UUID,
    operator_id: UUID,
    workspace: tuple[UUID, UUID | None],
    reason: str,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Begin a view; a session has at most one."""
    values = {
        "id": view_id,
        "session_id": session_id,
        "operator_id": operator_id,
        "tenant_id": workspace[0],
        "project_id": workspace[1],
        "reason": reason,
        "now": now,
        "expires_at": expires_at,
    }
    await session.execute(ADD_VIEW, values)
