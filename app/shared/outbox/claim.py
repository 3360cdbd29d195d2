"""Reads pending outbox rows and marks what became of them, always under the token of a held lease.

Marks are per row, because the order of ids is not the order of commits: a row that commits late is found by the next
sweep. Between sweeps a lane reads only behind its cursor, so that the index entries of rows already marked, which a
long transaction elsewhere keeps from being cleaned, are not walked again at every poll. A row is offered only when no
older pending row of its kind and aggregate was left behind: that keeps the order of one aggregate.
"""

import time
from uuid import UUID

from psycopg_pool import AsyncConnectionPool

from app.shared.clock import process_now
from app.shared.db.session import Session, settled
from app.shared.outbox.lease import Leases
from app.shared.outbox.row import MAX_TRIES, OutboxRow, Report, retry_delay
from app.shared.outbox.writer import OutboxKind
from app.shared.telemetry.sanitize import sanitize_text

PER_SHARD = 64
REWOUND_AT_ONCE = 5_000  # rows per transaction
SWEEP_SECONDS = 1.0  # how late a late commit, or a row whose time has come, may be seen
LONGEST_SWEEP_PAUSE = 10.0  # sweeps may take a twentieth of the time, unless that would make them rarer than this
TRAIL_MS = 1_000  # at the end of the log the cursor stays this far behind
START = UUID(int=0)
WANTED = {
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    "synchronous_commit": "off",
    "TimeZone": "UTC",
    "lock_timeout": "5000",
    "statement_timeout": "30000",
}
RelayPool = AsyncConnectionPool[Session]

SCAN = """
    SELECT r.id, r.created_at, r.name, r.aggregate_id, r.shard, r.version, r.payload::text, r.tenant_id, r.project_id,
           r.correlation_id, r.causation_id, r.attempts
    FROM unnest(%(shards)s::smallint[], %(cursors)s::uuid[]) AS s (shard, behind)
    CROSS JOIN LATERAL (
        SELECT * FROM shared.outbox_events e
        WHERE e.published_at IS NULL AND e.kind = %(kind)s AND e.shard = s.shard AND e.id > s.behind
          AND e.due_at <= clock_timestamp()
          AND NOT EXISTS (
              SELECT 1 FROM shared.outbox_events older
              WHERE older.published_at IS NULL AND older.aggregate_id = e.aggregate_id AND older.id < e.id
                AND older.kind = e.kind
                AND (older.attempts > 0 OR (older.id <= s.behind AND older.due_at <= clock_timestamp())))
        ORDER BY e.id LIMIT %(limit)s
    ) r
    ORDER BY r.id
"""
FENCE = """
    WITH fence AS MATERIALIZED (
        SELECT l.shard FROM shared.outbox_leases l
        JOIN unnest(%(shards)s::smallint[], %(tokens)s::bigint[]) AS h (shard, token)
          ON h.shard = l.shard AND h.token = l.token
        WHERE l.owner = %(owner)s
        FOR SHARE OF l)
"""
_MARK = """
    UPDATE shared.outbox_events e
    SET published_at = clock_timestamp(), stream_sequence = m.sequence
    FROM unnest(%(ids)s::uuid[], %(created)s::timestamptz[], %(sequences)s::bigint[], %(of)s::smallint[])
         AS m (id, created_at, sequence, shard)
    JOIN fence ON fence.shard = m.shard
    WHERE e.id = m.id AND e.created_at = m.created_at AND (e.published_at IS NULL) IS TRUE
"""
_FAIL = """
    UPDATE shared.outbox_events e
    SET attempts = e.attempts + 1, last_error = %(error)s,
        due_at = clock_timestamp() + make_interval(secs => %(delay)s)
    WHERE e.id = %(id)s AND e.created_at = %(created)s AND (e.published_at IS NULL) IS TRUE
      AND e.shard IN (SELECT shard FROM fence)
"""
_MARK_DEAD = """
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
# `(… IS NULL) IS TRUE` keeps the planner from walking the pending index where the primary key leads to the row at once.
MARK, FAIL, MARK_DEAD = FENCE + _MARK, FENCE + _FAIL, FENCE + _MARK_DEAD
# What the stream lost with its unsynced tail, and what it may lose: all that was marked in the last seconds. Whatever
# is published twice by this carries the same id, so that stream and consumers drop it.
REWIND = """
    UPDATE shared.outbox_events SET published_at = NULL, stream_sequence = NULL
    WHERE (id, created_at) IN (
        SELECT id, created_at FROM shared.outbox_events
        WHERE kind = 'event' AND published_at IS NOT NULL AND stream_sequence IS NOT NULL
          AND (stream_sequence > %(last)s OR published_at > clock_timestamp() - make_interval(secs => %(seconds)s))
        LIMIT %(most)s)
