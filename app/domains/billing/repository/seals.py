"""The seals: a hash chain over committed entries, written by a job, so that nobody waits for it.

A seal covers the database transactions with from_xid <= xid < to_xid. `to_xid` is the oldest database transaction that
still runs: below it everything is decided, so a late commit can never slip behind a seal. A database that was restored
from a logical dump counts its transactions anew; the job then waits until the count has caught up.
"""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

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
ADD = text("""
    INSERT INTO billing.ledger_seals (id, from_xid, to_xid, entries, previous_hash, hash, sealed_at)
    VALUES (:id, CAST(CAST(:from_xid AS text) AS xid8), CAST(CAST(:to_xid AS text) AS xid8), :entries, :previous, :hash,
            :now)
    ON CONFLICT DO NOTHING
""")
ALL = text("""
    SELECT id, CAST(from_xid AS text) AS from_xid, CAST(to_xid AS text) AS to_xid, entries, previous_hash, hash
    FROM billing.ledger_seals ORDER BY id
""")
GENESIS = bytes(32)


async def add_seal(session: AsyncSession, now: datetime) -> int:
    """Seal what was committed since the last seal. Returns the number of entries; 0 when there is nothing to seal."""
    last = (await session.execute(LAST)).one_or_none()
    from_xid = "3" if last is None else last.to_xid  # 3 is the first transaction a database can have
    to_xid = str(await session.scalar(FRONTIER))
    if int(to_xid) <= int(from_xid):
        return 0
    previous = GENESIS if last is None else bytes(last.hash)
    found = (await session.execute(HASH, {"previous": previous, "from_xid": from_xid, "to_xid": to_xid})).one()
    if not found.entries:
        return 0
    await session.execute(
        ADD,
        {
            "id": 1 if last is None else last.id + 1,
            "from_xid": from_xid,
            "to_xid": to_xid,
            "entries": found.entries,
            "previous": previous,
            "hash": bytes(found.hash),
            "now": now,
        },
    )
    return int(found.entries)


async def broken_seals(session: AsyncSession) -> tuple[int, list[tuple[int, str]]]:
    """Recompute the chain. Returns how many seals there are and (seal, what is wrong with it) for the broken ones."""
    seals = (await session.execute(ALL)).all()
    broken: list[tuple[int, str]] = []
    previous, reached, number = GENESIS, "3", 0
    for seal in seals:
        number += 1
        place = {"previous": previous, "from_xid": seal.from_xid, "to_xid": seal.to_xid}
        found = (await session.execute(HASH, place)).one()
        if (seal.id, bytes(seal.previous_hash), seal.from_xid) != (number, previous, reached):
            broken.append((seal.id, "does not continue the seal before it"))
        elif (found.entries, bytes(found.hash)) != (seal.entries, bytes(seal.hash)):
            broken.append((seal.id, "entries were added, removed or altered after they were sealed"))
        previous, reached, number = bytes(seal.hash), seal.to_xid, seal.id
    return len(seals), broken
