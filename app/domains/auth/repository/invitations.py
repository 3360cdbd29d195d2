"""SQL about invitations: those that an organisation sent, and those that wait for a person."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domains.auth.rules.values import InvitationQuery
from app.shared.authz import TenantScope

# A pending one whose time has run out is expired, also while the job that says so has not come by.
SENT = text("""
    SELECT i.id, i.email, i.role, i.project_id, p.name AS project_name, i.invited_by, i.created_at, i.sent_at,
           i.sent_count, i.expires_at, i.version, coalesce(u.name, a.name, '') AS invited_by_name,
           CASE WHEN i.state = 'pending' AND i.expires_at <= :now THEN 'expired' ELSE i.state END AS state
    FROM auth.invitations i LEFT JOIN auth.projects p ON p.id = i.project_id
    LEFT JOIN auth.users u ON u.id = i.invited_by LEFT JOIN auth.service_accounts a ON a.id = i.invited_by
    WHERE i.tenant_id = :tenant_id AND (CAST(:id AS uuid) IS NULL OR i.id = :id)
      AND (CAST(:after AS uuid) IS NULL OR i.id < :after)
      AND (CAST(:wanted AS text) IS NULL OR :wanted =
           CASE WHEN i.state = 'pending' AND i.expires_at <= :now THEN 'expired' ELSE i.state END)
    ORDER BY i.id DESC LIMIT :rows
""")
LOCK = text("""
    SELECT id, tenant_id, project_id, email, email_key, role, state, invited_by, expires_at, closed_by, version
    FROM auth.invitations WHERE id = :id AND (CAST(:tenant_id AS uuid) IS NULL OR tenant_id = :tenant_id) FOR UPDATE
""")
PENDING_AT = text("""
    SELECT id, tenant_id, role, invited_by, expires_at, version FROM auth.invitations
    WHERE tenant_id = :tenant_id AND project_id IS NOT DISTINCT FROM CAST(:project_id AS uuid)
      AND email_key = :email_key AND state = 'pending' FOR UPDATE
""")
COUNT_PENDING = text("SELECT count(*) FROM auth.invitations WHERE tenant_id = :tenant_id AND state = 'pending'")
INSERT = text("""
    INSERT INTO auth.invitations (id, tenant_id, project_id, email, email_key, role, state, invited_by, created_at,
                                  sent_at, expires_at)
    VALUES (:id, :tenant_id, :project_id, :email, :email_key, :role, 'pending', :invited_by, :now, :now, :expires_at)
""")
SEND_AGAIN = text("""
    UPDATE auth.invitations
    SET role = :role, invited_by = :invited_by, sent_at = :now, sent_count = sent_count + 1, expires_at = :expires_at,
        version = version + 1
    WHERE id = :id RETURNING version
""")
CLOSE = text("""
    UPDATE auth.invitations SET state = :state, closed_at = :now, closed_by = :closed_by, version = version + 1
    WHERE id = :id AND state = 'pending' RETURNING version
""")
RECEIVED = text("""
    SELECT i.id, i.role, i.sent_at, i.expires_at, t.name AS tenant_name, p.name AS project_name,
           coalesce(u.name, a.name, '') AS invited_by_name
    FROM auth.invitations i JOIN auth.users me ON me.email_key = i.email_key JOIN auth.tenants t ON t.id = i.tenant_id
    LEFT JOIN auth.projects p ON p.id = i.project_id
    LEFT JOIN auth.users u ON u.id = i.invited_by LEFT JOIN auth.service_accounts a ON a.id = i.invited_by
    WHERE me.id = :user_id AND me.email_verified AND i.state = 'pending' AND i.expires_at > :now
      AND t.suspended_at IS NULL AND (CAST(:after AS uuid) IS NULL OR i.id < :after)
    ORDER BY i.id DESC LIMIT :rows
""")
COUNT_RECEIVED = text("""
    SELECT count(*) FROM auth.invitations i JOIN auth.users me ON me.email_key = i.email_key
    JOIN auth.tenants t ON t.id = i.tenant_id
    WHERE me.id = :user_id AND me.email_verified AND i.state = 'pending' AND i.expires_at > :now
      AND t.suspended_at IS NULL
""")
MAILS = text("""
    SELECT i.id, i.email, i.tenant_id, t.name AS tenant_name, t.time_zone, p.name AS project_name, i.role,
           i.expires_at, coalesce(u.name, a.name, '') AS invited_by_name,
           (i.state = 'pending' AND i.expires_at > :now AND t.suspended_at IS NULL) AS is_open,
           (SELECT x.id FROM auth.users x WHERE x.email_key = i.email_key AND x.email_verified
            ORDER BY x.last_login_at DESC LIMIT 1) AS user_id
    FROM auth.invitations i JOIN auth.tenants t ON t.id = i.tenant_id
    LEFT JOIN auth.projects p ON p.id = i.project_id
    LEFT JOIN auth.users u ON u.id = i.invited_by LEFT JOIN auth.service_accounts a ON a.id = i.invited_by
    WHERE i.id = ANY(:ids)
