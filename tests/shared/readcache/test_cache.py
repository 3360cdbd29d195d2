"""Both layers between processes: messages late, lost, doubled, shuffled; Valkey gone; a stampede."""

import asyncio
import random
import time

import msgspec
import pytest
from redis.asyncio import Redis

from app.shared.rdb import connect
from app.shared.readcache import ReadCache, ReadModel
from app.shared.readcache.store import CHANNEL, SharedStore
from devstack.services.valkey import Valkey, throwaway_valkey
from tests.shared.readcache.conftest import NUMBER, Process, Rows, hears, process_on, until


async def test_a_second_read_loads_nothing_in_any_process(process: Process, rows: Rows) -> None:
    one, two = await process(), await process()
    assert [await rows.read(cache, "a") for cache in (one, one, two, two)] == [0, 0, 0, 0]
    assert rows.reads == 1


async def test_a_change_is_seen_at_once_here_and_by_message_elsewhere(process: Process, rows: Rows) -> None:
    one, two = await process(), await process()
    assert (await rows.read(one, "a"), await rows.read(two, "a")) == (0, 0)
    rows.now["a"] = 1
    await one.invalidate(["number:a"])
    assert await rows.read(one, "a") == 1

    async def seen() -> bool:
        return await rows.read(two, "a") == 1

    await until(seen)


async def test_a_load_that_began_before_a_change_is_never_kept_after_it(process: Process, rows: Rows) -> None:
    one, two = await process(), await process()
    rows.hold = asyncio.Event()
    late = asyncio.create_task(rows.read(one, "a"))
    await rows.asked.wait()
    rows.now["a"] = 1
    await two.invalidate(["number:a"])
    hold, rows.hold = rows.hold, None
    hold.set()
    assert await late == 0  # it had asked before the change
    assert await rows.read(two, "a") == 1
    await one.invalidate([])  # nothing
    assert await rows.read(one, "a") == 1


async def test_who_asks_after_a_change_does_not_get_the_load_that_began_before(process: Process, rows: Rows) -> None:
    cache = await process()
    rows.hold = asyncio.Event()
    late = asyncio.create_task(rows.read(cache, "a"))
    await rows.asked.wait()
    rows.now["a"] = 1
    await cache.invalidate(["number:a"])
    hold, rows.hold = rows.hold, None
    assert await rows.read(cache, "a") == 1
    hold.set()
    assert await late == 0
    assert await rows.read(cache, "a") == 1


async def test_a_stampede_is_one_load(process: Process, rows: Rows) -> None:
    cache = await process()
    rows.hold = asyncio.Event()
    many = [asyncio.create_task(rows.read(cache, "a")) for _ in range(200)]
    await rows.asked.wait()
    rows.hold.set()
    assert await asyncio.gather(*many) == [0] * 200
    assert rows.reads == 1


async def test_a_load_that_fails_or_is_canceled_fails_nobody_else(process: Process) -> None:
    cache, asked = await process(), asyncio.Event()

    async def load() -> int:
        if not asked.is_set():
            asked.set()
            await asyncio.Event().wait()
        return 7

    first = asyncio.create_task(cache.read(NUMBER, "a", ("number:a",), load))
    await asked.wait()
    others = [asyncio.create_task(cache.read(NUMBER, "a", ("number:a",), load)) for _ in range(3)]
    await asyncio.sleep(0)
    first.cancel()
    assert await asyncio.gather(*others) == [7, 7, 7]


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_becomes_of_the_messages_the_last_answer_is_right(
    process: Process, rows: Rows, valkey: Valkey, seed: int
) -> None:
    """Changes in two processes; their invalidations are shuffled, doubled, late, and one that an event repeats later is
    lost at first. When all have arrived, every process answers as the rows are."""
    chance, caches = random.Random(seed), [await process(), await process()]
    late: list[tuple[ReadCache, str]] = []
    for step in range(60):
        cache, key = chance.choice(caches), chance.choice("abc")
        match chance.choice(["read", "read", "change", "deliver", "crowd"]):
            case "read":
                assert await rows.read(cache, key) <= step
            case "change":
                rows.now[key] = step
                late += [(cache, key)] * chance.choice([1, 1, 2])
                chance.shuffle(late)
            case "deliver" if late:
                process_, changed = late.pop()
                await process_.invalidate([f"number:{changed}"])
            case "crowd":
                await asyncio.gather(*(rows.read(chance.choice(caches), key) for _ in range(5)))
    for process_, changed in late:
        await process_.invalidate([f"number:{changed}"])

    async def right() -> bool:
        return all([await rows.read(cache, key) == rows.now.get(key, 0) for cache in caches for key in "abc"])

    await until(right)


