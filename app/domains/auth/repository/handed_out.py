"""SQL about what members handed out and answer for: credentials and service accounts, invitations."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

CREDENTIALS = text("""
    SELECT c.id, c.created_by AS sponsor_id, a.id AS account_id, a.tenant_id
    FROM auth.service_account_credentials c JOIN auth.service_accounts a ON a.id = c.service_account_id
    WHERE c.revoked_at IS NULL AND a.disabled_at IS NULL ORDER BY c.id FOR UPDATE OF c SKIP LOCKED
""")
REVOKE = text("UPDATE auth.service_account_credentials SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL")
ACCOUNTS = text("""
    SELECT id, sponsor_id, tenant_id, unsponsored_at FROM auth.service_accounts
    WHERE disabled_at IS NULL ORDER BY id FOR UPDATE SKIP LOCKED
""")
MARK = text("UPDATE auth.service_accounts SET unsponsored_at = :at, version = version + 1 WHERE id = :id")
PENDING = text("""
    SELECT id, tenant_id, project_id, role, invited_by FROM auth.invitations
    WHERE state = 'pending' AND expires_at > :now ORDER BY id FOR UPDATE SKIP LOCKED
""")

AnyRow = Row[tuple[object, ...]]


class HandedOutRepository:
    """Bound to one unit of work, for our own watch. What somebody else has locked is left to the next turn."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lock_credentials(self) -> list[AnyRow]:
        return list(await self._session.execute(CREDENTIALS))

    async def revoke_credential(self, credential_id: UUID, now: datetime) -> None:
        await self._session.execute(REVOKE, {"id": credential_id, "now": now})

    async def lock_accounts(self) -> list[AnyRow]:
        return list(await self._session.execute(ACCOUNTS))

    async def mark_account(self, account_id: UUID, at: datetime | None) -> None:
        """Since when nobody answers for it; None: somebody does."""
        await self._session.execute(MARK, {"id": account_id, "at": at})

    async def lock_pending(self, now: datetime) -> list[AnyRow]:
        return list(await self._session.execute(PENDING, {"now": now}))
