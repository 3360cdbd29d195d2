"""SQL about certified keys. Public keys only: a private one has never been here."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domains.releases.contracts import CertifyUser, SignedKey, SshCredential

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

    async def has_entered(self, allocation_ids: Sequence[UUID]) -> bool:
        """Whether a person was ever given a way into one of these machines."""
        return bool(await self._session.scalar(ENTERED, {"allocation_ids": list(allocation_ids)}))
