"""The outbox relay: rows that committed leave for JetStream, SAQ and Temporal, each at least once, in order.

One lane per kind, so that a vendor that is down stops only its own kind. Lanes are woken by a signal after the commit
(losing it is harmless) and poll every 250 ms behind it. Owns no rule about any event, job or workflow.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from uuid import UUID

import psycopg
import structlog
from psycopg_pool import PoolTimeout
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.shared.ids import new_id
from app.shared.outbox.claim import Lane, RelayPool, open_pool
from app.shared.outbox.lease import LEASE_SECONDS, Leases
from app.shared.outbox.row import OutboxRow, Sender, VendorDown
from app.shared.rdb import WAKE_CHANNEL

POLL_SECONDS = 0.25
LONGEST_PAUSE = 2.0  # seconds between looks at a vendor that is down
RELAYS_KEY = "berth:relays"  # sorted set: relay -> when it was last seen, in Valkey's seconds

log = structlog.get_logger("relay")
SenderFactory = Callable[[RelayPool], Sequence[Sender]]
Hook = Callable[[str, Sequence[OutboxRow]], None]


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
        self._wakes: list[asyncio.Event] = []

    def stop(self) -> None:
        """Ask `run()` to finish its rounds and return."""
        self._stopping.set()
        self.wake()

    def wake(self) -> None:
        """Look for rows now."""
        for event in self._wakes:
            event.set()

    async def run(self) -> None:
        """Relay until stopped; leases are given back at the end, so that others go on at once."""
        await self._pool.open()
        senders = self._make_senders(self._pool)
        try:
            async with asyncio.TaskGroup() as tasks:
                background = [tasks.create_task(self._keep_leases()), tasks.create_task(self._listen())]
                running = [tasks.create_task(self._run_sender(sender)) for sender in senders]
                await self._stopping.wait()
                self.wake()
                await asyncio.wait(running)
                for task in background:
                    task.cancel()
        finally:
            with contextlib.suppress(psycopg.Error, PoolTimeout):
                await self._leases.release_all()
            for sender in senders:
                await sender.close()
            await self._pool.close()

    async def _run_sender(self, sender: Sender) -> None:
        lane = Lane(self._pool, self._leases, sender.kind)
        wake = asyncio.Event()
        self._wakes.append(wake)
        pause = 0.0
        while not self._stopping.is_set():
            wake.clear()
            try:
                if await self._round(lane, sender):
                    pause = 0.0
                    continue
                pause = POLL_SECONDS
            except VendorDown as error:
                log.warning("the relay waits for a vendor", kind=sender.kind.value, error=str(error))
                pause = await self._rest(pause, lane)
            except (psycopg.Error, PoolTimeout, OSError) as error:
                log.warning("the relay waits for the database", kind=sender.kind.value, error=str(error))
                pause = await self._rest(pause, lane)
            else:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(wake.wait(), pause)

    async def _rest(self, pause: float, lane: Lane) -> float:
        lane.rescan()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), max(POLL_SECONDS, pause))
        return min(LONGEST_PAUSE, max(POLL_SECONDS, pause) * 2)

    async def _round(self, lane: Lane, sender: Sender) -> bool:
        """One scan, one send, one mark. False when there was nothing to do."""
        if not self._leases.tokens():
            return False
        if await sender.prepare():
            lane.rescan()
        rows = await lane.scan()
        if not rows:
            return False
        self._hook("scanned", rows)
        with self._leases.working_on(list(lane.tokens)):
            if not self._leases.valid:  # we were stopped for a while: the rows may be another's by now
                lane.rescan()
                return True
            report = await sender.send(rows)
            self._hook("sent", rows)
            await lane.settle(rows, report)
            self._hook("marked", rows)
        for row in rows:
            if row.id in report.failed:
                log.warning(
                    "an outbox row failed",
                    outbox_name=row.name,
                    row=str(row.id),
                    attempts=row.attempts + 1,
                    error=report.failed[row.id],
                    correlation_id=row.correlation_id,
                )
        if report.down:
            raise VendorDown(report.down)
        return True

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
                    while True:
                        if await signals.get_message(timeout=1.0) is not None:
                            self.wake()
            except (RedisError, OSError):
                await asyncio.sleep(1)  # the poll carries on meanwhile
