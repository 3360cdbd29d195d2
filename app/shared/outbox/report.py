"""How the outbox and its consumers are doing, for an operator's page: what waits, who holds which shard, what died.

Reads only, but for one thing: a dead letter that is given up for good is marked, with the row kept.
"""

from datetime import datetime
from uuid import UUID

import msgspec
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.shared.authz import PlatformScope
from app.shared.telemetry.sanitize import sanitize

FIGURES_KEY = "berth:consumers"  # what the workers last saw of the consumers, as JSON
FIGURES_SECONDS = 30


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of one kind in one shard that have not left yet. `failing` were tried and will be again."""

    kind: str
    shard: int
    rows: int
    failing: int
    oldest_at: datetime | None


class ShardLease(msgspec.Struct, frozen=True, kw_only=True):
    """Who relays a shard; the owner is None when nobody does."""

    shard: int
    owner: str | None
    expires_at: datetime | None


class ConsumerFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One durable consumer as the broker counts it: not yet delivered, delivered and not answered, delivered again."""

    name: str
    pending: int
    unanswered: int
    redelivered: int


class ConsumersSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker saw of all consumers."""

    at: datetime
    consumers: tuple[ConsumerFigures, ...]


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A message that was given up. `body` is sanitized."""

    id: UUID
    source: str
    name: str
    message_id: UUID | None
    body: object
    error: str
    attempts: int
    correlation_id: str | None
    created_at: datetime
    redriven_at: datetime | None
    discarded_at: datetime | None


WAITING = text("""
    SELECT kind, shard, count(*) AS rows, count(*) FILTER (WHERE attempts > 0) AS failing, min(created_at) AS oldest_at
    FROM shared.outbox_events WHERE published_at IS NULL AND due_at <= clock_timestamp()
    GROUP BY kind, shard ORDER BY kind, shard
""")
LEASES = text("""
    SELECT shard, CASE WHEN expires_at > clock_timestamp() THEN owner END AS owner,
           CASE WHEN owner IS NOT NULL AND expires_at > clock_timestamp() THEN expires_at END AS expires_at
    FROM shared.outbox_leases ORDER BY shard
""")
LETTERS = """
    SELECT id, source, name, message_id, body, error, attempts, correlation_id, created_at, redriven_at, discarded_at
    FROM shared.dead_letters
"""
PAGE = text(
    LETTERS
    + """
    WHERE (:everything OR (redriven_at IS NULL AND discarded_at IS NULL))
      AND (CAST(:source AS text) IS NULL OR source = :source)
      AND (CAST(:at AS timestamptz) IS NULL OR (created_at, id) < (:at, CAST(:before AS uuid)))
    ORDER BY created_at DESC, id DESC LIMIT :limit
"""
)
COUNT_OF = text("""
    SELECT count(*) FROM shared.dead_letters
    WHERE redriven_at IS NULL AND discarded_at IS NULL AND (CAST(:source AS text) IS NULL OR source = :source)
""")
OLDEST = text("""
    SELECT w.id, w.rank FROM (
        SELECT id, created_at, -CAST(extract(epoch FROM created_at) * 1000000 AS bigint) AS rank
        FROM shared.dead_letters
        WHERE redriven_at IS NULL AND discarded_at IS NULL AND created_at <= :until
          AND (CAST(:source AS text) IS NULL OR source = :source)
    ) w
    WHERE CAST(:after_id AS uuid) IS NULL OR (-w.rank, w.id) > (-CAST(:after_rank AS bigint), :after_id)
    ORDER BY w.created_at, w.id LIMIT :limit
""")
FIND = text(LETTERS + " WHERE id = :id")
COUNT = text("SELECT count(*) FROM shared.dead_letters WHERE redriven_at IS NULL AND discarded_at IS NULL")
DISCARD = text("""
    UPDATE shared.dead_letters SET discarded_at = clock_timestamp()
    WHERE id = :id AND discarded_at IS NULL AND redriven_at IS NULL RETURNING id
""")


async def list_waiting(session: AsyncSession, scope: PlatformScope) -> list[Waiting]:
    """What is due and has not left, by kind and shard."""
    return [msgspec.convert(dict(row._mapping), Waiting) for row in await session.execute(WAITING)]


async def list_leases(session: AsyncSession, scope: PlatformScope) -> list[ShardLease]:
    """Which relay holds which shard now."""
    return [
        ShardLease(shard=row.shard, owner=row.owner, expires_at=row.expires_at) for row in await session.execute(LEASES)
    ]


async def page_letters(
    session: AsyncSession,
    scope: PlatformScope,
    source: str | None,
    everything: bool,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[DeadLetter]:
    """Dead letters, newest first; without `everything` those that wait for somebody."""
    at, before = after or (None, None)
    values = {"source": source, "everything": everything, "at": at, "before": before, "limit": limit}
    return [_letter(row._mapping) for row in await session.execute(PAGE, values)]


async def find_letter(session: AsyncSession, scope: PlatformScope, letter_id: UUID) -> DeadLetter | None:
    """One dead letter."""
    row = (await session.execute(FIND, {"id": letter_id})).one_or_none()
    return None if row is None else _letter(row._mapping)


async def count_letters(session: AsyncSession, scope: PlatformScope) -> int:
    """How many wait for somebody."""
    return int(await session.scalar(COUNT) or 0)


async def count_letters_of(session: AsyncSession, scope: PlatformScope, source: str | None) -> int:
    """How many wait for somebody, of one source when one is named."""
    return int(await session.scalar(COUNT_OF, {"source": source}) or 0)


async def list_oldest(
    session: AsyncSession, source: str | None, until: datetime, after: tuple[int, UUID] | None, limit: int
) -> list[tuple[UUID, int]]:
    """Those that waited at `until`, the oldest first, after a place; each with its rank, which falls with time."""
    rank, letter_id = after or (None, None)
    values = {"source": source, "until": until, "after_rank": rank, "after_id": letter_id, "limit": limit}
    return [(row.id, row.rank) for row in await session.execute(OLDEST, values)]


async def discard_letter(session: AsyncSession, letter_id: UUID) -> bool:
    """Give one up for good. False when it was sent again or given up before."""
    return await session.scalar(DISCARD, {"id": letter_id}) is not None


async def keep_figures(valkey: Redis, seen: ConsumersSeen) -> None:
    """Tell everybody what a worker saw; it is forgotten when no worker says it again."""
    await valkey.set(FIGURES_KEY, msgspec.json.encode(seen), ex=FIGURES_SECONDS)


async def read_figures(valkey: Redis) -> ConsumersSeen | None:
    """What a worker last saw; None when none has said anything for half a minute."""
    raw = await valkey.get(FIGURES_KEY)
    return None if raw is None else msgspec.json.decode(raw, type=ConsumersSeen)


def _letter(row: object) -> DeadLetter:
    values = dict(row)  # type: ignore[call-overload]
    message = values["body"].get("message") if isinstance(values["body"], dict) else None
    body = {"message": message} if message is not None else {k: v for k, v in values["body"].items() if k != "body"}
    return msgspec.convert({**values, "body": sanitize(body)}, DeadLetter)
