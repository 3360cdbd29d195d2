"""Deletes what outbox, inbox and idempotency keys no longer need, and makes the outbox's partitions.

Rows outlive their publication, so that a stream that lost its tail, or was restored from an older copy, is given them
again.
"""

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.shared.db.repository import changed_rows

PUBLISHED_DAYS = 7
PROCESSED_DAYS = 21  # longer than the stream keeps a message (14 days): none can come again after that
KEY_DAYS = 7  # a client that repeats a request after a week gets a new effect; documented in docs/operations.md
BATCH = 5_000

WEEKS_AHEAD = 3
MAKE_PARTITIONS = text("SELECT shared.make_outbox_partitions(:ahead)")
DROP_PARTITIONS = text("SELECT shared.drop_outbox_partitions(:days)")
# Of a week that has a partition of its own the whole partition goes.
OUTBOX = text("""
    DELETE FROM shared.outbox_events_default WHERE (id, created_at) IN (
        SELECT id, created_at FROM shared.outbox_events_default
        WHERE published_at < clock_timestamp() - make_interval(days => :days) LIMIT :batch)
""")
DEFERRED = text("""
    DELETE FROM shared.deferred_events WHERE (consumer, event_id) IN (
        SELECT consumer, event_id FROM shared.deferred_events
        WHERE due_at < clock_timestamp() - make_interval(days => :days) LIMIT :batch)
""")
INBOX = text("""
    DELETE FROM shared.processed_events WHERE (consumer, event_id) IN (
        SELECT consumer, event_id FROM shared.processed_events
        WHERE processed_at < clock_timestamp() - make_interval(days => :days) LIMIT :batch)
""")

KEYS = text("""
    DELETE FROM shared.idempotency_keys WHERE (actor, place, route, key) IN (
        SELECT actor, place, route, key FROM shared.idempotency_keys
        WHERE created_at < clock_timestamp() - make_interval(days => :days) LIMIT :batch)
""")


async def keep_partitions(session: AsyncSession) -> int:
    """Make the partitions of this week and the next three, and drop the weeks of which every row was published more
    than a week ago. Returns how many were dropped; one that is in use is left to the next run."""
    await session.execute(MAKE_PARTITIONS, {"ahead": WEEKS_AHEAD})
    return int(await session.scalar(DROP_PARTITIONS, {"days": PUBLISHED_DAYS}) or 0)


async def prune_outbox(session: AsyncSession) -> int:
    """Delete one batch of rows without a partition of their week that were published more than a week ago. Returns how
    many went; call again while it is full."""
    return await _prune(session, OUTBOX, PUBLISHED_DAYS)


async def prune_deferred(session: AsyncSession) -> int:
    """Delete one batch of what consumers waited for and the stream does not hold any more. Returns how many went."""
    return await _prune(session, DEFERRED, PROCESSED_DAYS)


async def prune_inbox(session: AsyncSession) -> int:
    """Delete one batch of records older than any message that could still come. Returns how many went."""
    return await _prune(session, INBOX, PROCESSED_DAYS)


async def prune_keys(session: AsyncSession) -> int:
    """Delete one batch of idempotency keys older than a week. Returns how many went."""
    return await _prune(session, KEYS, KEY_DAYS)


async def _prune(session: AsyncSession, statement: TextClause, days: int) -> int:
    return await changed_rows(session, statement, {"days": days, "batch": BATCH})
