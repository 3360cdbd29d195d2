"""SQL of one question: what is true now of principals, organisations, sign-ins and views."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, text

from app.shared.db.repository import Repository

# Of service accounts also those who answer for them.
PRINCIPALS = text("""
    WITH asked AS (
        SELECT unnest(CAST(:ids AS uuid[])) AS id
        UNION SELECT sponsor_id FROM auth.service_accounts WHERE id = ANY(:ids)
    )
    SELECT u.id, 'user' AS kind, u.suspended_at IS NOT NULL AS ended, CAST(NULL AS uuid) AS sponsor_id
    FROM auth.users u JOIN asked USING (id)
    UNION ALL
    SELECT a.id, 'service_account', a.disabled_at IS NOT NULL, a.sponsor_id
    FROM auth.service_accounts a JOIN asked USING (id)
""")
BINDINGS = text("""
    SELECT user_id AS holder, role, tenant_id, project_id FROM auth.memberships WHERE user_id = ANY(:ids)
    UNION ALL
    SELECT service_account_id, role, tenant_id, project_id FROM auth.memberships WHERE service_account_id = ANY(:ids)
""")
SUSPENDED = text("SELECT id FROM auth.tenants WHERE id = ANY(:ids) AND suspended_at IS NOT NULL")
OVER = text("""
    SELECT s.id, CASE WHEN u.suspended_at IS NOT NULL THEN 'suspended'
                      WHEN s.revoked_at IS NOT NULL THEN coalesce(s.revoked_reason, 'revoked') ELSE 'expired' END AS why
    FROM auth.oidc_sessions s JOIN auth.users u ON u.id = s.user_id
    WHERE s.id = ANY(:ids) AND (s.revoked_at IS NOT NULL OR s.expires_at <= :now OR u.suspended_at IS NOT NULL)
    UNION ALL
    SELECT t.id, CASE WHEN coalesce(t.revoked_at, c.revoked_at) IS NULL THEN 'expired' ELSE 'revoked' END
    FROM auth.service_account_tokens t JOIN auth.service_account_credentials c ON c.id = t.credential_id
    WHERE t.id = ANY(:ids) AND (t.revoked_at IS NOT NULL OR c.revoked_at IS NOT NULL OR t.expires_at <= :now)
""")
VIEWS = text("SELECT id FROM auth.views_as WHERE id = ANY(:ids) AND ended_at IS NULL AND expires_at > :now")

AnyRow = Row[tuple[object, ...]]


class RightsRepository(Repository):
    """Bound to one unit of work. Reads only."""

    async def list_principals(self, ids: Sequence[UUID]) -> list[AnyRow]:
        """People and service accounts, and the sponsors of the latter."""
        return list(await self._session.execute(PRINCIPALS, {"ids": list(ids)}))

    async def list_bindings(self, ids: Sequence[UUID]) -> list[AnyRow]:
        return list(await self._session.execute(BINDINGS, {"ids": list(ids)}))

    async def list_suspended(self, tenant_ids: Sequence[UUID]) -> list[UUID]:
        return list(await self._session.scalars(SUSPENDED, {"ids": list(tenant_ids)}))

    async def list_over(self, session_ids: Sequence[UUID], now: datetime) -> dict[UUID, str]:
        """Sign-ins and tokens that are over, each with why."""
        rows = await self._session.execute(OVER, {"ids": list(session_ids), "now": now})
        return {row.id: row.why for row in rows}

    async def list_open_views(self, view_ids: Sequence[UUID], now: datetime) -> list[UUID]:
        return list(await self._session.scalars(VIEWS, {"ids": list(view_ids), "now": now}))
