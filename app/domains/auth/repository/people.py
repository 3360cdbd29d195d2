"""SQL about people, organisations and sessions."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, text

from app.domains.auth.rules.values import Visit
from app.shared.db.repository import Repository

INSERT_MEMBERSHIP = text("""
    INSERT INTO auth.memberships (id, user_id, service_account_id, tenant_id, project_id, role, created_at)
    VALUES (:id, :user_id, :service_account_id, :tenant_id, :project_id, :role, :now) ON CONFLICT DO NOTHING
""")
DELETE_PLATFORM_ADMIN = text("""
    DELETE FROM auth.memberships WHERE user_id = :user_id AND tenant_id IS NULL AND role = 'platform_admin'
""")
INSERT_POSIX = text("""
    INSERT INTO auth.user_posix_identities (user_id, login) VALUES (:user_id, :login) ON CONFLICT DO NOTHING
    RETURNING login
""")
SELECT_POSIX = text("""
    SELECT p.login, p.uid, u.name FROM auth.user_posix_identities p JOIN auth.users u ON u.id = p.user_id
    WHERE p.user_id = :user_id
""")
DEFAULT_WORKSPACE = text("""
    SELECT m.tenant_id, p.id AS project_id
    FROM auth.memberships m JOIN auth.projects p ON p.tenant_id = m.tenant_id JOIN auth.tenants t ON t.id = m.tenant_id
    WHERE m.user_id = :user_id AND (m.project_id IS NULL OR m.project_id = p.id) AND t.suspended_at IS NULL
    ORDER BY m.created_at, m.id, p.created_at LIMIT 1
""")
INSERT_SESSION = text("""
    INSERT INTO auth.oidc_sessions (id, token_hash, user_id, tenant_id, project_id, method, user_agent, address,
                                    created_at, last_seen_at, expires_at)
    VALUES (:id, :token_hash, :user_id, :tenant_id, :project_id, :method, :user_agent, :address,
            :now, :now, :expires_at)
""")
SEE_SESSION = text("""
    WITH seen AS (
        UPDATE auth.oidc_sessions SET last_seen_at = :now
        WHERE token_hash = :token_hash AND revoked_at IS NULL AND expires_at > :now AND last_seen_at < :seen_before)
    SELECT s.id, s.user_id, s.tenant_id, s.project_id, u.name, ARRAY(
        SELECT jsonb_build_object('role', m.role, 'tenant_id', m.tenant_id, 'project_id', m.project_id)
        FROM auth.memberships m WHERE m.user_id = s.user_id ORDER BY m.role) AS bindings
    FROM auth.oidc_sessions s JOIN auth.users u ON u.id = s.user_id
    LEFT JOIN auth.tenants t ON t.id = s.tenant_id
    WHERE s.token_hash = :token_hash AND s.revoked_at IS NULL AND s.expires_at > :now AND u.suspended_at IS NULL
      AND t.suspended_at IS NULL
""")
TOUCH_SESSION = text("UPDATE auth.oidc_sessions SET last_seen_at = :now WHERE id = :id")
BINDINGS = text("""
    SELECT role, tenant_id, project_id FROM auth.memberships
    WHERE user_id = :holder OR service_account_id = :holder ORDER BY role
""")
SESSIONS_OF = text("""
    SELECT s.id, s.method, s.user_agent, s.address, s.created_at, s.last_seen_at, t.name AS tenant_name,
           p.name AS project_name
    FROM auth.oidc_sessions s LEFT JOIN auth.tenants t ON t.id = s.tenant_id
    LEFT JOIN auth.projects p ON p.id = s.project_id
    WHERE s.user_id = :user_id AND s.revoked_at IS NULL AND s.expires_at > :now
      AND (CAST(:after AS uuid) IS NULL OR s.id < :after)
    ORDER BY s.id DESC LIMIT :rows
""")
TOKEN_HASHES = text("""
    SELECT token_hash FROM auth.oidc_sessions WHERE user_id = :user_id AND revoked_at IS NULL AND expires_at > :now
""")
REVOKE_SESSION = text("""
    UPDATE auth.oidc_sessions SET revoked_at = :now, revoked_reason = :reason
    WHERE id = :id AND user_id = :user_id AND revoked_at IS NULL RETURNING id, token_hash, method
""")
REVOKE_OTHERS = text("""
    UPDATE auth.oidc_sessions SET revoked_at = :now, revoked_reason = :reason
    WHERE user_id = :user_id AND revoked_at IS NULL AND expires_at > :now
      AND id IS DISTINCT FROM CAST(:keep AS uuid)
    RETURNING id, token_hash
""")
REVOKE_BY_TOKEN = text("""
    UPDATE auth.oidc_sessions SET revoked_at = :now, revoked_reason = :reason
    WHERE token_hash = :token_hash AND revoked_at IS NULL RETURNING id, user_id
""")
LIVE_SESSIONS = text("""
    SELECT s.id, s.tenant_id FROM auth.oidc_sessions s JOIN auth.users u ON u.id = s.user_id
    LEFT JOIN auth.tenants t ON t.id = s.tenant_id
    WHERE s.id = ANY(:ids) AND s.revoked_at IS NULL AND s.expires_at > clock_timestamp() AND u.suspended_at IS NULL
      AND t.suspended_at IS NULL
""")
PEOPLE = text("SELECT id, name, email FROM auth.users WHERE id = ANY(:ids)")
PEOPLE_OF_PROJECT = text("""
    SELECT DISTINCT u.id, u.name, u.email FROM auth.memberships m JOIN auth.users u ON u.id = m.user_id
    WHERE m.tenant_id = :tenant_id AND (m.project_id IS NULL OR m.project_id = :project_id)
      AND u.suspended_at IS NULL
    ORDER BY u.name, u.id LIMIT 1000
