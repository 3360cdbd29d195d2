"""SQL about which key is to open which allocation's machine, and how far that is."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, text

from app.domains.provisioning.contracts import MachineLogin
from app.domains.releases.contracts import AttachmentView, Concerned, WantedKey
from app.domains.releases.rules import entry_claim
from app.shared.authz.rights import Claim
from app.shared.db.repository import Repository

VIEW = """
    SELECT a.allocation_id, a.key_id, a.owner_id, k.name, k.algorithm, k.bits, k.fingerprint, a.state, a.detail,
           a.tries, a.changed_at, a.attached_at, a.last_used_at
    FROM releases.key_attachments a JOIN releases.user_ssh_keys k ON k.id = a.key_id
"""
ATTACH = text("""
    INSERT INTO releases.key_attachments (allocation_id, key_id, tenant_id, project_id, owner_id, login, wanted, state,
                                          changed_at)
    VALUES (:allocation_id, :key_id, :tenant_id, :project_id, :owner_id, :login, true, 'pending', :now)
    ON CONFLICT (allocation_id, key_id) DO UPDATE
    SET wanted = true, state = 'pending', detail = '', tries = 0, changed_at = :now, login = :login
    WHERE NOT releases.key_attachments.wanted
    RETURNING key_id
""")
DETACH = text("""
    UPDATE releases.key_attachments SET wanted = false, state = 'detaching', detail = '', tries = 0, changed_at = :now
    WHERE allocation_id = :allocation_id AND key_id = :key_id AND wanted RETURNING allocation_id
""")
DETACH_KEY = text("""
    UPDATE releases.key_attachments SET wanted = false, state = 'detaching', detail = '', tries = 0, changed_at = :now
    WHERE key_id = :key_id AND wanted RETURNING allocation_id, tenant_id, project_id
""")
DETACH_PERSON = text("""
    UPDATE releases.key_attachments SET wanted = false, state = 'detaching', detail = '', tries = 0, changed_at = :now
    WHERE owner_id = :owner_id AND tenant_id = :tenant_id AND wanted
      AND project_id = ANY(:project_ids)
    RETURNING allocation_id, tenant_id, project_id
""")
HELD = text("""
    SELECT DISTINCT owner_id, tenant_id, project_id FROM releases.key_attachments
    WHERE wanted AND (CAST(:principal_id AS uuid) IS NULL OR owner_id = :principal_id)
      AND (CAST(:tenant_id AS uuid) IS NULL OR tenant_id = :tenant_id)
""")
LIST = text(VIEW + " WHERE a.allocation_id = :allocation_id AND a.state <> 'detached' ORDER BY a.changed_at, a.key_id")
WANTED = text("""
    SELECT a.key_id, k.public_key FROM releases.key_attachments a JOIN releases.user_ssh_keys k ON k.id = a.key_id
    WHERE a.allocation_id = :allocation_id AND a.wanted AND k.revoked_at IS NULL ORDER BY a.key_id
""")
COUNT = text("SELECT count(*) FROM releases.key_attachments WHERE allocation_id = :allocation_id AND wanted")
LOCK_ATTACHMENT = text("""
    SELECT pg_advisory_xact_lock(hashtext('releases.key_attachments'), hashtext(CAST(:allocation_id AS text)))
""")
ARRIVED = text("""
    UPDATE releases.key_attachments
    SET state = 'attached', detail = '', attached_at = :now, changed_at = :now
    WHERE allocation_id = :allocation_id AND wanted AND state <> 'attached' AND key_id = ANY(:applied)
    RETURNING key_id
""")
GONE = text("""
    UPDATE releases.key_attachments SET state = 'detached', detail = '', changed_at = :now
    WHERE allocation_id = :allocation_id AND NOT wanted AND state <> 'detached' AND NOT key_id = ANY(:applied)
    RETURNING key_id
""")
FAILED = text("""
    UPDATE releases.key_attachments
    SET state = CASE WHEN wanted THEN 'failed' ELSE state END, detail = :detail, tries = tries + 1, changed_at = :now
    WHERE allocation_id = :allocation_id AND state IN ('pending', 'failed', 'detaching')
    RETURNING tries
""")
END = text("""
    UPDATE releases.key_attachments SET wanted = false, state = 'detached', detail = '', changed_at = :now
    WHERE allocation_id = :allocation_id AND state <> 'detached' RETURNING key_id
""")
OPEN = text("""
    SELECT DISTINCT allocation_id FROM releases.key_attachments
    WHERE state IN ('pending', 'failed', 'detaching') AND changed_at < :before LIMIT 200
