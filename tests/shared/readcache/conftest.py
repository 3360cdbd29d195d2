"""Processes that share a Valkey and a "database" of numbers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.shared.rdb import connect
from app.shared.readcache import ReadCache, ReadModel
from devstack.services.valkey import Valkey

NUMBER = ReadModel[int](name="tests.number", holds=int)
Process = Callable[[], Awaitable[ReadCache]]


@asynccontextmanager
async def process_on(url: str) -> AsyncIterator[ReadCache]:
    valkey = connect(url)
    cache = ReadCache(cast(Any, SimpleNamespace(valkey=valkey)))
    try:
        yield cache
    finally:
        await cache.aclose()
        await valkey.aclose()


async def hears(cache: ReadCache) -> None:
    """Until the process is told of invalidations."""
    cache._listen()

    async def heard() -> bool:
        return cache._hears

    await until(heard)


def stand_still(cache: ReadCache) -> None:
    """From now on nothing that is kept in this process grows old, however busy the machine is."""
    cache._local._monotonic = lambda: 0.0


async def until(true: Callable[[], Awaitable[bool]], seconds: float = 5.0) -> None:
    """Ask until it is so. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not await true():  # noqa: ASYNC110 - what another process does is no event of ours
            await asyncio.sleep(0.005)


@pytest.fixture
async def process(valkey: Valkey) -> AsyncIterator[Process]:
    """`await process()`: the read cache of one more process, which hears the others."""
    async with AsyncExitStack() as stack:

        async def start() -> ReadCache:
            cache = await stack.enter_async_context(process_on(valkey.url))
            await hears(cache)
            return cache

        yield start


class Rows:
    """What the answers are about: a number for each key, and how often each was read."""

    def __init__(self) -> None:
        self.now: dict[str, int] = {}
        self.reads = 0
        self.asked = asyncio.Event()
        self.hold: asyncio.Event | None = None  # a read has seen the rows, and its answer is not there yet

    async def read(self, cache: ReadCache, key: str) -> int:
        async def load() -> int:
            self.reads += 1
            self.asked.set()
            seen = self.now.get(key, 0)
            if self.hold is not None:
                await self.hold.wait()
            return seen

        return await cache.read(NUMBER, key, (f"number:{key}",), load)


@pytest.fixture
def rows() -> Rows:
    return Rows()
