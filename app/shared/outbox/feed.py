"""Reads pending outbox rows: everything that became visible between two snapshots of the database, in order of ids.

The order of ids is not the order of commits, so a cursor on ids alone would lose rows that commit late. A snapshot says
exactly which transactions it saw; what the next one sees and it did not is new, whenever its ids were drawn. An open
transaction delays only its own rows. The first window begins at nothing and walks all that is pending; later ones find
their rows by transaction, so that neither what is stored nor what was published since is read again.

Numbers of transactions belong to one run of the server: after a crash, or where another server took over, those that
never reached its disk are given out anew. So snapshots of two runs are not compared; all that is pending is read again.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import psycopg

from app.shared.db.session import settled
from app.shared.outbox.pool import RelayPool
from app.shared.outbox.row import OutboxRow
from app.shared.outbox.writer import OutboxKind

START = UUID(int=0)
PER_SHARD = 64  # rows of a page of the first window, at least

_ROW = """
    SELECT r.id, r.created_at, r.name, r.aggregate_id, r.shard, r.version, r.payload::text, r.tenant_id, r.project_id,
           r.correlation_id, r.causation_id, r.attempts,
           extract(epoch FROM r.due_at - clock_timestamp())::float8 AS wait, s.now, s.run
    FROM (SELECT pg_current_snapshot()::text AS now, pg_postmaster_start_time()::text AS run) s LEFT JOIN
"""
# Rows written before there was a column for their transaction are in every snapshot.
_FIRST = """
    (SELECT page.*
     FROM unnest(%(shards)s::smallint[], %(cursors)s::uuid[]) AS held (shard, reached)
     CROSS JOIN LATERAL (
         SELECT * FROM shared.outbox_events e
         WHERE published_at IS NULL AND kind = %(kind)s AND e.shard = held.shard AND id > held.reached
           AND (%(until)s::pg_snapshot IS NULL OR pg_visible_in_snapshot(xid, %(until)s::pg_snapshot) IS NOT FALSE)
         ORDER BY id LIMIT %(limit)s
     ) page) r ON true
    ORDER BY r.id
"""
# The keys are picked first, by themselves: an index in the order of ids would lead through all that was ever published.
_NEXT = """
    (WITH fresh AS MATERIALIZED (
         SELECT id, created_at, kind, shard, xid FROM shared.outbox_events
         WHERE published_at IS NULL AND xid >= %(xmax)s::xid8
         UNION ALL
         SELECT id, created_at, kind, shard, xid FROM shared.outbox_events
         WHERE published_at IS NULL AND xid = ANY(%(xip)s::xid8[])
     ), page AS MATERIALIZED (
         SELECT id, created_at FROM fresh
         WHERE kind = %(kind)s AND shard = ANY(%(shards)s::smallint[]) AND id > %(reached)s
           AND (%(until)s::pg_snapshot IS NULL OR pg_visible_in_snapshot(xid, %(until)s::pg_snapshot))
         ORDER BY id LIMIT %(limit)s
     )
     SELECT e.* FROM page JOIN shared.outbox_events e ON e.id = page.id AND e.created_at = page.created_at
     WHERE (e.published_at IS NULL) IS TRUE) r ON true
    ORDER BY r.id
"""
_AGAIN = """
    (SELECT e.*
     FROM unnest(%(ids)s::uuid[], %(created)s::timestamptz[]) AS k (key_id, key_created)
     JOIN shared.outbox_events e ON e.id = k.key_id AND e.created_at = k.key_created
     WHERE (published_at IS NULL) IS TRUE) r ON true
    ORDER BY r.id
"""
FIRST, NEXT, AGAIN = _ROW + _FIRST, _ROW + _NEXT, _ROW + _AGAIN
KINDS = """
    SELECT pg_current_snapshot()::text, pg_postmaster_start_time()::text, ARRAY(
        SELECT DISTINCT kind FROM (
            SELECT kind FROM shared.outbox_events WHERE published_at IS NULL AND xid >= %(xmax)s::xid8
            UNION ALL
            SELECT kind FROM shared.outbox_events WHERE published_at IS NULL AND xid = ANY(%(xip)s::xid8[])
        ) e)
