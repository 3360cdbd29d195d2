"""SQL about people's own public keys. A person sees their own alone, so every read takes the owner."""

from datetime import datetime
from uuid import UUID

from psycopg.errors import UniqueViolation
from sqlalchemy import Row, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.domains.releases.contracts import KeyId, KeyView
from app.domains.releases.errors import KeyKnown, KeyNameTaken
from app.shared.errors import NotFound

COLUMNS = """
    k.id, k.owner_id, k.name, k.algorithm, k.bits, k.public_key, k.fingerprint, k.created_at, k.last_used_at, k.version,
    (SELECT count(*) FROM releases.key_attachments a WHERE a.key_id = k.id AND a.wanted) AS machines
"""
INSERT = text("""
    INSERT INTO releases.user_ssh_keys (id, owner_id, name, algorithm, bits, public_key, fingerprint, created_at)
    VALUES (:id, :owner_id, :name, :algorithm, :bits, :public_key, :fingerprint, :created_at)
""")
LIST = text(
    "SELECT" + COLUMNS + "FROM releases.user_ssh_keys k"
    " WHERE k.owner_id = :owner_id AND k.revoked_at IS NULL ORDER BY k.created_at, k.id LIMIT 200"
)
ONE = text(
    "SELECT" + COLUMNS + "FROM releases.user_ssh_keys k"
    " WHERE k.id = :id AND k.owner_id = :owner_id AND k.revoked_at IS NULL"
)
LOCK = text("""
    SELECT id FROM releases.user_ssh_keys WHERE id = :id AND owner_id = :owner_id AND revoked_at IS NULL FOR UPDATE
""")
COUNT = text("SELECT count(*) FROM releases.user_ssh_keys WHERE owner_id = :owner_id AND revoked_at IS NULL")
LOCK_OWNER = text("SELECT pg_advisory_xact_lock(hashtext('releases.user_ssh_keys'), hashtext(CAST(:owner_id AS text)))")
RENAME = text("UPDATE releases.user_ssh_keys SET name = :name, version = version + 1 WHERE id = :id")
REVOKE = text("UPDATE releases.user_ssh_keys SET revoked_at = :now, version = version + 1 WHERE id = :id")
USED = text("""
    UPDATE releases.user_ssh_keys SET last_used_at = greatest(last_used_at, :at)
    WHERE owner_id = :owner_id AND fingerprint = :fingerprint AND revoked_at IS NULL
""")


class KeyRepository:
    """Bound to one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def append_key(self, key: KeyView) -> None:
        """Raises KeyKnown, KeyNameTaken."""
        values = {
            "id": key.id,
            "owner_id": key.owner_id,
            "name": key.name,
            "algorithm": key.algorithm,
            "bits": key.bits,
            "public_key": key.public_key,
            "fingerprint": key.fingerprint,
            "created_at": key.created_at,
        }
        await self._unique(INSERT, values)

    async def list_keys(self, owner_id: UUID) -> list[KeyView]:
        """Oldest first; at most 200."""
        return [_view(row) for row in await self._session.execute(LIST, {"owner_id": owner_id})]

    async def count_keys(self, owner_id: UUID) -> int:
        """Locks the owner's list until the end of the transaction, so that two at once are counted."""
        await self._session.execute(LOCK_OWNER, {"owner_id": owner_id})
        return int(await self._session.scalar(COUNT, {"owner_id": owner_id}) or 0)

    async def get_key(self, owner_id: UUID, key_id: UUID, *, lock: bool = False) -> KeyView:
        """Raises NotFound also for what belongs to somebody else."""
        place = {"id": key_id, "owner_id": owner_id}
        if lock:
            await self._session.execute(LOCK, place)
        row = (await self._session.execute(ONE, place)).one_or_none()
        if row is None:
            raise NotFound()
        return _view(row)

    async def rename_key(self, key_id: UUID, name: str) -> None:
        """Raises KeyNameTaken."""
        await self._unique(RENAME, {"id": key_id, "name": name})

    async def revoke_key(self, key_id: UUID, now: datetime) -> None:
        await self._session.execute(REVOKE, {"id": key_id, "now": now})

    async def note_use(self, owner_id: UUID, fingerprint: str, at: datetime) -> None:
        """The key was used then; an older use changes nothing."""
        await self._session.execute(USED, {"owner_id": owner_id, "fingerprint": fingerprint, "at": at})

    async def _unique(self, statement: object, values: dict[str, object]) -> None:
        try:
            async with self._session.begin_nested():
                await self._session.execute(statement, values)  # type: ignore[call-overload]  # one of the texts above
        except IntegrityError as error:
            if not isinstance(error.orig, UniqueViolation):
                raise
            if error.orig.diag.constraint_name == "user_ssh_keys_name":
                raise KeyNameTaken(name=str(values["name"])) from error
            raise KeyKnown() from error


def _view(row: Row[tuple[object, ...]]) -> KeyView:
    return KeyView(**{**row._mapping, "id": KeyId(row.id)})
