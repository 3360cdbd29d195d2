"""SQL about what people sign in with: issuer and subject, exactly as given, found by their hash (a text of any length
fits no index)."""

import hashlib
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, text

from app.domains.auth.rules.addresses import address_key
from app.domains.auth.rules.claims import Identity
from app.shared.db.repository import Repository

LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('auth.identities ' || :what, 0))")
# the second half: made by a process of the release before, which knew one identity for each person
FIND = text("""
    SELECT user_id FROM auth.identities WHERE key = :key
    UNION ALL SELECT id FROM auth.users WHERE issuer = :issuer AND subject = left(:subject, 255) AND :is_short LIMIT 1
""")
ELSEWHERE = text("""
    SELECT u.id, array_agg(coalesce(i.issuer, u.issuer)) AS issuers
    FROM auth.users u LEFT JOIN auth.identities i ON i.user_id = u.id
    WHERE u.email_key = :email_key AND u.email_verified
    GROUP BY u.id HAVING NOT bool_or(coalesce(i.issuer, u.issuer) = :issuer) LIMIT 2
""")
PUT = text("""
    INSERT INTO auth.identities (key, user_id, issuer, subject, created_at, last_used_at)
    VALUES (:key, :user_id, :issuer, :subject, :now, :now) ON CONFLICT (key) DO UPDATE SET last_used_at = :now
""")
ADD_PERSON = text("""
    INSERT INTO auth.users (id, issuer, subject, email, email_key, email_verified, name, created_at, last_login_at)
    VALUES (:id, CASE WHEN :is_short THEN :issuer END, CASE WHEN :is_short THEN :subject END, :email, :email_key,
            :email_verified, :name, :now, :now)
""")
UPDATE_PERSON = text("""
    UPDATE auth.users SET email = :email, email_key = :email_key, email_verified = :email_verified, name = :name,
        last_login_at = :now, version = version + 1
    WHERE id = :id RETURNING suspended_at
""")
LONGEST_OLD = 255  # of what an index of the release before holds


def key_of(identity: Identity) -> bytes:
    """What makes two identities the same: both parts, letter by letter."""
    return hashlib.sha256(f"{identity.issuer}\0{identity.subject}".encode()).digest()


class IdentityRepository(Repository):
    """Bound to one unit of work."""

    async def lock(self, identity: Identity) -> None:
        """Lock this identity and its address until the transaction ends: two sign-ins at once make one person."""
        await self._session.execute(LOCK, {"what": key_of(identity).hex()})
        await self._session.execute(LOCK, {"what": address_key(identity.email)})

    async def find_person(self, identity: Identity) -> UUID | None:
        """Who signs in with it."""
        values = {**_names(identity), "key": key_of(identity)}
        value: UUID | None = await self._session.scalar(FIND, values)
        return value

    async def list_elsewhere(self, identity: Identity) -> list[Row[tuple[object, ...]]]:
        """People who proved the same address to other issuers and have no identity at this one; two are enough."""
        values = {"email_key": address_key(identity.email), "issuer": identity.issuer}
        return list(await self._session.execute(ELSEWHERE, values))

    async def put(self, identity: Identity, user_id: UUID, now: datetime) -> None:
        """It is that person's from now on; seen now."""
        names = _names(identity)
        values = {"key": key_of(identity), "user_id": user_id, "issuer": names["issuer"], "subject": names["subject"]}
        await self._session.execute(PUT, {**values, "now": now})

    async def append_person(self, user_id: UUID, identity: Identity, name: str, now: datetime) -> None:
        values = {**_names(identity), **_profile(identity, name), "id": user_id, "now": now}
        await self._session.execute(ADD_PERSON, values)

    async def update_person(
        self, user_id: UUID, identity: Identity, name: str, now: datetime
    ) -> Row[tuple[object, ...]]:
        """What the provider says of them now, and whether they are shut out."""
        return (
            await self._session.execute(UPDATE_PERSON, {**_profile(identity, name), "id": user_id, "now": now})
        ).one()


def _names(identity: Identity) -> dict[str, object]:
    is_short = len(identity.subject) <= LONGEST_OLD
    return {"issuer": identity.issuer, "subject": identity.subject, "is_short": is_short}


def _profile(identity: Identity, name: str) -> dict[str, object]:
    return {
        "email": identity.email,
        "email_key": address_key(identity.email),
        "email_verified": identity.email_verified,
        "name": name,
    }
