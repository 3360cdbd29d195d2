"""The inbox: each consumer has each event's effect once, because the record of it commits with the effect.

What a consumer could not handle yet is kept here too, so that whichever process holds the consumer next knows that it
waits, and lets nothing later of its aggregate pass. An ordered consumer belongs to one worker process at a time, by a
lease; the record's lock and the version hold even when two believe that they have it.
"""

from datetime import timedelta
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.shared.events.base import Envelope

LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:consumer || :aggregate_id, 7))")
RECORD = text("""
    WITH held AS (
        SELECT max(due_at) AS until FROM shared.deferred_events
        WHERE CAST(:ordered AS boolean) AND consumer = :consumer AND aggregate_id = CAST(:aggregate_id AS uuid)
          AND aggregate = :aggregate AND (version, event_id) < (:version, CAST(:event_id AS uuid))
          AND (CAST(:lost_after AS float8) IS NULL OR due_at > clock_timestamp() - make_interval(secs => :lost_after))
    ), added AS (
        INSERT INTO shared.processed_events (consumer, event_id, aggregate_id, aggregate, version)
        SELECT :consumer, CAST(:event_id AS uuid), CAST(:aggregate_id AS uuid), :aggregate, :version
        FROM held WHERE until IS NULL
        ON CONFLICT DO NOTHING RETURNING 1
    ), gone AS (
        DELETE FROM shared.deferred_events d USING held
        WHERE held.until IS NULL AND d.consumer = :consumer AND d.event_id = CAST(:event_id AS uuid)
    ), kept AS (
        INSERT INTO shared.deferred_events (consumer, event_id, aggregate_id, aggregate, version, due_at)
        SELECT :consumer, CAST(:event_id AS uuid), CAST(:aggregate_id AS uuid), :aggregate, :version, until
        FROM held WHERE until IS NOT NULL
        ON CONFLICT (consumer, event_id) DO UPDATE SET due_at = EXCLUDED.due_at
    )
    SELECT (SELECT until - clock_timestamp() FROM held) AS wait, EXISTS (SELECT FROM added) AS fresh,
           EXISTS (SELECT FROM shared.processed_events
                   WHERE consumer = :consumer AND aggregate_id = CAST(:aggregate_id AS uuid)
                     AND aggregate = :aggregate AND version > :version) AS stale
""")
DEFER = text("""
    INSERT INTO shared.deferred_events AS d (consumer, event_id, aggregate_id, aggregate, version, failures, due_at)
    VALUES (:consumer, :event_id, CAST(:aggregate_id AS uuid), :aggregate, :version, 1,
            clock_timestamp() + make_interval(secs => :first))
    ON CONFLICT (consumer, event_id) DO UPDATE
    SET failures = d.failures + 1,
        due_at = clock_timestamp() + make_interval(secs => least(:longest, :first * power(2, least(d.failures, 30))))
    RETURNING failures, due_at - clock_timestamp() AS wait
""")
FORGET = text("DELETE FROM shared.deferred_events WHERE consumer = :consumer AND event_id = :event_id")
CLAIM = text("""
    INSERT INTO shared.consumer_leases AS held (consumer, owner, expires_at)
    SELECT name, :owner, clock_timestamp() + make_interval(secs => :seconds)
    FROM unnest(CAST(:names AS text[])) AS name ORDER BY name
    ON CONFLICT (consumer) DO UPDATE SET owner = EXCLUDED.owner, expires_at = EXCLUDED.expires_at
    WHERE held.owner = EXCLUDED.owner OR held.expires_at <= clock_timestamp()
    RETURNING new.consumer, old.owner IS NOT NULL AND old.owner <> new.owner AS taken_over
""")
RELEASE = text("DELETE FROM shared.consumer_leases WHERE owner = :owner")


class Verdict(msgspec.Struct, frozen=True):
    """What is to be done with an event: handle it when it is `wanted`; when it is `held`, an earlier one of its
    aggregate is tried again in so many seconds, and this one is not recorded."""

    wanted: bool
    held: float | None = None


class Deferred(msgspec.Struct, frozen=True):
    """How often an event has failed by now, and the seconds until it is tried again."""

    failures: int
    wait: float


async def record(
    session: AsyncSession,
    consumer: str,
    envelope: Envelope,
    aggregate: str,
    aggregate_id: UUID,
    *,
    ordered: bool,
    lost_after: float | None = None,
) -> Verdict:
    """Record that `consumer` has this event, unless (ordered) an earlier one of its aggregate waits. It is not wanted
    when the consumer had it before, or (ordered) has already handled a newer version. Versions are compared within one
    `aggregate`, for example `billing.tenant`. What was due more than `lost_after` seconds ago is not waited for: the
    broker has lost it. Two transactions of an ordered consumer on one aggregate wait for each other."""
    if ordered:
        await session.execute(LOCK, {"consumer": consumer, "aggregate_id": str(aggregate_id)})
    values = {**_key(consumer, envelope, aggregate, aggregate_id), "ordered": ordered, "lost_after": lost_after}
    row = (await session.execute(RECORD, values)).one()
    if row.wait is not None:
        return Verdict(wanted=False, held=max(0.0, _seconds(row.wait)))
    return Verdict(wanted=bool(row.fresh) and not (ordered and row.stale))


async def defer(
    session: AsyncSession,
    consumer: str,
    envelope: Envelope,
    aggregate: str,
    aggregate_id: UUID,
    *,
    first: float,
    longest: float,
) -> Deferred:
    """Keep that this event failed once more: it is tried again after `first` seconds, doubled with each failure, at
    most `longest`."""
    values = {**_key(consumer, envelope, aggregate, aggregate_id), "first": first, "longest": longest}
    row = (await session.execute(DEFER, values)).one()
    return Deferred(row.failures, _seconds(row.wait))


async def forget(session: AsyncSession, consumer: str, event_id: UUID) -> None:
    """The event does not wait any more: it was given up."""
    await session.execute(FORGET, {"consumer": consumer, "event_id": event_id})


def _key(consumer: str, envelope: Envelope, aggregate: str, aggregate_id: UUID) -> dict[str, object]:
    return {
        "consumer": consumer,
        "event_id": envelope.id,
        "aggregate_id": str(aggregate_id),
        "aggregate": aggregate,
        "version": envelope.version,
    }


def _seconds(interval: timedelta) -> float:
    return interval.total_seconds()


async def claim_consumers(session: AsyncSession, owner: str, names: list[str], seconds: float) -> dict[str, bool]:
    """Take or keep the leases of these consumers. Returns those that `owner` holds now, and whether each was just taken
    over from a process that had not given it back."""
    rows = await session.execute(CLAIM, {"owner": owner, "names": sorted(names), "seconds": seconds})
    return {row.consumer: row.taken_over for row in rows}


async def release_consumers(session: AsyncSession, owner: str) -> None:
    """Give all leases of `owner` back."""
    await session.execute(RELEASE, {"owner": owner})
