"""The outbox relay: rows that committed leave for JetStream, SAQ and Temporal, each at least once, in order.

One dispatcher per kind, so that a vendor that is down stops only its own kind. A signal after the commit wakes them
(losing it is harmless); behind it one statement asks what is new, every second while signals come and four times a
second while they do not. Owns no rule about any event, job or workflow.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Sequence
from uuid import UUID

import psycopg
import structlog
from psycopg_pool import PoolTimeout
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.shared.ids import new_id
from app.shared.outbox.feed import News
from app.shared.outbox.lease import LEASE_SECONDS, Leases
from app.shared.outbox.pool import RelayPool, open_pool
from app.shared.outbox.row import OutboxRow, Sender
from app.shared.outbox.writer import OutboxKind
from app.shared.rdb import WAKE_CHANNEL
from workers.dispatcher import POLL_SECONDS, Dispatcher, Hook

KINDS = tuple(OutboxKind)
RARE_POLL_SECONDS = 1.0  # while signals are heard, a poll finds only what lost its own
RELAYS_KEY = "berth:relays"  # sorted set: relay -> when it was last seen, in Valkey's seconds

log = structlog.get_logger("relay")
SenderFactory = Callable[[RelayPool], Sequence[Sender]]


def _no_hook(point: str, rows: Sequence[OutboxRow]) -> None:
    """Nothing happens at the named points of a round; fault tests put a crash there."""


class Relay:
    """One relay. `run()` until `stop()`; any number may run on one database."""

    def __init__(
        self,
        database_url: str,
        valkey: Redis,
        senders: SenderFactory,
        *,
        owner: UUID | None = None,
        lease_seconds: float = LEASE_SECONDS,
        hook: Hook = _no_hook,
    ) -> None:
        self.owner = owner or new_id()
        self._pool = open_pool(database_url, "berth-relay")
        self._valkey = valkey
        self._make_senders = senders
        self._lease_seconds = lease_seconds
        self._leases = Leases(self._pool, self.owner, lease_seconds)
        self._hook = hook
        self._stopping = asyncio.Event()
        self._dispatchers: list[Dispatcher] = []
        self._subscribed = False  # the signals of those who commit

    def stop(self) -> None:
        """Ask `run()` to finish its rounds and return."""
        self._stopping.set()
        self.wake()

    def wake(self, kinds: Collection[str] = KINDS) -> None:
        """Look for rows of these kinds now."""
        for dispatcher in self._dispatchers:
            if dispatcher.kind in kinds:
                dispatcher.look()

    async def run(self) -> None:
        """Relay until stopped; leases are given back at the end, so that others go on at once."""
        await self._pool.open()
        senders = self._make_senders(self._pool)
        try:
            async with asyncio.TaskGroup() as tasks:
                self._dispatchers = [Dispatcher(self._pool, self._leases, sender, self._hook) for sender in senders]
                background = [tasks.create_task(part()) for part in (self._keep_leases, self._listen, self._poll)]
                running = [tasks.create_task(dispatcher.run(self._stopping)) for dispatcher in self._dispatchers]
                await self._stopping.wait()
                self.wake()
                await asyncio.wait(running)
                for task in background:
                    task.cancel()
        finally:
            with contextlib.suppress(psycopg.Error, PoolTimeout):
                await self._leases.release_all()
            with contextlib.suppress(RedisError, OSError):
                await self._valkey.zrem(RELAYS_KEY, str(self.owner))  # nobody leaves a share for us
            for sender in senders:
                await sender.close()
            await self._pool.close()

    async def _poll(self) -> None:
        """What no signal told of is found by asking, once for all kinds."""
        news = News(self._pool)
        while True:
            await asyncio.sleep(RARE_POLL_SECONDS if self._subscribed else POLL_SECONDS)
            try:
                self.wake(await news.read())
            except (psycopg.Error, PoolTimeout, OSError):
                continue  # the dispatchers meet it too, and say so

    async def _keep_leases(self) -> None:
        while True:
            try:
                if await self._leases.tick(await self._count_relays()):
                    self.wake()
            except (psycopg.Error, PoolTimeout, OSError) as error:
                log.warning("leases were not renewed", error=str(error))
                await asyncio.sleep(POLL_SECONDS)
                continue
            await asyncio.sleep(self._lease_seconds / 4)

    async def _count_relays(self) -> int:
        """How many relays are alive; 1 when Valkey cannot say, then nobody gives a shard away."""
        try:
            now = int((await self._valkey.time())[0])
            async with self._valkey.pipeline(transaction=False) as pipe:
                pipe.zadd(RELAYS_KEY, {str(self.owner): now})
                pipe.zremrangebyscore(RELAYS_KEY, "-inf", now - int(self._lease_seconds) - 2)
                pipe.zcard(RELAYS_KEY)
                return max(1, int((await pipe.execute())[2]))
        except (RedisError, OSError):
            return 1

    async def _listen(self) -> None:
        while True:
            try:
                async with self._valkey.pubsub(ignore_subscribe_messages=True) as signals:
                    await signals.subscribe(WAKE_CHANNEL)
                    self._subscribed = True
                    while True:
                        if await signals.get_message(timeout=1.0) is not None:
                            self.wake()
            except (RedisError, OSError):
                self._subscribed = False
                await asyncio.sleep(1)  # the poll carries on meanwhile
