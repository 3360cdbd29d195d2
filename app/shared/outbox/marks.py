"""Marks what became of outbox rows, under the token of a held lease; and makes rows pending that a stream lost."""

from collections.abc import Sequence

from app.shared.db.session import settled
from app.shared.outbox.lease import Leases
from app.shared.outbox.pool import RelayPool
from app.shared.outbox.row import OutboxRow, retry_delay
from app.shared.telemetry.sanitize import sanitize_text

REWOUND_AT_ONCE = 5_000  # rows per transaction
_FENCE = """
    WITH fence AS MATERIALIZED (
        SELECT l.shard FROM shared.outbox_leases l
        JOIN unnest(%(shards)s::smallint[], %(tokens)s::bigint[]) AS h (shard, token)
          ON h.shard = l.shard AND h.token = l.token
        WHERE l.owner = %(owner)s
        FOR KEY SHARE OF l)
"""
# `(… IS NULL) IS TRUE` keeps the planner from walking a pending index where the primary key leads to the row at once.
_PUBLISHED = """
    UPDATE shared.outbox_events e
    SET published_at = clock_timestamp(), stream_sequence = m.sequence
    FROM unnest(%(ids)s::uuid[], %(created)s::timestamptz[], %(sequences)s::bigint[], %(of)s::smallint[])
         AS m (id, created_at, sequence, shard)
    JOIN fence ON fence.shard = m.shard
    WHERE e.id = m.id AND e.created_at = m.created_at AND (e.published_at IS NULL) IS TRUE
"""
_FAILED = """
    UPDATE shared.outbox_events e
    SET attempts = e.attempts + 1, last_error = %(error)s,
        due_at = clock_timestamp() + make_interval(secs => %(delay)s)
    WHERE e.id = %(id)s AND e.created_at = %(created)s AND (e.published_at IS NULL) IS TRUE
      AND e.shard IN (SELECT shard FROM fence)
"""
_DEAD = """
    , gone AS (
        UPDATE shared.outbox_events e
        SET attempts = e.attempts + 1, last_error = %(error)s, published_at = clock_timestamp()
        WHERE e.id = %(id)s AND e.created_at = %(created)s AND (e.published_at IS NULL) IS TRUE
          AND e.shard IN (SELECT shard FROM fence)
        RETURNING e.*)
    INSERT INTO shared.dead_letters (id, source, name, message_id, body, error, attempts, correlation_id)
    SELECT gen_random_uuid(), 'relay', name, id,
           jsonb_build_object('kind', kind, 'aggregate_id', aggregate_id, 'shard', shard, 'version', version,
                              'payload', payload, 'tenant_id', tenant_id, 'project_id', project_id,
                              'causation_id', causation_id),
           last_error, attempts, correlation_id
    FROM gone
    ON CONFLICT (source, message_id) DO UPDATE
    SET error = EXCLUDED.error, attempts = EXCLUDED.attempts, redriven_at = NULL
"""
PUBLISHED, FAILED, DEAD = _FENCE + _PUBLISHED, _FENCE + _FAILED, _FENCE + _DEAD
# What the stream lost with its unsynced tail, and what it may lose: all that was marked in the last seconds. Whatever
# is published twice by this carries the same id, so that stream and consumers drop it. The number of this transaction
# makes the rows new to every relay.
REWIND = """
    UPDATE shared.outbox_events SET published_at = NULL, stream_sequence = NULL, xid = pg_current_xact_id()
    WHERE (id, created_at) IN (
        SELECT id, created_at FROM shared.outbox_events
        WHERE kind = 'event' AND published_at IS NOT NULL AND stream_sequence IS NOT NULL
          AND (stream_sequence > %(last)s OR published_at > clock_timestamp() - make_interval(secs => %(seconds)s))
        LIMIT %(most)s)
"""


class Marks:
    """Writes down what became of rows read under `tokens` (shard to token). Rows of shards that were taken over
    meanwhile are left to their holder."""

    def __init__(self, pool: RelayPool, leases: Leases, tokens: dict[int, int]) -> None:
        self._pool = pool
        self._owner = leases.owner
        self._tokens = tokens

    def _fence(self, rows: Sequence[OutboxRow]) -> dict[str, object]:
        shards = sorted({row.shard for row in rows})
        return {"owner": self._owner, "shards": shards, "tokens": [self._tokens[shard] for shard in shards]}

    async def published(self, sent: Sequence[tuple[OutboxRow, int | None]]) -> None:
        """These rows left; events with their place in the stream."""
        rows = [row for row, _ in sent]
        marks = {
            "ids": [row.id for row in rows],
            "created": [row.created_at for row in rows],
            "sequences": [sequence for _, sequence in sent],
            "of": [row.shard for row in rows],
        }
        async with settled(self._pool) as connection:
            await connection.execute(PUBLISHED, {**self._fence(rows), **marks})

    async def failed(self, row: OutboxRow, error: str) -> None:
        """This row could not be sent: it is due again after `retry_delay`, or a dead letter after its last try."""
        values = {
            **self._fence([row]),
            "id": row.id,
            "created": row.created_at,
            "error": sanitize_text(error)[:1000],
            "delay": retry_delay(row.attempts),
        }
        async with settled(self._pool) as connection:
            await connection.execute(DEAD if row.is_last_try else FAILED, values)


async def rewind(pool: RelayPool, last_sequence: int, seconds: float) -> int:
    """Make events pending again that the stream does not hold (beyond `last_sequence`), or was given in the last
    `seconds`. Returns how many."""
    rewound, part = 0, REWOUND_AT_ONCE
    while part >= REWOUND_AT_ONCE:  # a stream that is empty again may have lost a week of events
        async with settled(pool) as connection, connection.transaction():
            await connection.execute("SET LOCAL enable_bitmapscan = on")
            await connection.execute("SET LOCAL enable_hashjoin = on")
            values = {"last": last_sequence, "seconds": seconds, "most": REWOUND_AT_ONCE}
            part = (await connection.execute(REWIND, values)).rowcount
        rewound += part
    return rewound
