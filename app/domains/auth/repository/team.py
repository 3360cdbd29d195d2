"""SQL about who is in an organisation in which role, and about organisations and projects themselves."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.domains.auth.errors import NameTaken
from app.domains.auth.rules.values import MemberQuery, Workspace
from app.shared.authz import TenantScope
from app.shared.paging import unpack

LOCK_TENANT = text("SELECT id FROM auth.tenants WHERE id = :tenant_id FOR NO KEY UPDATE")
MEMBERS = text("""
    SELECT u.id, u.name, u.email, lower(u.name) AS sorted, u.suspended_at,
           (SELECT max(s.last_seen_at) FROM auth.oidc_sessions s
            WHERE s.tenant_id = :tenant_id AND s.user_id = u.id) AS last_seen_at
    FROM auth.users u
    WHERE EXISTS (SELECT 1 FROM auth.memberships m WHERE m.tenant_id = :tenant_id AND m.user_id = u.id
                  AND (CAST(:role AS text) IS NULL OR m.role = :role)
                  AND (CAST(:project_id AS uuid) IS NULL OR m.project_id = :project_id))
      AND (CAST(:user_id AS uuid) IS NULL OR u.id = :user_id)
      AND (:search = '' OR strpos(lower(u.name), :search) > 0 OR strpos(lower(u.email), :search) > 0)
      AND (CAST(:after_name AS text) IS NULL OR (lower(u.name), u.id) > (:after_name, CAST(:after_id AS uuid)))
    ORDER BY lower(u.name), u.id LIMIT :rows
""")
ROLES = text("""
    SELECT m.id, m.user_id, m.project_id, p.name AS project_name, m.role, m.created_at, m.version
    FROM auth.memberships m LEFT JOIN auth.projects p ON p.id = m.project_id
    WHERE m.tenant_id = :tenant_id AND m.user_id = ANY(:user_ids) ORDER BY p.name NULLS FIRST, m.id
""")
COUNT_OWNERS = text("""
    SELECT count(*) FROM auth.memberships m JOIN auth.users u ON u.id = m.user_id
    WHERE m.tenant_id = :tenant_id AND m.role = 'tenant_owner' AND u.suspended_at IS NULL
""")
COUNT_MEMBERS = text("""
    SELECT count(DISTINCT user_id) FROM auth.memberships WHERE tenant_id = :tenant_id AND user_id IS NOT NULL
""")
MEMBER_BY_KEY = text("""
    SELECT u.id FROM auth.users u WHERE u.email_key = :email_key
      AND EXISTS (SELECT 1 FROM auth.memberships m WHERE m.tenant_id = :tenant_id AND m.user_id = u.id) LIMIT 1
""")
SET_ROLE = text("""
    UPDATE auth.memberships SET role = :role, version = version + 1
    WHERE id = :id AND tenant_id = :tenant_id RETURNING version
""")
DELETE_ROLE = text("DELETE FROM auth.memberships WHERE id = :id AND tenant_id = :tenant_id RETURNING version")
MOVE_SESSIONS = text("""
    UPDATE auth.oidc_sessions SET tenant_id = :to_tenant, project_id = :to_project
    WHERE user_id = :user_id AND tenant_id = :tenant_id AND revoked_at IS NULL AND method <> 'cli'
""")
END_PROGRAMS = text("""
    UPDATE auth.oidc_sessions SET revoked_at = :now, revoked_reason = :reason
    WHERE user_id = :user_id AND tenant_id = :tenant_id AND revoked_at IS NULL AND method = 'cli' RETURNING id
""")
SET_SESSION_WORKSPACE = text("""
    UPDATE auth.oidc_sessions SET tenant_id = :to_tenant, project_id = :to_project
    WHERE id = :id AND user_id = :user_id AND revoked_at IS NULL RETURNING token_hash
""")
WORKSPACES = text("""
    SELECT t.id AS tenant_id, t.name AS tenant_name, t.currency, t.time_zone, p.id AS project_id, p.name AS project_name
    FROM auth.projects p JOIN auth.tenants t ON t.id = p.tenant_id
    WHERE t.suspended_at IS NULL AND EXISTS (
        SELECT 1 FROM auth.memberships m
        WHERE m.user_id = :user_id AND m.tenant_id = t.id AND (m.project_id IS NULL OR m.project_id = p.id))
      AND (CAST(:project_id AS uuid) IS NULL OR p.id = :project_id)
    ORDER BY lower(t.name), t.id, lower(p.name), p.id LIMIT 200