async def test_a_lost_invalidation_is_made_good_by_the_bound(process: Process, rows: Rows) -> None:
    brief = ReadModel[int](name="tests.brief", holds=int, shared_seconds=0.2, local_seconds=0.1)
    one, two = await process(), await process()

    async def load() -> int:
        return rows.now.get("a", 0)

    assert await one.read(brief, "a", ("brief",), load) == await two.read(brief, "a", ("brief",), load) == 0
    rows.now["a"], changed = 1, time.monotonic()

    async def seen() -> bool:
        return await one.read(brief, "a", ("brief",), load) == await two.read(brief, "a", ("brief",), load) == 1

    await until(seen)
    assert time.monotonic() - changed < 0.3 + 0.5  # the bound, and half a second for a busy machine


async def test_a_lost_message_is_made_good_by_the_bound_of_the_process(process: Process, valkey: Valkey) -> None:
    """Valkey has the new generation, and this process was not told."""
    brief = ReadModel[int](name="tests.unheard", holds=int, local_seconds=0.2)
    cache, now = await process(), 0

    async def load() -> int:
        return now

    assert await cache.read(brief, "a", ("unheard",), load) == 0
    now = 1
    async with connect(valkey.url) as client:
        await client.set("berth:read:generation:unheard", b"another")
    assert await cache.read(brief, "a", ("unheard",), load) == 0

    async def seen() -> bool:
        return await cache.read(brief, "a", ("unheard",), load) == 1

    await until(seen, 2)


async def test_what_another_release_wrote_is_loaded_anew(process: Process, valkey: Valkey) -> None:
    class Balance(msgspec.Struct, frozen=True):
        available: int

    cache = await process()
    model = ReadModel[Balance](name="tests.balance", holds=Balance)
    async with connect(valkey.url) as client:
        await client.set(model.entry("a"), b"\n" + msgspec.msgpack.encode({"amount": "7"}))

    async def load() -> Balance:
        return Balance(7)

    assert await cache.read(model, "a", ("balance",), load) == Balance(7)


async def test_prefetch_brings_what_is_kept_in_one_round_trip(process: Process, rows: Rows) -> None:
    one, two = await process(), await process()
    for key in "abc":
        await rows.read(one, key)
    await two.prefetch([(NUMBER, key, (f"number:{key}",)) for key in "abcd"])
    assert [two._local.get(NUMBER.entry(key)) is not None for key in "abcd"] == [True, True, True, False]
    assert rows.reads == 3


def test_two_models_of_one_name_are_a_mistake() -> None:
    ReadModel[int](name="tests.once", holds=int)
    with pytest.raises(ValueError, match=r"two read models are called tests\.once"):
        ReadModel[str](name="tests.once", holds=str)


async def test_without_valkey_every_read_is_loaded_and_none_hangs(rows: Rows) -> None:
    async with process_on("redis://127.0.0.1:1/0") as cache:
        began = time.monotonic()
        for number in range(20):
            rows.now["a"] = number
            assert await rows.read(cache, "a") == number
            await cache.invalidate(["number:a"])
        assert rows.reads == 20 and time.monotonic() - began < 2


async def test_a_valkey_that_does_not_answer_is_asked_once_a_second() -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    valkey, now = connect(f"redis://127.0.0.1:{port}/0"), 0.0
    store = SharedStore(valkey, monotonic=lambda: now)
    try:
        began = time.monotonic()
        assert await store.look([("a", ("t",))]) is None
        assert time.monotonic() - began < 1.5
        assert store.is_down
        assert await store.look([("a", ("t",))]) is None  # not asked
        assert time.monotonic() - began < 1.5
        now = 1.1
        assert not store.is_down
    finally:
        await valkey.aclose()
        server.close()
        await server.wait_closed()


async def test_valkey_comes_back_and_nothing_old_with_it(rows: Rows) -> None:
    with throwaway_valkey() as server:
        async with process_on(server.url) as one, process_on(server.url) as two:
            await hears(one)
            await hears(two)
            assert (await rows.read(one, "a"), await rows.read(two, "a")) == (0, 0)
            server.stop()

            async def deaf() -> bool:
                return not one._hears and not two._hears

            await until(deaf)
            rows.now["a"] = 1
            await one.invalidate(["number:a"])  # nobody hears it
            assert (await rows.read(one, "a"), await rows.read(two, "a")) == (1, 1)


async def test_a_message_names_tags_only(process: Process, valkey: Valkey) -> None:
    cache = await process()
    client: Redis = connect(valkey.url)
    async with client, client.pubsub() as subscription:
        await subscription.subscribe(CHANNEL)
        await subscription.get_message(timeout=2)
        await cache.invalidate(["number:b", "number:a"])
        message = await subscription.get_message(timeout=2)
    assert message is not None and message["data"] == b"number:a\nnumber:b"
