"""What a feed hands out: every row once, those of one aggregate in their order, whenever their transactions commit."""

import asyncio
import contextlib
import os
import random
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest

from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from app.shared.outbox.feed import Feed, News, ServerChanged, Snapshot
from app.shared.outbox.pool import open_pool
from app.shared.outbox.writer import OutboxKind
from tests.fixtures.relay import CounterMoved

pytestmark = pytest.mark.commits


@pytest.fixture
def chance() -> random.Random:
    seed = int(os.environ.get("BERTH_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"BERTH_TEST_SEED={seed}")
    return random.Random(seed)


async def test_a_feed_hands_out_each_row_once_in_order_whenever_it_commits(
    runtime: Runtime, chance: random.Random
) -> None:
    """Transactions of random length, of which some are open across windows and pages, and some never commit."""
    written: dict[UUID, list[int]] = {uuid4(): [] for _ in range(20)}
    free = set(written)
    seen: list[tuple[UUID, int]] = []

    async def change() -> None:
        counter = chance.choice(sorted(free))
        free.discard(counter)  # its row is locked: one writer at a time, as of any aggregate
        version = len(written[counter]) + 1
        with contextlib.suppress(ZeroDivisionError):
            async with runtime.context(SYSTEM) as ctx:
                if chance.random() < 0.5:
                    await ctx.emit(CounterMoved(counter_id=counter, to=version), version=version)
                await asyncio.sleep(chance.expovariate(200))  # chance
                if not ctx.uow.wakes_relay:
                    await ctx.emit(CounterMoved(counter_id=counter, to=version), version=version)
                if chance.random() < 0.1:
                    raise ZeroDivisionError
                written[counter].append(version)
        free.add(counter)

    async def read(feed: Feed) -> None:
        rows = await feed.read(3)
        seen.extend((row.aggregate_id, row.version) for row in rows)

    async with open_pool(runtime.settings.database.url, "test") as pool:
        feed = Feed(pool, OutboxKind.EVENT, range(16))
        writers = [asyncio.create_task(_each(change, 30)) for _ in range(6)]
        while not all(writer.done() for writer in writers):
            await read(feed)
        await asyncio.gather(*writers)
        for _ in range(120):
            await read(feed)
    assert len(seen) == len(set(seen))
    for counter, versions in written.items():
        assert [version for aggregate, version in seen if aggregate == counter] == versions


async def test_what_a_server_that_began_anew_numbers_again_is_not_missed(runtime: Runtime) -> None:
    """The snapshots are of a run that had given out more numbers than reached its disk."""
    async with open_pool(runtime.settings.database.url, "test") as pool:
        feed, news = Feed(pool, OutboxKind.EVENT, range(16)), News(pool)
        while feed.has_more:
            await feed.read(1000)
        await news.read()
        ahead = Snapshot(str(1 << 40), [])
        feed._since, news._since = ahead, ahead
        feed._run = news._run = "1999-12-31 23:59:59+00"
        async with runtime.context(SYSTEM) as ctx:
            await ctx.emit(CounterMoved(counter_id=uuid4(), to=1), version=1)
        with pytest.raises(ServerChanged):
            await feed.read(1000)
        assert "event" in await news.read()
        assert await Feed(pool, OutboxKind.EVENT, range(16)).read(1000)


async def _each(do: Callable[[], Awaitable[None]], times: int) -> None:
    for _ in range(times):
        await do()
