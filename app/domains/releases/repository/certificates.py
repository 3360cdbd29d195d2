"""SQL about certified keys. Public keys only: a private one has never been here."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Row, text

from app.domains.releases.contracts import CertificateView, CertifyUser, Concerned, SignedKey, SshCredential
from app.domains.releases.rules import entry_claim
from app.shared.authz.rights import Claim
from app.shared.db.repository import Repository

INSERT = text("""
    INSERT INTO releases.allocation_ssh_public_keys (serial, tenant_id, project_id, allocation_id, user_id, login,
                                                     principal, purpose, public_key, valid_from, valid_to, session_id,
                                                     created_at)
    VALUES (:serial, :tenant_id, :project_id, :allocation_id, :user_id, :login, :principal, :purpose, :public_key,
            :valid_from, :valid_to, :session_id, :now)
""")
ENTERED = text("""
    SELECT EXISTS (SELECT FROM releases.allocation_ssh_public_keys
                   WHERE allocation_id = ANY(:allocation_ids) AND purpose <> 'probe')
""")
HELD = text("""
    SELECT DISTINCT user_id, tenant_id, project_id, session_id FROM releases.allocation_ssh_public_keys
    WHERE purpose = 'command_line' AND ended_at IS NULL AND user_id IS NOT NULL
      AND (CAST(:principal_id AS uuid) IS NULL OR user_id = :principal_id)
      AND (CAST(:tenant_id AS uuid) IS NULL OR tenant_id = :tenant_id)
      AND (CAST(:session_id AS uuid) IS NULL OR session_id = :session_id)
""")
END_CLAIM = text("""
    UPDATE releases.allocation_ssh_public_keys SET ended_at = :now, ended_code = :code
    WHERE purpose = 'command_line' AND ended_at IS NULL AND user_id = :user_id AND tenant_id = :tenant_id
      AND project_id = :project_id AND session_id IS NOT DISTINCT FROM CAST(:session_id AS uuid)
    RETURNING allocation_id
""")
END_KEY = text("""
    UPDATE releases.allocation_ssh_public_keys SET ended_at = :now, ended_code = 'key_deleted'
    WHERE purpose = 'command_line' AND ended_at IS NULL AND user_id = :user_id AND public_key = :public_key
    RETURNING allocation_id, tenant_id, project_id
""")
END_ON_MACHINE = text("""
    UPDATE releases.allocation_ssh_public_keys
    SET ended_at = coalesce(ended_at, :now), ended_code = coalesce(ended_code, 'machine_released'), refused_at = :now
    WHERE allocation_id = :allocation_id AND purpose = 'command_line' AND refused_at IS NULL
""")
ENDING = text("""
    SELECT serial, valid_to FROM releases.allocation_ssh_public_keys
    WHERE allocation_id = :allocation_id AND ended_at IS NOT NULL AND refused_at IS NULL ORDER BY serial
""")
REFUSED = text("""
    UPDATE releases.allocation_ssh_public_keys SET refused_at = :now
    WHERE allocation_id = :allocation_id AND serial = ANY(:serials) AND ended_at IS NOT NULL
""")
LATE = text("""
    SELECT DISTINCT allocation_id FROM releases.allocation_ssh_public_keys
    WHERE ended_at < :before AND refused_at IS NULL LIMIT 200
""")


class CertificateRepository(Repository):
    """Bound to one unit of work."""

    async def append_certificate(
        self, command: CertifyUser, credential: SshCredential | SignedKey, principal: str, now: datetime
    ) -> None:
        values = {
            "serial": credential.serial,
            "tenant_id": command.machine.tenant_id,
            "project_id": command.machine.project_id,
            "allocation_id": command.machine.allocation_id,
            "user_id": command.user_id,
            "login": command.machine.login,
            "principal": principal,
            "purpose": command.purpose,
            "public_key": credential.public_key,
            "valid_from": credential.valid_from,
            "valid_to": credential.valid_to,
            "session_id": command.session_id,
            "now": now,
        }
        await self._session.execute(INSERT, values)

    async def list_held(self, concerned: Concerned) -> set[Claim]:
        """The rights by which certificates for people's own keys opened machines."""
        rows = await self._session.execute(HELD, msgspec.structs.asdict(concerned))
        return {entry_claim(row.user_id, row.tenant_id, row.project_id, row.session_id) for row in rows}

    async def end_claim(self, claim: Claim, code: str, now: datetime) -> set[UUID]:
        """End the certificates that hang on that right. Answers for which machines they were."""
        values = {
            "user_id": claim.principal_id,
            "tenant_id": claim.tenant_id,
            "project_id": claim.project_id,
            "session_id": claim.session_id,
            "code": code,
            "now": now,
        }
        return set(await self._session.scalars(END_CLAIM, values))

    async def end_key(self, user_id: UUID, public_key: str, now: datetime) -> list[Row[tuple[object, ...]]]:
        """End the certificates of a key. Answers the places."""
        values = {"user_id": user_id, "public_key": public_key, "now": now}
        return list(await self._session.execute(END_KEY, values))

    async def end_on_machine(self, allocation_id: UUID, now: datetime) -> None:
        """The machine is given back: nothing is left to refuse."""
        await self._session.execute(END_ON_MACHINE, {"allocation_id": allocation_id, "now": now})

    async def list_ending(self, allocation_id: UUID) -> list[CertificateView]:
        """Those that ended and that the machine is not known to refuse yet."""
        return await self._list_views(CertificateView, ENDING, allocation_id=allocation_id)

    async def note_refused(self, allocation_id: UUID, serials: Sequence[int], now: datetime) -> None:
        await self._session.execute(REFUSED, {"allocation_id": allocation_id, "serials": list(serials), "now": now})

    async def list_late(self, before: datetime) -> list[UUID]:
        """Allocations whose machine should have refused some of them before that instant."""
        return list(await self._session.scalars(LATE, {"before": before}))

    async def has_entered(self, allocation_ids: Sequence[UUID]) -> bool:
        """Whether a person was ever given a way into one of these machines."""
        return bool(await self._session.scalar(ENTERED, {"allocation_ids": list(allocation_ids)}))