"""


def uuid_at(milliseconds: int) -> UUID:
    """The smallest UUIDv7 of that instant (milliseconds since 1970)."""
    return UUID(int=max(0, milliseconds) << 80)


class Lane:
    """The rows of one kind in the shards that `leases` holds: scan, then settle."""

    def __init__(self, pool: RelayPool, leases: Leases, kind: OutboxKind) -> None:
        self._pool = pool
        self._leases = leases
        self._kind = kind
        self._cursors: dict[int, UUID] = {}
        self._sweep_due = 0.0
        self._sweeping = False
        self._sweep_cost = 0.0
        self.tokens: dict[int, int] = {}

    def rescan(self) -> None:
        """Begin again at the oldest pending row with the next scan."""
        self._sweep_due = 0.0
        self._sweeping = False

    async def scan(self) -> list[OutboxRow]:
        """The next rows to send, oldest first, or none. Remembers the tokens that they were read under."""
        tokens = self._leases.tokens()
        if not tokens:
            return []
        started = time.monotonic()
        if started >= self._sweep_due and not self._sweeping:
            self._cursors, self._sweeping, self._sweep_cost = {}, True, 0.0
        shards = sorted(tokens)
        values = {
            "kind": self._kind.value,
            "shards": shards,
            "cursors": [self._cursors.get(shard, START) for shard in shards],
            "limit": PER_SHARD,
        }
        tail = uuid_at(int(process_now().timestamp() * 1000) - TRAIL_MS)
        async with settled(self._pool) as connection:
            found = await (await connection.execute(SCAN, values)).fetchall()
        rows = [OutboxRow(*row) for row in found]
        self.tokens = tokens
        self._sweep_cost += time.monotonic() - started
        self._move_cursors(rows, shards, tail)
        return rows

    def _move_cursors(self, rows: list[OutboxRow], shards: list[int], tail: UUID) -> None:
        count: dict[int, int] = {}
        last: dict[int, UUID] = {}
        for row in rows:
            count[row.shard] = count.get(row.shard, 0) + 1
            last[row.shard] = row.id
        full = [shard for shard in shards if count.get(shard) == PER_SHARD]
        for shard in shards:
            reached = min(last[shard], tail) if shard in full else tail
            self._cursors[shard] = max(self._cursors.get(shard, START), reached)
        if self._sweeping and not full:
            self._sweeping = False
            pause = max(SWEEP_SECONDS, min(LONGEST_SWEEP_PAUSE, 20 * self._sweep_cost))
            self._sweep_due = time.monotonic() + pause

    async def settle(self, rows: list[OutboxRow], report: Report) -> None:
        """Write down what became of `rows`. Rows of shards that were taken over meanwhile are left to their holder."""
        fence = {
            "owner": self._leases.owner,
            "shards": list(self.tokens),
            "tokens": [self.tokens[shard] for shard in self.tokens],
        }
        sent = [row for row in rows if row.id in report.sent]
        async with settled(self._pool) as connection:
            if sent:
                marks = {
                    "ids": [row.id for row in sent],
                    "created": [row.created_at for row in sent],
                    "sequences": [report.sent[row.id] for row in sent],
                    "of": [row.shard for row in sent],
                }
                await connection.execute(MARK, {**fence, **marks})
            for row in rows:
                if row.id in report.failed:
                    final = row.attempts + 1 >= MAX_TRIES
                    values = {
                        "id": row.id,
                        "created": row.created_at,
                        "error": sanitize_text(report.failed[row.id])[:1000],
                        "delay": retry_delay(row.attempts),
                    }
                    await connection.execute(MARK_DEAD if final else FAIL, {**fence, **values})
        if len(sent) < len(rows):
            self.rescan()


def open_pool(url: str, name: str) -> RelayPool:
    """The relay's own small pool, not yet open. Its commits do not wait for the disk: a mark that a crash of the
    database loses is made again, and a lease is told apart by its owner too. Plans must walk the pending index in
    order whatever the statistics of a table that is mostly empty say."""
    return AsyncConnectionPool(
        url,
        min_size=1,
        max_size=5,
        timeout=2,
        open=False,
        connection_class=Session,
        check=AsyncConnectionPool.check_connection,
        kwargs={"autocommit": True, "application_name": name, "connect_timeout": 3, "wanted": WANTED},
    )


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