""")
ATTACHED = text("""
    SELECT allocation_id FROM releases.key_attachments WHERE state = 'attached'
    GROUP BY allocation_id ORDER BY allocation_id LIMIT 500
""")
USED = text("""
    UPDATE releases.key_attachments a SET last_used_at = greatest(a.last_used_at, :at)
    FROM releases.user_ssh_keys k
    WHERE k.id = a.key_id AND a.allocation_id = :allocation_id AND k.fingerprint = :fingerprint
      AND date_trunc('second', a.attached_at) <= :at  -- the log of sshd counts whole seconds
      AND (a.last_used_at IS NULL OR a.last_used_at < :at)
    RETURNING a.owner_id
""")


class AttachmentRepository(Repository):
    """Bound to one unit of work."""

    async def count_wanted(self, allocation_id: UUID) -> int:
        """Locks the allocation's list until the end of the transaction, so that two at once are counted."""
        await self._session.execute(LOCK_ATTACHMENT, {"allocation_id": allocation_id})
        return int(await self._session.scalar(COUNT, {"allocation_id": allocation_id}) or 0)

    async def attach(self, machine: MachineLogin, owner_id: UUID, key_id: UUID, now: datetime) -> bool:
        """Whether anything changed."""
        values = {
            "allocation_id": machine.allocation_id,
            "key_id": key_id,
            "tenant_id": machine.tenant_id,
            "project_id": machine.project_id,
            "owner_id": owner_id,
            "login": machine.login,
            "now": now,
        }
        return await self._session.scalar(ATTACH, values) is not None

    async def detach(self, allocation_id: UUID, key_id: UUID, now: datetime) -> bool:
        """Whether anything changed."""
        values = {"allocation_id": allocation_id, "key_id": key_id, "now": now}
        return await self._session.scalar(DETACH, values) is not None

    async def detach_key(self, key_id: UUID, now: datetime) -> list[Row[tuple[object, ...]]]:
        """From every machine; answers the places."""
        return list(await self._session.execute(DETACH_KEY, {"key_id": key_id, "now": now}))

    async def list_held(self, concerned: Concerned) -> set[Claim]:
        """The rights by which keys open machines."""
        values = {"principal_id": concerned.principal_id, "tenant_id": concerned.tenant_id}
        rows = await self._session.execute(HELD, values)
        return {entry_claim(row.owner_id, row.tenant_id, row.project_id) for row in rows}

    async def detach_person(
        self, owner_id: UUID, tenant_id: UUID, project_ids: Sequence[UUID], now: datetime
    ) -> list[Row[tuple[object, ...]]]:
        """All keys of a person from the machines of these projects of an organisation."""
        values = {"owner_id": owner_id, "tenant_id": tenant_id, "project_ids": list(project_ids), "now": now}
        return list(await self._session.execute(DETACH_PERSON, values))

    async def list_attachments(self, allocation_id: UUID) -> list[AttachmentView]:
        return await self._list_views(AttachmentView, LIST, allocation_id=allocation_id)

    async def list_wanted(self, allocation_id: UUID) -> list[WantedKey]:
        return await self._list_views(WantedKey, WANTED, allocation_id=allocation_id)

    async def settle(self, allocation_id: UUID, applied: Sequence[UUID], now: datetime) -> bool:
        """The machine takes exactly these keys now. Whether that moved anything."""
        values = {"allocation_id": allocation_id, "applied": list(applied), "now": now}
        arrived = list(await self._session.execute(ARRIVED, values))
        return bool(list(await self._session.execute(GONE, values)) or arrived)

    async def note_failure(self, allocation_id: UUID, detail: str, now: datetime) -> int:
        """What is still to be done was tried in vain. The tries so far; 0 when nothing is to be done."""
        values = {"allocation_id": allocation_id, "detail": detail, "now": now}
        return max((int(tries) for tries in await self._session.scalars(FAILED, values)), default=0)

    async def end(self, allocation_id: UUID, now: datetime) -> bool:
        """The allocation is over: no key opens it."""
        return bool(list(await self._session.execute(END, {"allocation_id": allocation_id, "now": now})))

    async def list_open(self, before: datetime) -> list[UUID]:
        """Allocations where something is still to be done since before that instant."""
        return list(await self._session.scalars(OPEN, {"before": before}))

    async def list_attached(self) -> list[UUID]:
        """Allocations that some key opens; at most 500."""
        return list(await self._session.scalars(ATTACHED))

    async def note_use(self, allocation_id: UUID, fingerprint: str, at: datetime) -> list[UUID]:
        """The machine let a key in then. Whose key it was, when that is news."""
        values = {"allocation_id": allocation_id, "fingerprint": fingerprint, "at": at}
        return list(await self._session.scalars(USED, values))