""")
TENANTS = text("SELECT id, name, currency, time_zone FROM auth.tenants WHERE id = ANY(:ids)")
PROJECTS = text("SELECT id, tenant_id, name FROM auth.projects WHERE id = ANY(:ids)")


class AuthRepository(Repository):
    """Bound to one unit of work."""

    async def append_membership(
        self,
        membership_id: UUID,
        role: str,
        now: datetime,
        *,
        user_id: UUID | None = None,
        service_account_id: UUID | None = None,
        tenant_id: UUID | None = None,
        project_id: UUID | None = None,
    ) -> None:
        values = {
            "id": membership_id,
            "user_id": user_id,
            "service_account_id": service_account_id,
            "tenant_id": tenant_id,
            "project_id": project_id,
            "role": role,
            "now": now,
        }
        await self._session.execute(INSERT_MEMBERSHIP, values)

    async def remove_platform_admin(self, user_id: UUID) -> None:
        """Remove the platform_admin role from a person whom the settings no longer name."""
        await self._session.execute(DELETE_PLATFORM_ADMIN, {"user_id": user_id})

    async def claim_login(self, user_id: UUID, login: str) -> bool:
        """Whether `login` became this person's; False when somebody else has it."""
        return await self._session.scalar(INSERT_POSIX, {"user_id": user_id, "login": login}) is not None

    async def find_posix(self, user_id: UUID) -> Row[tuple[object, ...]] | None:
        return (await self._session.execute(SELECT_POSIX, {"user_id": user_id})).one_or_none()

    async def find_default_workspace(self, user_id: UUID) -> Row[tuple[object, ...]] | None:
        """The tenant and project a session begins in: the oldest membership's first project."""
        return (await self._session.execute(DEFAULT_WORKSPACE, {"user_id": user_id})).one_or_none()

    async def append_session(
        self,
        session_id: UUID,
        token_hash: bytes,
        user_id: UUID,
        workspace: tuple[UUID | None, UUID | None],
        method: str,
        visit: Visit,
        now: datetime,
        expires_at: datetime,
    ) -> None:
        values = {
            "id": session_id,
            "token_hash": token_hash,
            "user_id": user_id,
            "tenant_id": workspace[0],
            "project_id": workspace[1],
            "method": method,
            "user_agent": visit.user_agent[:200],
            "address": visit.address[:60],
            "now": now,
            "expires_at": expires_at,
        }
        await self._session.execute(INSERT_SESSION, values)

    async def see_session(
        self, token_hash: bytes, now: datetime, seen_before: datetime
    ) -> Row[tuple[object, ...]] | None:
        """A live session with its person and their roles. One that was last seen
        before `seen_before` is seen now."""
        values = {"token_hash": token_hash, "now": now, "seen_before": seen_before}
        return (await self._session.execute(SEE_SESSION, values)).one_or_none()

    async def touch_session(self, session_id: UUID, now: datetime) -> None:
        await self._session.execute(TOUCH_SESSION, {"id": session_id, "now": now})

    async def list_bindings(self, holder: UUID) -> list[Row[tuple[object, ...]]]:
        return list(await self._session.execute(BINDINGS, {"holder": holder}))

    async def page_sessions(
        self, user_id: UUID, now: datetime, after: UUID | None, rows: int
    ) -> list[Row[tuple[object, ...]]]:
        """A person's live ones, newest sign-in first."""
        values = {"user_id": user_id, "now": now, "after": after, "rows": rows}
        return list(await self._session.execute(SESSIONS_OF, values))

    async def list_token_hashes(self, user_id: UUID, now: datetime) -> list[bytes]:
        """Of a person's live sessions."""
        return [bytes(value) for value in await self._session.scalars(TOKEN_HASHES, {"user_id": user_id, "now": now})]

    async def revoke_session(
        self, session_id: UUID, user_id: UUID, reason: str, now: datetime
    ) -> Row[tuple[object, ...]] | None:
        values = {"id": session_id, "user_id": user_id, "reason": reason, "now": now}
        return (await self._session.execute(REVOKE_SESSION, values)).one_or_none()

    async def revoke_others(
        self, user_id: UUID, keep: UUID | None, reason: str, now: datetime
    ) -> list[Row[tuple[object, ...]]]:
        """End a person's live sessions but one."""
        values = {"user_id": user_id, "keep": keep, "reason": reason, "now": now}
        return list(await self._session.execute(REVOKE_OTHERS, values))

    async def revoke_by_token(self, token_hash: bytes, reason: str, now: datetime) -> Row[tuple[object, ...]] | None:
        values = {"token_hash": token_hash, "reason": reason, "now": now}
        return (await self._session.execute(REVOKE_BY_TOKEN, values)).one_or_none()

    async def list_live_sessions(self, ids: list[UUID]) -> list[Row[tuple[object, ...]]]:
        """Those of `ids` that go on, each with the organisation it stands in."""
        return list(await self._session.execute(LIVE_SESSIONS, {"ids": ids}))

    async def list_people(self, ids: list[UUID]) -> list[Row[tuple[object, ...]]]:
        return list(await self._session.execute(PEOPLE, {"ids": ids}))

    async def list_people_of_project(self, tenant_id: UUID, project_id: UUID) -> list[Row[tuple[object, ...]]]:
        values = {"tenant_id": tenant_id, "project_id": project_id}
        return list(await self._session.execute(PEOPLE_OF_PROJECT, values))

    async def list_tenants(self, ids: list[UUID]) -> list[Row[tuple[object, ...]]]:
        return list(await self._session.execute(TENANTS, {"ids": ids}))

    async def list_projects(self, ids: list[UUID]) -> list[Row[tuple[object, ...]]]:
        return list(await self._session.execute(PROJECTS, {"ids": ids}))