""")
TENANT = text("SELECT id, name, currency, time_zone, created_at, version FROM auth.tenants WHERE id = :tenant_id")
INSERT_TENANT = text("""
    INSERT INTO auth.tenants (id, name, time_zone, created_at) VALUES (:id, :name, :time_zone, :now) RETURNING currency
""")
CHANGE_TENANT = text("""
    UPDATE auth.tenants SET name = :name, time_zone = :time_zone, version = version + 1
    WHERE id = :tenant_id RETURNING version
""")
COUNT_OWNED = text("SELECT count(*) FROM auth.memberships WHERE user_id = :user_id AND role = 'tenant_owner'")
SUSPENDED = text("""
    SELECT DISTINCT t.name FROM auth.memberships m JOIN auth.tenants t ON t.id = m.tenant_id
    WHERE m.user_id = :user_id AND t.suspended_at IS NOT NULL AND (m.role = 'tenant_owner' OR NOT :owned)
    ORDER BY t.name
""")
PROJECTS = text("""
    SELECT id, name, created_at, version FROM auth.projects
    WHERE tenant_id = :tenant_id AND (CAST(:only AS uuid[]) IS NULL OR id = ANY(:only))
      AND (CAST(:after AS uuid) IS NULL OR id > :after)
    ORDER BY id LIMIT :rows
""")
PROJECT = text("""
    SELECT id, name, created_at, version FROM auth.projects WHERE id = :id AND tenant_id = :tenant_id
""")
LOCK_PROJECT = text("""
    SELECT id, name, created_at, version FROM auth.projects WHERE id = :id AND tenant_id = :tenant_id FOR UPDATE
""")
COUNT_PROJECTS = text("SELECT count(*) FROM auth.projects WHERE tenant_id = :tenant_id")
INSERT_PROJECT = text("""
    INSERT INTO auth.projects (id, tenant_id, name, created_at) VALUES (:id, :tenant_id, :name, :now)
""")
RENAME_PROJECT = text("""
    UPDATE auth.projects SET name = :name, version = version + 1 WHERE id = :id AND tenant_id = :tenant_id
    RETURNING version
