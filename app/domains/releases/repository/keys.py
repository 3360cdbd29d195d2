"""People's own public keys. A person sees their own alone, so every read takes the owner."""

from collections.abc import Awaitable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from psycopg.errors import UniqueViolation
from sqlalchemy import bindparam, func, select, text, update
from sqlalchemy.exc import IntegrityError

from app.domains.releases.contracts import KeyView
from app.domains.releases.errors import KeyKnown, KeyNameTaken
from app.domains.releases.models import KeyAttachment, UserSshKey
from app.shared.db.repository import Repository, columns
from app.shared.errors import NotFound

MACHINES = select(func.count()).where(KeyAttachment.key_id == UserSshKey.id, KeyAttachment.wanted).scalar_subquery()
KEYS = select(*columns(KeyView, UserSshKey, machines=MACHINES)).where(
    UserSshKey.owner_id == bindparam("owner_id"), UserSshKey.revoked_at.is_(None)
)
LIST = KEYS.order_by(UserSshKey.created_at, UserSshKey.id).limit(200)
ONE = KEYS.where(UserSshKey.id == bindparam("id"))
LOCK = ONE.with_for_update(of=UserSshKey)
LOCK_OWNER = text("SELECT pg_advisory_xact_lock(hashtext('releases.user_ssh_keys'), hashtext(CAST(:owner_id AS text)))")
USED = text("""
    UPDATE releases.user_ssh_keys SET last_used_at = greatest(last_used_at, :at)
    WHERE owner_id = :owner_id AND fingerprint = :fingerprint AND revoked_at IS NULL
""")


T = TypeVar("T")


class KeyRepository(Repository):
    """Registered keys; a revoked one is not there any more."""

    async def append_key(self, key: UserSshKey) -> UserSshKey:
        """Raises KeyKnown, KeyNameTaken."""
        return await self._unique(key.name, self._rows(UserSshKey).add(key))

    async def list_keys(self, owner_id: UUID) -> list[KeyView]:
        """Oldest first; at most 200."""
        return await self._list_views(KeyView, LIST, owner_id=owner_id)

    async def count_keys(self, owner_id: UUID) -> int:
        """Locks the owner's list until the end of the transaction, so that two at once are counted."""
        await self._session.execute(LOCK_OWNER, {"owner_id": owner_id})
        return await self._rows(UserSshKey).count(UserSshKey.owner_id == owner_id, UserSshKey.revoked_at.is_(None))

    async def get_key(self, owner_id: UUID, key_id: UUID, *, lock: bool = False) -> KeyView:
        """Raises NotFound also for what belongs to somebody else."""
        found = await self._find_view(KeyView, LOCK if lock else ONE, id=key_id, owner_id=owner_id)
        if found is None:
            raise NotFound()
        return found

    async def rename_key(self, key_id: UUID, name: str) -> None:
        """Raises KeyNameTaken."""
        await self._unique(name, self._change(key_id, name=name))

    async def revoke_key(self, key_id: UUID, now: datetime) -> None:
        await self._change(key_id, revoked_at=now)

    async def note_use(self, owner_id: UUID, fingerprint: str, at: datetime) -> None:
        """The key was used then; an older use changes nothing."""
        await self._session.execute(USED, {"owner_id": owner_id, "fingerprint": fingerprint, "at": at})

    async def _change(self, key_id: UUID, **values: object) -> None:
        statement = update(UserSshKey).where(UserSshKey.id == key_id)
        await self._session.execute(statement.values(**values, version=UserSshKey.version + 1))

    async def _unique(self, name: str, writing: Awaitable[T]) -> T:
        try:
            async with self._session.begin_nested():
                return await writing
        except IntegrityError as error:
            if not isinstance(error.orig, UniqueViolation):
                raise
            if error.orig.diag.constraint_name == "user_ssh_keys_name":
                raise KeyNameTaken(name=name) from error
            raise KeyKnown() from error
