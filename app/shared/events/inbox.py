"""The inbox: each consumer has each event's effect once, because the record of it commits with the effect.

Also the leases that give an ordered consumer to one worker process at a time, so that facts of one aggregate are not
handled side by side. Losing a lease is harmless: the record's lock and the version still stand.
"""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.shared.events.base import Envelope

LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:consumer || :aggregate_id, 7))")
RECORD = text("""
    WITH added AS (
        INSERT INTO shared.processed_events (consumer, event_id, aggregate_id, aggregate, version)
        VALUES (:consumer, :event_id, CAST(:aggregate_id AS uuid), :aggregate, :version)
        ON CONFLICT DO NOTHING RETURNING 1)
    SELECT EXISTS (SELECT FROM added) AS fresh,
           EXISTS (SELECT FROM shared.processed_events
                   WHERE consumer = :consumer AND aggregate_id = CAST(:aggregate_id AS uuid)
                     AND aggregate = :aggregate AND version > :version) AS stale
""")
CLAIM = text("""
    INSERT INTO shared.consumer_leases AS held (consumer, owner, expires_at)
    SELECT name, :owner, clock_timestamp() + make_interval(secs => :seconds)
    FROM unnest(CAST(:names AS text[])) AS name ORDER BY name
    ON CONFLICT (consumer) DO UPDATE SET owner = EXCLUDED.owner, expires_at = EXCLUDED.expires_at
    WHERE held.owner = EXCLUDED.owner OR held.expires_at <= clock_timestamp()
    RETURNING consumer
""")
RELEASE = text("DELETE FROM shared.consumer_leases WHERE owner = :owner")


async def record(
    session: AsyncSession, consumer: str, envelope: Envelope, aggregate: str, aggregate_id: UUID, *, ordered: bool
) -> bool:
    """Record that `consumer` has this event. False when there is nothing to do: it had it before, or (ordered) it has
    already handled a newer version of the aggregate. Versions are compared within one `aggregate`, for example
    `billing.tenant`. Two transactions of an ordered consumer on one aggregate wait for each other."""
    if ordered:
        await session.execute(LOCK, {"consumer": consumer, "aggregate_id": str(aggregate_id)})
    row = (
        await session.execute(
            RECORD,
            {
                "consumer": consumer,
                "event_id": envelope.id,
                "aggregate_id": str(aggregate_id),
                "aggregate": aggregate,
                "version": envelope.version,
            },
        )
    ).one()
    return bool(row.fresh) and not (ordered and row.stale)


async def claim_consumers(session: AsyncSession, owner: str, names: list[str], seconds: float) -> set[str]:
    """Take or keep the leases of these consumers. Returns those that `owner` holds now."""
    rows = await session.execute(CLAIM, {"owner": owner, "names": sorted(names), "seconds": seconds})
    return {row.consumer for row in rows}


async def release_consumers(session: AsyncSession, owner: str) -> None:
    """Give all leases of `owner` back."""
    await session.execute(RELEASE, {"owner": owner})
