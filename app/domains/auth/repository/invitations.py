"""Invitations: those that an organisation sent, and those that wait for a person."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, bindparam, select, text, update

from app.domains.auth.models import Invitation
from app.domains.auth.rules.values import InvitationQuery
from app.shared.authz import TenantScope
from app.shared.db.repository import Repository

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
LOCK = (
    select(Invitation)
    .where(Invitation.id == bindparam("id"), text("(CAST(:tenant_id AS uuid) IS NULL OR tenant_id = :tenant_id)"))
    .with_for_update()
)
PENDING = select(Invitation).where(Invitation.state == "pending")
PENDING_AT = PENDING.where(
    Invitation.tenant_id == bindparam("tenant_id"),
    text("project_id IS NOT DISTINCT FROM CAST(:project_id AS uuid)"),
    Invitation.email_key == bindparam("email_key"),
).with_for_update()
LOCK_DUE = PENDING.where(Invitation.id == bindparam("id"), Invitation.expires_at <= bindparam("now")).with_for_update(
    skip_locked=True
)
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

AnyRow = Row[tuple[object, ...]]


class InvitationRepository(Repository):
    """Invitations, of those who send and of those who get them."""

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

    async def lock(self, invitation_id: UUID, scope: TenantScope | None = None) -> Invitation | None:
        """One invitation, of that organisation when a scope is given; without, the caller compares the address."""
        return await self._find(LOCK, id=invitation_id, tenant_id=scope.tenant_id if scope else None)

    async def lock_pending(self, scope: TenantScope, project_id: UUID | None, email_key: str) -> Invitation | None:
        return await self._find(PENDING_AT, tenant_id=scope.tenant_id, project_id=project_id, email_key=email_key)

    async def count_pending(self, scope: TenantScope) -> int:
        return await self._rows(Invitation).count(
            Invitation.tenant_id == scope.tenant_id, Invitation.state == "pending"
        )

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
        invitation = Invitation(
            id=invitation_id,
            tenant_id=scope.tenant_id,
            project_id=project_id,
            email=address[0],
            email_key=address[1],
            role=role,
            state="pending",
            invited_by=invited_by,
            created_at=now,
            sent_at=now,
            expires_at=expires_at,
        )
        await self._rows(Invitation).add(invitation)

    async def send_again(
        self, invitation_id: UUID, role: str, invited_by: UUID, now: datetime, expires_at: datetime
    ) -> int:
        """Whoever sends it again has invited. The new version."""
        again = update(Invitation).where(Invitation.id == invitation_id)
        again = again.values(
            role=role,
            invited_by=invited_by,
            sent_at=now,
            sent_count=Invitation.sent_count + 1,
            expires_at=expires_at,
            version=Invitation.version + 1,
        )
        return (await self._session.execute(again.returning(Invitation.version))).scalar_one()

    async def close(self, invitation_id: UUID, state: str, closed_by: UUID | None, now: datetime) -> int | None:
        """The new version; None when it was closed already."""
        open_ = update(Invitation).where(Invitation.id == invitation_id, Invitation.state == "pending")
        closed = open_.values(state=state, closed_at=now, closed_by=closed_by, version=Invitation.version + 1)
        return (await self._session.execute(closed.returning(Invitation.version))).scalar_one_or_none()

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

    async def lock_due(self, invitation_id: UUID, now: datetime) -> Invitation | None:
        """One whose time has run out, locked; another worker's is left to it."""
        return await self._find(LOCK_DUE, id=invitation_id, now=now)
