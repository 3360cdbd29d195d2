"""Relay and consumers are killed, frozen and cut off: no effect is lost, none comes twice, aggregates keep their order.

The seed of random choices is printed; BERTH_TEST_SEED repeats a run.
"""

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from app.shared.context import Runtime
from app.shared.manifest import Domain
from devstack.services.nats import Nats, throwaway_nats
from devstack.services.valkey import Valkey
from tests.fixtures.postgres import DatabaseUrls
from tests.fixtures.relay import (
    Ledger,
    event_senders,
    move,
    probe_runtime,
    probe_settings,
    recorder,
    running,
    stored,
    until,
)
from workers.consumers import Consumers
from workers.relay import Relay

pytestmark = pytest.mark.commits
SCRIPT = Path(__file__).with_name("relay_process.py")
NAME = "probe.recorder"
DOMAINS = [Domain(name="probe", consumers=[recorder()])]


@pytest.fixture
def chance() -> random.Random:
    seed = int(os.environ.get("BERTH_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"BERTH_TEST_SEED={seed}")
    return random.Random(seed)


def relay_of(runtime: Runtime) -> Relay:
    settings = runtime.settings
    return Relay(settings.database.url, runtime.valkey, event_senders(settings.nats_url), lease_seconds=2.0)


@asynccontextmanager
async def process(
    runtime: Runtime, part: str, action: str = "none", point: str = "-"
) -> AsyncIterator["subprocess.Popen[bytes]"]:
    """The part in a process of its own, begun; killed and reaped at the end, whatever state it is in."""
    settings = runtime.settings
    where = (settings.database.url, settings.valkey_url, settings.nats_url)
    command = [sys.executable, str(SCRIPT), part, *where, action, point]
    child = await asyncio.to_thread(subprocess.Popen, command, stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        async with asyncio.timeout(20):
            assert await asyncio.to_thread(child.stdout.readline) == b"ready\n"
        yield child
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()
        if child.stdout is not None:
            child.stdout.close()


async def ended(child: "subprocess.Popen[bytes]") -> bool:
    return child.poll() is not None


async def frozen(child: "subprocess.Popen[bytes]") -> bool:
    state = await asyncio.to_thread(Path(f"/proc/{child.pid}/stat").read_text)
    return state.rpartition(")")[2].split()[0] == "T"


async def has(ledger: Ledger, counter: UUID, steps: list[int]) -> bool:
    return await ledger.steps(NAME, counter) == steps


@pytest.mark.parametrize("point", ["scanned", "sent", "marked"])
async def test_a_relay_killed_anywhere_in_a_round_loses_nothing_and_doubles_nothing(
    runtime: Runtime, ledger: Ledger, point: str
) -> None:
    counter, steps = uuid4(), list(range(1, 41))
    await move(runtime, counter, *steps)
    async with process(runtime, "relay", "die", point) as child:
        await until(lambda: ended(child))
        assert child.returncode == -signal.SIGKILL
    assert (await ledger.pending() == 40) == (point != "marked")
    async with running(relay_of(runtime), Consumers(runtime, DOMAINS)):
        await until(lambda: has(ledger, counter, steps))
        await until(ledger.relayed)
    assert await stored(runtime.settings.nats_url) == len(steps)


async def test_relays_killed_at_random_under_load_lose_nothing(
    runtime: Runtime, ledger: Ledger, chance: random.Random
) -> None:
    counters = [uuid4() for _ in range(4)]

    async def write() -> None:
        for step in range(1, 41):
            for counter in counters:
                await move(runtime, counter, step)

    async with running(Consumers(runtime, DOMAINS)):
        writing = asyncio.create_task(write())
        for _ in range(2):
            async with process(runtime, "relay") as child:
                await asyncio.sleep(chance.uniform(0.05, 0.8))  # chance
                child.kill()
        await writing
        async with running(relay_of(runtime)):
            for counter in counters:
                await until(lambda counter=counter: has(ledger, counter, list(range(1, 41))))
            await until(ledger.relayed)
    assert await stored(runtime.settings.nats_url) == 40 * len(counters)


@pytest.mark.parametrize("point", ["handled", "committed"])
async def test_a_consumer_killed_around_its_commit_has_each_effect_once(
    runtime: Runtime, ledger: Ledger, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.shared.events.jetstream.ACK_WAIT", 1.0)
    monkeypatch.setattr("workers.consumers.LEASE_SECONDS", 2.0)
    counter, steps = uuid4(), [1, 2, 3, 4, 5]
    async with running(relay_of(runtime)):
        await move(runtime, counter, *steps)
        await until(ledger.relayed)
        async with process(runtime, "consumers", "die", point) as child:
            await until(lambda: ended(child))
        assert await ledger.steps(NAME, counter) == ([] if point == "handled" else [1])
        async with running(Consumers(runtime, DOMAINS)):
            await until(lambda: has(ledger, counter, steps))


async def test_a_frozen_relay_that_wakes_after_the_takeover_changes_nothing(runtime: Runtime, ledger: Ledger) -> None:
    counter, steps = uuid4(), list(range(1, 31))
    await move(runtime, counter, *steps)
    async with process(runtime, "relay", "freeze", "scanned") as old:
        await until(lambda: frozen(old))
        async with running(relay_of(runtime), Consumers(runtime, DOMAINS)):
            await until(ledger.relayed)
            marks = "SELECT id, published_at, stream_sequence FROM shared.outbox_events ORDER BY id"
            before = await ledger.rows(marks)
            old.send_signal(signal.SIGCONT)
            await move(runtime, counter, *range(31, 61))
            await until(lambda: has(ledger, counter, list(range(1, 61))))
            await until(ledger.relayed)
        assert (await ledger.rows(marks))[:30] == before
        old.terminate()
        await until(lambda: ended(old))
        assert old.returncode == 0
    order = await ledger.rows("SELECT version FROM shared.outbox_events ORDER BY stream_sequence")
    assert [row[0] for row in order] == list(range(1, 61))
    assert await stored(runtime.settings.nats_url) == 60


async def test_a_relay_frozen_after_the_acks_lets_another_go_on_and_doubles_nothing(
    runtime: Runtime, ledger: Ledger
) -> None:
    counter, steps = uuid4(), list(range(1, 31))
    await move(runtime, counter, *steps)
    async with process(runtime, "relay", "freeze", "sent") as old:
        await until(lambda: frozen(old))
        assert await ledger.pending() == 30
        async with running(relay_of(runtime), Consumers(runtime, DOMAINS)):
            await until(ledger.relayed)
            old.send_signal(signal.SIGCONT)
            await move(runtime, counter, 31)
            await until(lambda: has(ledger, counter, [*steps, 31]))
    assert await stored(runtime.settings.nats_url) == 31


@pytest.fixture
def own_nats() -> Iterator[Nats]:
    """A NATS that the test may stop."""
    with throwaway_nats() as server:
        yield server


@pytest.fixture
async def cut_off(database: DatabaseUrls, valkey: Valkey, own_nats: Nats) -> AsyncIterator[Runtime]:
    async with probe_runtime(probe_settings(database.app, valkey.url, own_nats.url)) as runtime:
        yield runtime


async def test_a_broker_that_is_down_for_a_while_costs_no_attempt_and_no_event(
    cut_off: Runtime, ledger: Ledger, own_nats: Nats
) -> None:
    counter = uuid4()
    async with running(relay_of(cut_off), Consumers(cut_off, DOMAINS)):
        await move(cut_off, counter, 1, 2)
        await until(lambda: has(ledger, counter, [1, 2]))
        await asyncio.to_thread(own_nats.kill)
        await move(cut_off, counter, *range(3, 40))
        await asyncio.sleep(1)  # outlasts a few attempts
        assert await ledger.pending() == 37
        await asyncio.to_thread(own_nats.run)
        await until(lambda: has(ledger, counter, list(range(1, 40))), 30)
    assert await ledger.rows("SELECT 1 FROM shared.outbox_events WHERE attempts > 0") == []


async def test_a_relay_that_starts_before_the_broker_waits_for_it(
    cut_off: Runtime, ledger: Ledger, own_nats: Nats
) -> None:
    await asyncio.to_thread(own_nats.stop)
    counter = uuid4()
    await move(cut_off, counter, 1)
    async with running(relay_of(cut_off), Consumers(cut_off, DOMAINS)):
        await asyncio.sleep(0.5)  # outlasts a first attempt
        await asyncio.to_thread(own_nats.run)
        await until(lambda: has(ledger, counter, [1]))


@pytest.mark.parametrize("consumed", [False, True])
@pytest.mark.parametrize("lost", ["jetstream", "jetstream/jetstream/$G/streams/EVENTS/msgs"])
async def test_events_in_the_tail_that_the_broker_lost_are_published_again(
    cut_off: Runtime, ledger: Ledger, own_nats: Nats, tmp_path: Path, consumed: bool, lost: str
) -> None:
    store = own_nats.data_dir / lost  # the messages alone: then what the consumers had seen is newer than the stream
    counter = uuid4()
    async with running(relay_of(cut_off), Consumers(cut_off, DOMAINS)):
        await move(cut_off, counter, 1, 2, 3)
        await until(lambda: has(ledger, counter, [1, 2, 3]))
    _swap(own_nats, store, tmp_path / "earlier")
    async with running(relay_of(cut_off)):
        await move(cut_off, counter, *range(4, 30))
        await until(ledger.relayed)
    if consumed:
        async with running(Consumers(cut_off, DOMAINS)):
            await until(lambda: has(ledger, counter, list(range(1, 30))))
    # long ago, so that only the stream's own word can tell that they are gone
    await ledger.rows(
        "UPDATE shared.outbox_events SET published_at = published_at - interval '1 hour' WHERE true RETURNING 1"
    )
    _swap(own_nats, tmp_path / "earlier", store)
    assert await stored(own_nats.url) == 3
    async with running(relay_of(cut_off), Consumers(cut_off, DOMAINS)):
        await move(cut_off, counter, 30)
        await until(lambda: has(ledger, counter, list(range(1, 31))))
        await until(ledger.relayed)
    assert await stored(own_nats.url) == 30


def _swap(nats: Nats, source: Path, target: Path) -> None:
    """Stop the broker, make `target` a copy of `source`, start it again."""
    nats.stop()
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    nats.run()


async def test_a_tail_lost_behind_a_running_relay_s_back_is_published_again(
    cut_off: Runtime, ledger: Ledger, own_nats: Nats, tmp_path: Path
) -> None:
    counter = uuid4()
    async with running(relay_of(cut_off), Consumers(cut_off, DOMAINS)):
        await move(cut_off, counter, 1, 2, 3)
        await until(lambda: has(ledger, counter, [1, 2, 3]))
        await asyncio.to_thread(_swap, own_nats, own_nats.data_dir / "jetstream", tmp_path / "earlier")
    async with running(relay_of(cut_off)):
        await move(cut_off, counter, *range(4, 20))
        await until(ledger.relayed)
        await asyncio.to_thread(_swap, own_nats, tmp_path / "earlier", own_nats.data_dir / "jetstream")
        async with running(Consumers(cut_off, DOMAINS)):
            await until(lambda: has(ledger, counter, list(range(1, 20))), 30)


async def test_a_valkey_that_is_down_delays_no_event_beyond_the_poll(
    database: DatabaseUrls, nats: Nats, ledger: Ledger
) -> None:
    nowhere = "redis://127.0.0.1:1/0"
    counter = uuid4()
    async with probe_runtime(probe_settings(database.app, nowhere, nats.url)) as runtime:
        async with running(relay_of(runtime), Consumers(runtime, DOMAINS)):
            await move(runtime, counter, 1, 2, 3)
            await until(lambda: has(ledger, counter, [1, 2, 3]), 10)


async def test_a_database_that_cuts_every_connection_costs_no_attempt_and_no_event(
    runtime: Runtime, ledger: Ledger, database: DatabaseUrls
) -> None:
    import psycopg

    counter = uuid4()
    async with running(relay_of(runtime), Consumers(runtime, DOMAINS)):
        await move(runtime, counter, *range(1, 21))
        for _ in range(3):
            with psycopg.connect(database.superuser, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            await asyncio.sleep(0.3)  # pace of the cuts: some work is done between two
        await until(lambda: has(ledger, counter, list(range(1, 21))), 30)
        await until(ledger.relayed)
    assert await ledger.rows("SELECT 1 FROM shared.outbox_events WHERE attempts > 0") == []
    assert await ledger.rows("SELECT 1 FROM shared.dead_letters") == []
