"""Fenced leases on the 16 shards, so that several relays run side by side and each shard has one hand on it.

A lease is (owner, token, expiry). The token grows at every takeover and every mark names it: a relay that was stopped
and wakes up after a takeover can mark nothing. The expiry is judged by the database's clock; the holder additionally
trusts its own monotonic clock less than that.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from psycopg_pool import AsyncConnectionPool

from app.shared.db.session import Session, settled
from app.shared.outbox.writer import SHARDS

LEASE_SECONDS = 6.0
MARGIN_SECONDS = 1.0  # the holder stops that much before the others may begin

RENEW = """
    UPDATE shared.outbox_leases SET expires_at = clock_timestamp() + make_interval(secs => %(seconds)s)
    WHERE owner = %(owner)s AND expires_at > clock_timestamp() RETURNING shard, token
"""
TAKE = """
    UPDATE shared.outbox_leases
    SET owner = %(owner)s, token = token + 1, expires_at = clock_timestamp() + make_interval(secs => %(seconds)s)
    WHERE shard IN (SELECT shard FROM shared.outbox_leases WHERE expires_at <= clock_timestamp()
                    ORDER BY random() LIMIT %(wanted)s FOR UPDATE SKIP LOCKED)
    RETURNING shard, token
"""
RELEASE = """
    UPDATE shared.outbox_leases SET owner = NULL, expires_at = '-infinity'
    WHERE owner = %(owner)s AND shard = ANY(%(shards)s)
"""


class Leases:
    """The shards one relay holds. `tick()` is called every second or two; dispatchers read `tokens()`."""

    def __init__(self, pool: AsyncConnectionPool[Session], owner: UUID, seconds: float = LEASE_SECONDS) -> None:
        self._pool = pool
        self.owner = str(owner)
        self._seconds = seconds
        self._tokens: dict[int, int] = {}
        self._valid_until = 0.0
        self._releasing: set[int] = set()
        self._busy: dict[int, int] = {}

    def tokens(self) -> dict[int, int]:
        """Shard to token, of the shards that may be worked on now; empty once the lease has run out."""
        if time.monotonic() >= self._valid_until:
            return {}
        return {shard: token for shard, token in self._tokens.items() if shard not in self._releasing}

    @property
    def valid(self) -> bool:
        """Whether what was read under the lease may still be sent."""
        return time.monotonic() < self._valid_until

    @contextmanager
    def working_on(self, shards: list[int]) -> Iterator[None]:
        """While the block runs, these shards are not handed to another relay of our own will."""
        for shard in shards:
            self._busy[shard] = self._busy.get(shard, 0) + 1
        try:
            yield
        finally:
            for shard in shards:
                self._busy[shard] -= 1

    async def tick(self, relays: int) -> bool:
        """Renew, give back what is more than a fair share among `relays`, take what is free. True if shards
        came or are to go."""
        fair = -(-SHARDS // max(1, relays))
        started = time.monotonic()
        before = self.tokens()
        async with settled(self._pool) as connection:
            rows = await (await connection.execute(RENEW, {"owner": self.owner, "seconds": self._seconds})).fetchall()
            held: dict[int, int] = dict(rows)
            wanted = fair - len(held)
            if wanted > 0:
                values = {"owner": self.owner, "seconds": self._seconds, "wanted": wanted}
                held |= dict(await (await connection.execute(TAKE, values)).fetchall())
            self._releasing = set(sorted(held)[fair:])
            quiet = [shard for shard in self._releasing if not self._busy.get(shard)]
            if quiet:
                await connection.execute(RELEASE, {"owner": self.owner, "shards": quiet})
                held = {shard: token for shard, token in held.items() if shard not in quiet}
        self._tokens = held
        self._valid_until = started + self._seconds - MARGIN_SECONDS
        return self.tokens() != before

    async def release_all(self) -> None:
        """Let others take over at once (clean end of the process)."""
        shards = list(self._tokens)
        self._tokens = {}
        self._valid_until = 0.0
        async with settled(self._pool) as connection:
            await connection.execute(RELEASE, {"owner": self.owner, "shards": shards})