""")
AnyRow = Row[tuple[object, ...]]


class TeamRepository:
    """Bound to one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lock_tenant(self, tenant_id: UUID) -> bool:
        """One change of an organisation's team at a time: who waits here sees what the one before decided."""
        return await self._session.scalar(LOCK_TENANT, {"tenant_id": tenant_id}) is not None

    async def page_members(self, scope: TenantScope, query: MemberQuery, user_id: UUID | None = None) -> list[AnyRow]:
        """By name, up to one more than asked. Raises ValidationFailed for a cursor that is not ours."""
        name, after = unpack(query.cursor, 2) if query.cursor else (None, None)
        values = {
            "tenant_id": scope.tenant_id,
            "role": query.role,
            "project_id": query.project_id,
            "search": query.search.strip().lower(),
            "after_name": name,
            "after_id": after,
            "user_id": user_id,
            "rows": query.limit + 1,
        }
        return list(await self._session.execute(MEMBERS, values))

    async def list_roles(self, tenant_id: UUID, user_ids: list[UUID]) -> list[AnyRow]:
        return list(await self._session.execute(ROLES, {"tenant_id": tenant_id, "user_ids": user_ids}))

    async def count_owners(self, tenant_id: UUID) -> int:
        """Those who can still act as owners; who is suspended cannot."""
        return int(await self._session.scalar(COUNT_OWNERS, {"tenant_id": tenant_id}) or 0)

    async def count_members(self, scope: TenantScope) -> int:
        return int(await self._session.scalar(COUNT_MEMBERS, {"tenant_id": scope.tenant_id}) or 0)

    async def find_member_by_key(self, scope: TenantScope, email_key: str) -> UUID | None:
        values = {"tenant_id": scope.tenant_id, "email_key": email_key}
        value: UUID | None = await self._session.scalar(MEMBER_BY_KEY, values)
        return value

    async def set_role(self, tenant_id: UUID, membership_id: UUID, role: str) -> int:
        """The membership's new version."""
        values = {"tenant_id": tenant_id, "id": membership_id, "role": role}
        return int((await self._session.execute(SET_ROLE, values)).scalar_one())

    async def delete_role(self, tenant_id: UUID, membership_id: UUID) -> int:
        """The version that the membership had."""
        values = {"tenant_id": tenant_id, "id": membership_id}
        return int((await self._session.execute(DELETE_ROLE, values)).scalar_one())

    async def move_sessions(self, user_id: UUID, tenant_id: UUID, to: Workspace | None) -> None:
        """Those browser sessions of a person that stand in the organisation stand at `to` from now on."""
        values = {
            "user_id": user_id,
            "tenant_id": tenant_id,
            "to_tenant": to.tenant_id if to else None,
            "to_project": to.project_id if to else None,
        }
        await self._session.execute(MOVE_SESSIONS, values)

    async def end_programs(self, user_id: UUID, tenant_id: UUID, reason: str, now: datetime) -> list[UUID]:
        """A command line was let into one organisation: it ends there, and never wakes up in another."""
        values = {"user_id": user_id, "tenant_id": tenant_id, "reason": reason, "now": now}
        return list(await self._session.scalars(END_PROGRAMS, values))

    async def set_session_workspace(self, session_id: UUID, user_id: UUID, to: Workspace | None) -> bytes | None:
        values = {
            "id": session_id,
            "user_id": user_id,
            "to_tenant": to.tenant_id if to else None,
            "to_project": to.project_id if to else None,
        }
        value = await self._session.scalar(SET_SESSION_WORKSPACE, values)
        return bytes(value) if value is not None else None

    async def list_workspaces(self, user_id: UUID, project_id: UUID | None = None) -> list[AnyRow]:
        """Every project that a person may stand in, by organisation and name; or whether this one is among them."""
        return list(await self._session.execute(WORKSPACES, {"user_id": user_id, "project_id": project_id}))

    async def get_tenant(self, scope: TenantScope) -> AnyRow:
        return (await self._session.execute(TENANT, {"tenant_id": scope.tenant_id})).one()

    async def append_tenant(self, tenant_id: UUID, name: str, time_zone: str, now: datetime) -> str:
        """Its currency."""
        values = {"id": tenant_id, "name": name, "time_zone": time_zone, "now": now}
        return str(await self._session.scalar(INSERT_TENANT, values))

    async def change_tenant(self, scope: TenantScope, name: str, time_zone: str) -> int:
        values = {"tenant_id": scope.tenant_id, "name": name, "time_zone": time_zone}
        return int((await self._session.execute(CHANGE_TENANT, values)).scalar_one())

    async def count_owned(self, user_id: UUID) -> int:
        return int(await self._session.scalar(COUNT_OWNED, {"user_id": user_id}) or 0)

    async def list_suspended(self, user_id: UUID, *, owned: bool = False) -> list[str]:
        """Names of a person's organisations (`owned`: of those that they own) that an operator suspended."""
        return list(await self._session.scalars(SUSPENDED, {"user_id": user_id, "owned": owned}))

    async def page_projects(
        self, scope: TenantScope, only: list[UUID] | None, after: UUID | None, rows: int
    ) -> list[AnyRow]:
        """Oldest first; `only` those, when somebody may not see all."""
        values = {"tenant_id": scope.tenant_id, "only": only, "after": after, "rows": rows}
        return list(await self._session.execute(PROJECTS, values))

    async def find_project(self, scope: TenantScope, project_id: UUID, *, lock: bool = False) -> AnyRow | None:
        values = {"tenant_id": scope.tenant_id, "id": project_id}
        return (await self._session.execute(LOCK_PROJECT if lock else PROJECT, values)).one_or_none()

    async def count_projects(self, scope: TenantScope) -> int:
        return int(await self._session.scalar(COUNT_PROJECTS, {"tenant_id": scope.tenant_id}) or 0)

    async def append_project(self, tenant_id: UUID, project_id: UUID, name: str, now: datetime) -> None:
        """Raises NameTaken."""
        values = {"tenant_id": tenant_id, "id": project_id, "name": name, "now": now}
        try:
            await self._session.execute(INSERT_PROJECT, values)
        except IntegrityError as error:
            raise NameTaken(name=name) from error

    async def rename_project(self, scope: TenantScope, project_id: UUID, name: str) -> int:
        """The new version. Raises NameTaken."""
        try:
            values = {"tenant_id": scope.tenant_id, "id": project_id, "name": name}
            return int((await self._session.execute(RENAME_PROJECT, values)).scalar_one())
        except IntegrityError as error:
            raise NameTaken(name=name) from error
