"""Starts periodic jobs, once per tick in the whole fleet: SAQ's own crons are late below five seconds.

A tick belongs to whoever sets its key in Valkey first; ticks are counted by Valkey's clock. The job's key is the name
of its spec, so that a job still running is not started a second time beside itself.
"""

import asyncio
from collections.abc import Iterable, Mapping

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from saq.queue import Queue

from app.shared.manifest import CronSpec, Domain
from workers.senders import saq_job

log = structlog.get_logger("ticker")


class Ticker:
    """Ticks all CronSpecs of the registry. `run()` until cancelled."""

    def __init__(self, valkey: Redis, queues: Mapping[str, Queue], domains: Iterable[Domain]) -> None:
        self._valkey = valkey
        self._queues = queues
        self._specs = [spec for domain in domains for spec in domain.crons]

    async def run(self) -> None:
        """One task per spec."""
        async with asyncio.TaskGroup() as tasks:
            for spec in self._specs:
                tasks.create_task(self._run(spec))

    async def _run(self, spec: CronSpec) -> None:
        while True:
            try:
                wait = await self.tick(spec)
            except (RedisError, OSError) as error:
                log.warning("a periodic job waits for Valkey", job=spec.name, error=str(error))
                wait = 1.0
            await asyncio.sleep(wait)

    async def tick(self, spec: CronSpec) -> float:
        """Start the job of the present tick unless another process did. Returns the seconds until the next tick."""
        every = max(1, int(spec.every.total_seconds() * 1000))
        seconds, micros = await self._valkey.time()
        now = int(seconds) * 1000 + int(micros) // 1000
        slot = now // every
        first = await self._valkey.set(f"berth:tick:{spec.name}:{slot}", b"1", nx=True, px=every + 60_000)
        if first:
            await self._queues[spec.queue].enqueue(saq_job(spec, spec.name, {}, None))
        return ((slot + 1) * every - now) / 1000
