"""SQL about what members handed out and answer for: credentials and service accounts, invitations."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

CREDENTIALS = text("""
    SELECT c.id, c.created_by AS sponsor_id, a.id AS account_id, a.tenant_id
    FROM auth.service_account_credentials c JOIN auth.service_accounts a ON a.id = c.service_account_id
    WHERE c.revoked_at IS NULL AND a.disabled_at IS NULL
""")
REVOKE = text(
    "UPDATE auth.service_account_credentials SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL RETURNING id"
)
ACCOUNTS = text("""
    SELECT id, sponsor_id, tenant_id, unsponsored_at FROM auth.service_accounts WHERE disabled_at IS NULL
""")
MARK = text("""
    UPDATE auth.service_accounts SET unsponsored_at = :at, version = version + 1
    WHERE id = :id AND disabled_at IS NULL AND (unsponsored_at IS NULL) = (CAST(:at AS timestamptz) IS NOT NULL)
    RETURNING id
""")
PENDING = text("""
    SELECT i.id, i.tenant_id, i.project_id, i.role, i.invited_by
    FROM auth.invitations i JOIN auth.tenants t ON t.id = i.tenant_id
    WHERE i.state = 'pending' AND i.expires_at > :now AND t.suspended_at IS NULL
""")

AnyRow = Row[tuple[object, ...]]


class HandedOutRepository:
    """Bound to one unit of work, for our own watch."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list_credentials(self) -> list[AnyRow]:
        return list(await self._session.execute(CREDENTIALS))

    async def revoke_credential(self, credential_id: UUID, now: datetime) -> bool:
        """Whether that changed anything."""
        return await self._session.scalar(REVOKE, {"id": credential_id, "now": now}) is not None

    async def list_accounts(self) -> list[AnyRow]:
        return list(await self._session.execute(ACCOUNTS))

    async def mark_account(self, account_id: UUID, at: datetime | None) -> bool:
        """Since when nobody answers for it; None: somebody does. Whether that changed anything."""
        return await self._session.scalar(MARK, {"id": account_id, "at": at}) is not None

    async def list_pending(self, now: datetime) -> list[AnyRow]:
        return list(await self._session.execute(PENDING, {"now": now}))
