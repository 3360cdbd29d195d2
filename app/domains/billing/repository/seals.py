"""Seals: a hash chain over committed entries. A job writes it, so no other transaction waits for it.

A seal covers the database transactions with from_xid <= xid < to_xid. `to_xid` is the oldest database transaction that
is still running: every older one has ended, so a late commit can never fall behind a seal. A database that was restored
from a logical dump starts its transaction ids again; the job then waits until they have passed the last seal.
"""

from datetime import datetime

from sqlalchemy import text

from app.shared.db.repository import Repository

# What is hashed, entry by entry in order of ids: both rows, in a form that does not depend on the session's settings.
DIGEST = """
    SELECT count(*) AS entries,
           sha256(CAST(:previous AS bytea) || convert_to(coalesce(string_agg(concat_ws('|', e.id, e.account_id,
               e.amount, e.transaction_id, e.usage_record_id, e.hold_id, t.kind, t.reference, t.cause_id, t.tenant_id,
               t.currency, extract(epoch FROM t.occurred_at)), chr(10) ORDER BY e.id), ''), 'UTF8')) AS hash
    FROM billing.ledger_transactions t JOIN billing.ledger_entries e ON e.transaction_id = t.id
    WHERE t.xid >= CAST(CAST(:from_xid AS text) AS xid8) AND t.xid < CAST(CAST(:to_xid AS text) AS xid8)
"""
HASH = text(DIGEST)
LAST = text("""
    SELECT id, CAST(to_xid AS text) AS to_xid, hash FROM billing.ledger_seals ORDER BY id DESC LIMIT 1
""")
FRONTIER = text("SELECT CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text)")
APPEND = text("""
    INSERT INTO billing.ledger_seals (id, from_xid, to_xid, entries, previous_hash, hash, sealed_at)
    VALUES (:id, CAST(CAST(:from_xid AS text) AS xid8), CAST(CAST(:to_xid AS text) AS xid8), :entries, :previous, :hash,
            :now)
    ON CONFLICT DO NOTHING
""")
LIST = text("""
    SELECT id, CAST(from_xid AS text) AS from_xid, CAST(to_xid AS text) AS to_xid, entries, previous_hash, hash
    FROM billing.ledger_seals ORDER BY id
""")
GENESIS = bytes(32)
FIRST_XID = "3"  # the first transaction a database can have


class SealRepository(Repository):
    """The chain of seals."""

    async def append(self, now: datetime) -> int:
        """Seal what was committed since the last seal. Returns the number of entries; 0 when there is nothing to
        seal."""
        last = (await self._session.execute(LAST)).one_or_none()
        from_xid = FIRST_XID if last is None else last.to_xid
        to_xid = str(await self._session.scalar(FRONTIER))
        if int(to_xid) <= int(from_xid):
            return 0
        seal: dict[str, object] = {
            "previous": GENESIS if last is None else bytes(last.hash),
            "from_xid": from_xid,
            "to_xid": to_xid,
        }
        digest = (await self._session.execute(HASH, seal)).one()
        if not digest.entries:
            return 0
        number = 1 if last is None else last.id + 1
        seal |= {"id": number, "entries": digest.entries, "hash": bytes(digest.hash), "now": now}
        await self._session.execute(APPEND, seal)
        return int(digest.entries)

    async def list_broken(self) -> tuple[int, list[tuple[int, str]]]:
        """Recompute the chain. Returns the number of seals, and (seal, what is wrong with it) of the broken ones."""
        seals = (await self._session.execute(LIST)).all()
        broken: list[tuple[int, str]] = []
        previous, from_xid, number = GENESIS, FIRST_XID, 0
        for seal in seals:
            number += 1
            parameters = {"previous": previous, "from_xid": seal.from_xid, "to_xid": seal.to_xid}
            digest = (await self._session.execute(HASH, parameters)).one()
            if (seal.id, bytes(seal.previous_hash), seal.from_xid) != (number, previous, from_xid):
                broken.append((seal.id, "does not continue the seal before it"))
            elif (digest.entries, bytes(digest.hash)) != (seal.entries, bytes(seal.hash)):
                broken.append((seal.id, "entries were added, removed or altered after they were sealed"))
            previous, from_xid, number = bytes(seal.hash), seal.to_xid, seal.id
        return len(seals), broken
