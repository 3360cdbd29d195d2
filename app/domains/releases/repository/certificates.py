"""SQL about certified keys. Public keys only: a private one has never been here."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domains.releases.contracts import AllocationPlace, CertificateView, CertifyUser, SignedKey, SshCredential

INSERT = text("""
    INSERT INTO releases.allocation_ssh_public_keys (serial, tenant_id, project_id, allocation_id, user_id, login,
                                                     principal, purpose, public_key, valid_from, valid_to, created_at)
    VALUES (:serial, :tenant_id, :project_id, :allocation_id, :user_id, :login, :principal, :purpose, :public_key,
            :valid_from, :valid_to, :now)
""")
ENTERED = text("""
    SELECT EXISTS (SELECT FROM releases.allocation_ssh_public_keys
                   WHERE allocation_id = ANY(:allocation_ids) AND purpose <> 'probe')
""")
ENTRIES = text("""
    SELECT DISTINCT allocation_id, project_id FROM releases.allocation_ssh_public_keys
    WHERE tenant_id = :tenant_id AND user_id = :user_id AND purpose = 'command_line'
      AND (CAST(:project_id AS uuid) IS NULL OR project_id = :project_id)
""")
SERIALS = text("""
    SELECT serial, valid_to FROM releases.allocation_ssh_public_keys
    WHERE tenant_id = :tenant_id AND allocation_id = :allocation_id AND user_id = :user_id AND purpose = 'command_line'
    ORDER BY created_at DESC
""")


class CertificateRepository:
    """Bound to one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def append_certificate(
        self, command: CertifyUser, credential: SshCredential | SignedKey, principal: str, now: datetime
    ) -> None:
        values = {
            "serial": credential.serial,
            "tenant_id": command.tenant_id,
            "project_id": command.project_id,
            "allocation_id": command.allocation_id,
            "user_id": command.user_id,
            "login": command.login,
            "principal": principal,
            "purpose": command.purpose,
            "public_key": credential.public_key,
            "valid_from": credential.valid_from,
            "valid_to": credential.valid_to,
            "now": now,
        }
        await self._session.execute(INSERT, values)

    async def list_entries(
        self, user_id: UUID, tenant_id: UUID, project_id: UUID | None
    ) -> list[Row[tuple[object, ...]]]:
        """Allocations (with their project) that the person ever got a certificate for their own key for."""
        values = {"user_id": user_id, "tenant_id": tenant_id, "project_id": project_id}
        return list(await self._session.execute(ENTRIES, values))

    async def list_serials(self, place: AllocationPlace, user_id: UUID) -> list[CertificateView]:
        """Every certificate for the person's own keys on that allocation, the newest first."""
        values = {"tenant_id": place.tenant_id, "allocation_id": place.allocation_id, "user_id": user_id}
        rows = await self._session.execute(SERIALS, values)
        return [CertificateView(serial=row.serial, valid_to=row.valid_to) for row in rows]

    async def has_entered(self, allocation_ids: Sequence[UUID]) -> bool:
        """Whether a person was ever given a way into one of these machines."""
        return bool(await self._session.scalar(ENTERED, {"allocation_ids": list(allocation_ids)}))
