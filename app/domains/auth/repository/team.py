"""Who is in an organisation in which role, and about organisations and projects themselves."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, bindparam, select, text, update
from sqlalchemy.exc import IntegrityError

from app.domains.auth.errors import NameTaken
from app.domains.auth.models import Membership, Project, Tenant
from app.domains.auth.rules.values import MemberQuery, Workspace
from app.shared.authz import TenantScope
from app.shared.db.repository import Repository
from app.shared.errors import NotFound
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
SUSPENDED = text("""
    SELECT DISTINCT t.name FROM auth.memberships m JOIN auth.tenants t ON t.id = m.tenant_id
    WHERE m.user_id = :user_id AND t.suspended_at IS NOT NULL AND (m.role = 'tenant_owner' OR NOT :owned)
    ORDER BY t.name
""")
ORGANISATION = select(Tenant).where(Tenant.id == bindparam("tenant_id"))
IN_TENANT = select(Project).where(Project.tenant_id == bindparam("tenant_id"))
PROJECTS = (
    IN_TENANT.where(
        text("(CAST(:only AS uuid[]) IS NULL OR id = ANY(:only))"),
        text("(CAST(:after AS uuid) IS NULL OR id > :after)"),
    )
    .order_by(Project.id)
    .limit(bindparam("rows"))
)
PROJECT = IN_TENANT.where(Project.id == bindparam("id"))
LOCK_PROJECT = PROJECT.with_for_update()
AnyRow = Row[tuple[object, ...]]


class TeamRepository(Repository):
    """Organisations, their projects and who is in them."""

    async def lock_tenant(self, tenant_id: UUID) -> bool:
        """One change of an organisation's team at a time: who waits here sees what the one before decided."""
        return await self._session.scalar(LOCK_TENANT, {"tenant_id": tenant_id}) is not None

    async def page_members(self, scope: TenantScope, query: MemberQuery, user_id: UUID | None = None) -> list[AnyRow]:
        """By name, up to one more than asked. Raises ValidationFailed for a cursor that is not ours."""
        name, after = unpack(query.cursor, tuple[str, UUID]) if query.cursor else (None, None)
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
        one = update(Membership).where(Membership.id == membership_id, Membership.tenant_id == tenant_id)
        changed = one.values(role=role, version=Membership.version + 1).returning(Membership.version)
        return (await self._session.execute(changed)).scalar_one()

    async def delete_role(self, tenant_id: UUID, membership_id: UUID) -> int:
        """The version that the membership had."""
        (deleted,) = await self._rows(Membership).delete_where(
            Membership.id == membership_id, Membership.tenant_id == tenant_id
        )
        return deleted.version

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

    async def get_tenant(self, scope: TenantScope) -> Tenant:
        found = await self._find(ORGANISATION, tenant_id=scope.tenant_id)
        if found is None:
            raise NotFound()
        return found

    async def append_tenant(self, tenant_id: UUID, name: str, time_zone: str, now: datetime) -> str:
        """Its currency."""
        new = Tenant(id=tenant_id, name=name, time_zone=time_zone, created_at=now)
        return (await self._rows(Tenant).add(new)).currency

    async def change_tenant(self, scope: TenantScope, name: str, time_zone: str) -> int:
        """The new version."""
        changed = update(Tenant).where(Tenant.id == scope.tenant_id)
        changed = changed.values(name=name, time_zone=time_zone, version=Tenant.version + 1)
        return (await self._session.execute(changed.returning(Tenant.version))).scalar_one()

    async def count_owned(self, user_id: UUID) -> int:
        return await self._rows(Membership).count(Membership.user_id == user_id, Membership.role == "tenant_owner")

    async def list_suspended(self, user_id: UUID, *, owned: bool = False) -> list[str]:
        """Names of a person's organisations (`owned`: of those that they own) that an operator suspended."""
        return list(await self._session.scalars(SUSPENDED, {"user_id": user_id, "owned": owned}))

    async def page_projects(
        self, scope: TenantScope, only: list[UUID] | None, after: UUID | None, rows: int
    ) -> list[Project]:
        """Oldest first; `only` those, when somebody may not see all."""
        return await self._list(PROJECTS, tenant_id=scope.tenant_id, only=only, after=after, rows=rows)

    async def find_project(self, scope: TenantScope, project_id: UUID, *, lock: bool = False) -> Project | None:
        return await self._find(LOCK_PROJECT if lock else PROJECT, tenant_id=scope.tenant_id, id=project_id)

    async def count_projects(self, scope: TenantScope) -> int:
        return await self._rows(Project).count(Project.tenant_id == scope.tenant_id)

    async def append_project(self, tenant_id: UUID, project_id: UUID, name: str, now: datetime) -> None:
        """Raises NameTaken."""
        try:
            await self._rows(Project).add(Project(id=project_id, tenant_id=tenant_id, name=name, created_at=now))
        except IntegrityError as error:
            raise NameTaken(name=name) from error

    async def rename_project(self, scope: TenantScope, project_id: UUID, name: str) -> int:
        """The new version. Raises NameTaken."""
        renamed = update(Project).where(Project.id == project_id, Project.tenant_id == scope.tenant_id)
        renamed = renamed.values(name=name, version=Project.version + 1)
        try:
            return (await self._session.execute(renamed.returning(Project.version))).scalar_one()
        except IntegrityError as error:
            raise NameTaken(name=name) from error
