"""SQL for operators: names for ids, the list of organisations and people, suspension."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, text

from app.shared.authz import PlatformScope
from app.shared.db.repository import Repository

AnyRow = Row[tuple[object, ...]]

NAMES = text("""
    SELECT id, name FROM auth.users WHERE id = ANY(:ids)
    UNION ALL SELECT id, name FROM auth.service_accounts WHERE id = ANY(:ids)
    UNION ALL SELECT id, name FROM auth.tenants WHERE id = ANY(:ids)
    UNION ALL SELECT id, name FROM auth.projects WHERE id = ANY(:ids)
""")
# A word of three letters and more is looked for anywhere in names and addresses; an id must be the whole id.
TENANTS = text("""
    SELECT t.id, t.name, t.currency, t.time_zone, t.created_at, t.suspended_at, t.suspended_reason, t.version,
           (SELECT count(*) FROM auth.projects p WHERE p.tenant_id = t.id) AS projects,
           (SELECT count(DISTINCT m.user_id) FROM auth.memberships m WHERE m.tenant_id = t.id) AS people
    FROM auth.tenants t
    WHERE (CAST(:id AS uuid) IS NULL OR t.id = :id)
      AND (CAST(:pattern AS text) IS NULL OR t.name ILIKE :pattern OR EXISTS (
           SELECT FROM auth.memberships m JOIN auth.users u ON u.id = m.user_id
           WHERE m.tenant_id = t.id AND (u.email ILIKE :pattern OR u.name ILIKE :pattern)))
      AND (CAST(:suspended AS boolean) IS NULL OR (t.suspended_at IS NOT NULL) = :suspended)
      AND (CAST(:after AS uuid) IS NULL OR t.id < :after)
    ORDER BY t.id DESC LIMIT :limit
""")
TENANT = text("""
    SELECT t.id, t.name, t.currency, t.time_zone, t.created_at, t.suspended_at, t.suspended_reason, t.version
    FROM auth.tenants t WHERE t.id = :id
""")
MEMBERS = text("""
    SELECT u.id, u.name, u.email, u.suspended_at, u.last_login_at, array_agg(DISTINCT m.role) AS roles
    FROM auth.memberships m JOIN auth.users u ON u.id = m.user_id
    WHERE m.tenant_id = :id GROUP BY u.id ORDER BY u.name, u.id LIMIT 200
""")
PROJECTS = text("SELECT id, name, created_at FROM auth.projects WHERE tenant_id = :id ORDER BY created_at LIMIT 200")
PERSON = text("""
    SELECT u.id, u.name, u.email, u.email_verified, u.created_at, u.last_login_at, u.suspended_at, u.suspended_reason,
           u.version,
           (SELECT count(*) FROM auth.oidc_sessions s
            WHERE s.user_id = u.id AND s.revoked_at IS NULL AND s.expires_at > clock_timestamp()) AS sessions,
           EXISTS (SELECT FROM auth.memberships m WHERE m.user_id = u.id AND m.tenant_id IS NULL) AS is_operator
    FROM auth.users u WHERE u.id = :id
""")
ORGANISATIONS = text("""
    SELECT t.id, t.name, array_agg(DISTINCT m.role) AS roles
    FROM auth.memberships m JOIN auth.tenants t ON t.id = m.tenant_id
    WHERE m.user_id = :id GROUP BY t.id ORDER BY t.name LIMIT 100
""")
PEOPLE = text("""
    SELECT u.id, u.name, u.email, u.suspended_at, u.last_login_at FROM auth.users u
    WHERE (CAST(:id AS uuid) IS NULL OR u.id = :id)
      AND (CAST(:pattern AS text) IS NULL OR u.email ILIKE :pattern OR u.name ILIKE :pattern)
    ORDER BY u.name, u.id LIMIT :limit
""")
BY_MAIL = text("SELECT id FROM auth.users WHERE lower(email) = lower(:email) ORDER BY created_at LIMIT 1")
SUSPEND_TENANT = text("""
    UPDATE auth.tenants SET suspended_at = :at, suspended_reason = :reason, version = version + 1
    WHERE id = :id RETURNING version
""")
SUSPEND_PERSON = text("""
    UPDATE auth.users SET suspended_at = :at, suspended_reason = :reason, version = version + 1
    WHERE id = :id RETURNING version
""")
LOCK_TENANT = text("SELECT suspended_at, version FROM auth.tenants WHERE id = :id FOR UPDATE")
LOCK_PERSON = text("SELECT suspended_at, version FROM auth.users WHERE id = :id FOR UPDATE")
# Who stands in another organisation keeps that session: the suspended one is simply no longer open to them.
LIVE_OF_TENANT = text("""
    SELECT count(*) FROM auth.oidc_sessions
    WHERE tenant_id = :id AND revoked_at IS NULL AND expires_at > clock_timestamp()