""")
TENANT_OF = text("""
    SELECT i.tenant_id FROM auth.invitations i JOIN auth.tenants t ON t.id = i.tenant_id
    WHERE i.id = :id AND i.email_key = :email_key AND t.suspended_at IS NULL
""")
PERSON = text("SELECT id, name, email, email_key, email_verified FROM auth.users WHERE id = :id")
DUE = text("""
    SELECT id FROM auth.invitations WHERE state = 'pending' AND expires_at <= :now ORDER BY expires_at LIMIT :rows
""")
LOCK_DUE = text("""
    SELECT id, tenant_id, project_id FROM auth.invitations
    WHERE id = :id AND state = 'pending' AND expires_at <= :now FOR UPDATE SKIP LOCKED
""")

AnyRow = Row[tuple[object, ...]]


class InvitationRepository:
    """Bound to one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page_sent(
        self, scope: TenantScope, query: InvitationQuery, now: datetime, invitation_id: UUID | None = None
    ) -> list[AnyRow]:
        """Newest first, up to one more than asked."""
        values = {
            "tenant_id": scope.tenant_id,
            "now": now,
            "id": invitation_id,
            "after": query.cursor,
            "wanted": query.state,
            "rows": query.limit + 1,
        }
        return list(await self._session.execute(SENT, values))

    async def lock(self, invitation_id: UUID, scope: TenantScope | None = None) -> AnyRow | None:
        """One invitation, of that organisation when a scope is given; without, the caller compares the address."""
        values = {"id": invitation_id, "tenant_id": scope.tenant_id if scope else None}
        return (await self._session.execute(LOCK, values)).one_or_none()

    async def lock_pending(self, scope: TenantScope, project_id: UUID | None, email_key: str) -> AnyRow | None:
        values = {"tenant_id": scope.tenant_id, "project_id": project_id, "email_key": email_key}
        return (await self._session.execute(PENDING_AT, values)).one_or_none()

    async def count_pending(self, scope: TenantScope) -> int:
        return int(await self._session.scalar(COUNT_PENDING, {"tenant_id": scope.tenant_id}) or 0)

    async def append(
        self,
        invitation_id: UUID,
        scope: TenantScope,
        project_id: UUID | None,
        address: tuple[str, str],
        role: str,
        invited_by: UUID,
        now: datetime,
        expires_at: datetime,
    ) -> None:
        """`address` is what was typed and its key."""
        values = {
            "id": invitation_id,
            "tenant_id": scope.tenant_id,
            "project_id": project_id,
            "email": address[0],
            "email_key": address[1],
            "role": role,
            "invited_by": invited_by,
            "now": now,
            "expires_at": expires_at,
        }
        await self._session.execute(INSERT, values)

    async def send_again(
        self, invitation_id: UUID, role: str, invited_by: UUID, now: datetime, expires_at: datetime
    ) -> int:
        """Whoever sends it again has invited."""
        values = {"id": invitation_id, "role": role, "invited_by": invited_by, "now": now, "expires_at": expires_at}
        return int((await self._session.execute(SEND_AGAIN, values)).scalar_one())

    async def close(self, invitation_id: UUID, state: str, closed_by: UUID | None, now: datetime) -> int | None:
        """The new version; None when it was closed already."""
        values = {"id": invitation_id, "state": state, "closed_by": closed_by, "now": now}
        version = await self._session.scalar(CLOSE, values)
        return None if version is None else int(version)

    async def page_received(self, user_id: UUID, now: datetime, after: UUID | None, rows: int) -> list[AnyRow]:
        """What waits for a person whose address is proved, newest first."""
        values = {"user_id": user_id, "now": now, "after": after, "rows": rows}
        return list(await self._session.execute(RECEIVED, values))

    async def count_received(self, user_id: UUID, now: datetime) -> int:
        return int(await self._session.scalar(COUNT_RECEIVED, {"user_id": user_id, "now": now}) or 0)

    async def list_mails(self, ids: list[UUID], now: datetime) -> list[AnyRow]:
        return list(await self._session.execute(MAILS, {"ids": ids, "now": now}))

    async def get_person(self, user_id: UUID) -> AnyRow:
        return (await self._session.execute(PERSON, {"id": user_id})).one()

    async def find_tenant(self, invitation_id: UUID, email_key: str) -> UUID | None:
        """The organisation that invited this address by that invitation."""
        values = {"id": invitation_id, "email_key": email_key}
        value: UUID | None = await self._session.scalar(TENANT_OF, values)
        return value

    async def list_due(self, now: datetime, rows: int) -> list[UUID]:
        """Those whose time has run out."""
        return list(await self._session.scalars(DUE, {"now": now, "rows": rows}))

    async def lock_due(self, invitation_id: UUID, now: datetime) -> AnyRow | None:
        """One whose time has run out, locked; another worker's is left to it."""
        return (await self._session.execute(LOCK_DUE, {"id": invitation_id, "now": now})).one_or_none()