"""


class ServerChanged(psycopg.OperationalError):
    """Another run of the server answers than the one that the window began on."""


class Snapshot(msgspec.Struct, frozen=True):
    """A snapshot of PostgreSQL: it saw no transaction from `xmax` on, and none of the open ones in `xip`."""

    xmax: str
    xip: list[str]

    @classmethod
    def parse(cls, text: str) -> "Snapshot":
        """`xmin:xmax:xip,xip` as PostgreSQL prints it."""
        _, xmax, ids = text.split(":")
        return cls(xmax, ids.split(",") if ids else [])


NOTHING = Snapshot("0", [])


class Feed:
    """The pending rows of one kind in some shards: each is handed out once, rows of one aggregate in their order. It
    raises ServerChanged when the server began anew; a new feed then begins at the oldest pending row."""

    def __init__(self, pool: RelayPool, kind: OutboxKind, shards: Collection[int]) -> None:
        self._pool = pool
        self._kind = kind.value
        self._shards = sorted(shards)
        self._run: str | None = None  # of the server
        self._since: Snapshot | None = None  # None: this is the first window
        self._until: str | None = None  # the end of this window, once its first page was read
        self._reached = START
        self._cursors = dict.fromkeys(self._shards, START)  # of the first window: shards that are not exhausted

    @property
    def has_more(self) -> bool:
        """Whether this window has another page."""
        return self._until is not None or self._since is None

    @property
    def begins_window(self) -> bool:
        """Whether the next page sees everything that is committed by now."""
        return self._until is None

    async def read(self, limit: int) -> list[OutboxRow]:
        """The next page of this window, or the first of the next one; about `limit` rows, oldest first."""
        return await (self._read_first(limit) if self._since is None else self._read_next(self._since, limit))

    async def _read_first(self, limit: int) -> list[OutboxRow]:
        per_shard = max(PER_SHARD, limit // len(self._cursors))
        values = {
            "kind": self._kind,
            "shards": list(self._cursors),
            "cursors": list(self._cursors.values()),
            "until": self._until,
            "limit": per_shard,
        }
        now, rows = await self._page(FIRST, values)
        last: dict[int, UUID] = {}
        count: dict[int, int] = {}
        for row in rows:
            last[row.shard] = row.id
            count[row.shard] = count.get(row.shard, 0) + 1
        self._cursors = {shard: last[shard] for shard in self._cursors if count.get(shard) == per_shard}
        self._until = self._until or now
        if not self._cursors:
            self._since, self._until = Snapshot.parse(self._until), None
        return rows

    async def _read_next(self, since: Snapshot, limit: int) -> list[OutboxRow]:
        values = {
            "kind": self._kind,
            "shards": self._shards,
            "xmax": since.xmax,
            "xip": since.xip,
            "reached": self._reached,
            "until": self._until,
            "limit": limit,
        }
        now, rows = await self._page(NEXT, values)
        self._until = self._until or now
        if len(rows) < limit:
            self._since, self._until, self._reached = Snapshot.parse(self._until), None, START
        else:
            self._reached = rows[-1].id
        return rows

    async def _page(self, statement: str, values: Mapping[str, object]) -> tuple[str, list[OutboxRow]]:
        async with settled(self._pool) as connection:
            found = await (await connection.execute(statement, values)).fetchall()
        now, run = found[0][-2:]
        if self._run not in (None, run):
            raise ServerChanged("the database server began anew")
        self._run = run
        return now, [OutboxRow(*row[:-2]) for row in found if row[0] is not None]

    async def read_again(self, keys: Sequence[tuple[UUID, datetime]]) -> list[OutboxRow]:
        """Those of the rows that are still pending, oldest first."""
        values = {"ids": [key[0] for key in keys], "created": [key[1] for key in keys]}
        return (await self._page(AGAIN, values))[1]


class News:
    """Which kinds have new rows, in any shard: one cheap statement for all of them."""

    def __init__(self, pool: RelayPool) -> None:
        self._pool = pool
        self._since = NOTHING
        self._run: str | None = None  # of the server

    async def read(self) -> list[str]:
        """The kinds of rows that were committed since the last call; of all pending rows when the server began anew."""
        now, run, kinds = await self._ask()
        if self._run not in (None, run):
            self._since = NOTHING
            now, run, kinds = await self._ask()
        self._since, self._run = Snapshot.parse(now), run
        return kinds

    async def _ask(self) -> tuple[str, str, list[str]]:
        values = {"xmax": self._since.xmax, "xip": self._since.xip}
        async with settled(self._pool) as connection:
            found = await (await connection.execute(KINDS, values)).fetchone()
        if found is None:
            raise LookupError("a SELECT without FROM always answers")
        return found[0], found[1], list(found[2])