""")
END_OF_TENANT = text("""
    UPDATE auth.oidc_sessions SET revoked_at = :now, revoked_reason = 'suspended'
    WHERE tenant_id = :id AND revoked_at IS NULL AND expires_at > :now RETURNING id, user_id, token_hash
""")
END_OF_PERSON = text("""
    UPDATE auth.oidc_sessions SET revoked_at = :now, revoked_reason = 'suspended'
    WHERE user_id = :id AND revoked_at IS NULL AND expires_at > :now RETURNING id, user_id, token_hash
""")
END_TOKENS = text("""
    UPDATE auth.service_account_tokens SET revoked_at = :now
    WHERE revoked_at IS NULL AND expires_at > :now
      AND service_account_id IN (SELECT id FROM auth.service_accounts WHERE tenant_id = :id)
""")


SAME_PEOPLE = text("""
    SELECT o.id FROM auth.users u JOIN auth.users o ON o.email_key = u.email_key
    WHERE u.id = :id AND u.email_verified AND o.email_verified
""")


class CustomerRepository(Repository):
    """Bound to one unit of work."""

    async def list_names(self, ids: list[UUID]) -> dict[UUID, str]:
        """Names of people, service accounts, organisations and projects."""
        return {row.id: row.name for row in await self._session.execute(NAMES, {"ids": ids})}

    async def page_tenants(
        self,
        scope: PlatformScope,
        tenant_id: UUID | None,
        pattern: str | None,
        suspended: bool | None,
        after: UUID | None,
        limit: int,
    ) -> list[AnyRow]:
        values = {"id": tenant_id, "pattern": pattern, "suspended": suspended, "after": after, "limit": limit}
        return list(await self._session.execute(TENANTS, values))

    async def find_tenant(self, scope: PlatformScope, tenant_id: UUID) -> AnyRow | None:
        return (await self._session.execute(TENANT, {"id": tenant_id})).one_or_none()

    async def list_members(self, scope: PlatformScope, tenant_id: UUID) -> list[AnyRow]:
        return list(await self._session.execute(MEMBERS, {"id": tenant_id}))

    async def list_projects(self, scope: PlatformScope, tenant_id: UUID) -> list[AnyRow]:
        return list(await self._session.execute(PROJECTS, {"id": tenant_id}))

    async def find_person(self, scope: PlatformScope, user_id: UUID) -> AnyRow | None:
        return (await self._session.execute(PERSON, {"id": user_id})).one_or_none()

    async def list_same(self, user_id: UUID) -> list[UUID]:
        """Every account with the same verified address."""
        return [row.id for row in await self._session.execute(SAME_PEOPLE, {"id": user_id})]

    async def list_organisations(self, scope: PlatformScope, user_id: UUID) -> list[AnyRow]:
        return list(await self._session.execute(ORGANISATIONS, {"id": user_id}))

    async def list_people(
        self, scope: PlatformScope, user_id: UUID | None, pattern: str | None, limit: int
    ) -> list[AnyRow]:
        return list(await self._session.execute(PEOPLE, {"id": user_id, "pattern": pattern, "limit": limit}))

    async def find_by_mail(self, scope: PlatformScope, email: str) -> UUID | None:
        value: UUID | None = await self._session.scalar(BY_MAIL, {"email": email})
        return value

    async def lock_tenant(self, tenant_id: UUID) -> AnyRow | None:
        return (await self._session.execute(LOCK_TENANT, {"id": tenant_id})).one_or_none()

    async def lock_person(self, user_id: UUID) -> AnyRow | None:
        return (await self._session.execute(LOCK_PERSON, {"id": user_id})).one_or_none()

    async def set_tenant_suspended(self, tenant_id: UUID, at: datetime | None, reason: str | None) -> int:
        return int(await self._session.scalar(SUSPEND_TENANT, {"id": tenant_id, "at": at, "reason": reason}) or 0)

    async def set_person_suspended(self, user_id: UUID, at: datetime | None, reason: str | None) -> int:
        return int(await self._session.scalar(SUSPEND_PERSON, {"id": user_id, "at": at, "reason": reason}) or 0)

    async def count_live_sessions(self, tenant_id: UUID) -> int:
        return int(await self._session.scalar(LIVE_OF_TENANT, {"id": tenant_id}) or 0)

    async def end_sessions_of_tenant(self, tenant_id: UUID, now: datetime) -> list[AnyRow]:
        """End every session that stands in the tenant, and the tokens of its service accounts."""
        await self._session.execute(END_TOKENS, {"id": tenant_id, "now": now})
        return list(await self._session.execute(END_OF_TENANT, {"id": tenant_id, "now": now}))

    async def end_sessions_of_person(self, user_id: UUID, now: datetime) -> list[AnyRow]:
        return list(await self._session.execute(END_OF_PERSON, {"id": user_id, "now": now}))
