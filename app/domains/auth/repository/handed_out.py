"""What members handed out and answer for: credentials and service accounts, invitations."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, bindparam, select, text, update

from app.domains.auth.models import Invitation, ServiceAccount, ServiceAccountCredential, Tenant
from app.shared.db.repository import Repository

CREDENTIALS = text("""
    SELECT c.id, c.created_by AS sponsor_id, a.id AS account_id, a.tenant_id
    FROM auth.service_account_credentials c JOIN auth.service_accounts a ON a.id = c.service_account_id
    WHERE c.revoked_at IS NULL AND a.disabled_at IS NULL
""")
ACCOUNTS = select(ServiceAccount).where(ServiceAccount.disabled_at.is_(None))
MARK = text("""
    UPDATE auth.service_accounts SET unsponsored_at = :at, version = version + 1
    WHERE id = :id AND disabled_at IS NULL AND (unsponsored_at IS NULL) = (CAST(:at AS timestamptz) IS NOT NULL)
    RETURNING id
""")
PENDING = (
    select(Invitation)
    .join(Tenant, Tenant.id == Invitation.tenant_id)
    .where(Invitation.state == "pending", Invitation.expires_at > bindparam("now"), Tenant.suspended_at.is_(None))
)

AnyRow = Row[tuple[object, ...]]


class HandedOutRepository(Repository):
    """For our own watch."""

    async def list_credentials(self) -> list[AnyRow]:
        return list(await self._session.execute(CREDENTIALS))

    async def revoke_credential(self, credential_id: UUID, now: datetime) -> bool:
        """Whether that changed anything."""
        valid = update(ServiceAccountCredential).where(
            ServiceAccountCredential.id == credential_id, ServiceAccountCredential.revoked_at.is_(None)
        )
        revoked = valid.values(revoked_at=now).returning(ServiceAccountCredential.id)
        return await self._session.scalar(revoked) is not None

    async def list_accounts(self) -> list[ServiceAccount]:
        return await self._list(ACCOUNTS)

    async def mark_account(self, account_id: UUID, at: datetime | None) -> bool:
        """Since when nobody answers for it; None: somebody does. Whether that changed anything."""
        return await self._session.scalar(MARK, {"id": account_id, "at": at}) is not None

    async def list_pending(self, now: datetime) -> list[Invitation]:
        return await self._list(PENDING, now=now)
