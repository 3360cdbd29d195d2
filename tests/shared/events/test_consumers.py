"""Durable consumers against real NATS and PostgreSQL: at least once on the wire, exactly once in effect."""

import asyncio
from uuid import UUID, uuid4

import psycopg
import pytest
from nats.aio.msg import Msg
from sqlalchemy.exc import OperationalError

from app.shared.authz.actor import SYSTEM
from app.shared.context import Context, Runtime
from app.shared.errors import Conflict, NotFound
from app.shared.events import Envelope, Event, inbox
from app.shared.ids import new_id
from app.shared.manifest import ConsumerSpec, Domain
from app.shared.outbox.dead_letters import redrive
from tests.fixtures.relay import (
    CounterMoved,
    Ledger,
    event_senders,
    jetstream,
    message,
    move,
    recorder,
    running,
    until,
    write_effect,
)
from workers import consumer as consumer_module
from workers.consumers import Consumers
from workers.relay import Relay

pytestmark = pytest.mark.commits
NAME = "probe.fragile"


class Fragile:
    """A consumer that fails for a step as often as it is told to."""

    def __init__(self, fails: dict[int, int]) -> None:
        self.fails = fails
        self.calls: list[int] = []

    async def handle(self, ctx: Context, fact: Event, envelope: Envelope) -> None:
        assert isinstance(fact, CounterMoved)
        self.calls.append(fact.to)
        await write_effect(ctx, NAME, fact)
        if self.fails.get(fact.to, 0) > 0:
            self.fails[fact.to] -= 1
            raise RuntimeError("the consumer broke")

    def domain(self, *, ordered: bool = True) -> list[Domain]:
        spec = ConsumerSpec(name=NAME, events=(CounterMoved,), handle=self.handle, ordered=ordered)
        return [Domain(name="probe", consumers=[spec])]


def relay_of(runtime: Runtime) -> Relay:
    return Relay(runtime.settings.database.url, runtime.valkey, event_senders(runtime.settings.nats_url))


async def has(ledger: Ledger, counter: UUID, steps: list[int], consumer: str = NAME) -> bool:
    return await ledger.steps(consumer, counter) == steps


async def test_a_message_that_fails_comes_again_before_later_ones_of_its_aggregate(
    runtime: Runtime, ledger: Ledger
) -> None:
    counter, other = uuid4(), uuid4()
    fragile = Fragile({1: 2})
    await move(runtime, counter, 1, 2, 3)
    await move(runtime, other, 7)
    async with running(relay_of(runtime), Consumers(runtime, fragile.domain())):
        await until(lambda: has(ledger, other, [7]))
        assert await ledger.steps(NAME, counter) == []
        await until(lambda: has(ledger, counter, [1, 2, 3]))
    assert fragile.calls.count(1) == 3


async def test_put_off_messages_that_come_back_in_another_order_are_handled_in_theirs(
    runtime: Runtime, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker gives back what was put off by when it is due; here the later ones are due first."""
    counter = uuid4()
    fragile = Fragile({1: 1})
    put_off = Msg.nak
    delays = iter((0.6, 0.5, 0.4, 0.3))

    async def backwards(self: Msg, delay: float | None = None) -> None:
        await put_off(self, next(delays, delay))

    monkeypatch.setattr(Msg, "nak", backwards)
    await move(runtime, counter, 1, 2, 3, 4)
    async with running(relay_of(runtime), Consumers(runtime, fragile.domain())):
        await until(lambda: _recorded(ledger, 4))
    assert await ledger.steps(NAME, counter) == [1, 2, 3, 4]


async def test_what_waits_holds_back_newer_ones_whichever_process_takes_the_consumer(
    runtime: Runtime, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "FIRST_DELAY", 2.0)  # the newer one comes long before
    counter = uuid4()
    await move(runtime, counter, 1)
    async with running(relay_of(runtime)):
        async with running(Consumers(runtime, Fragile({1: 1}).domain())):
            await until(lambda: _deferred(ledger, [(1, 1)]))
        await move(runtime, counter, 2)
        async with running(Consumers(runtime, Fragile({}).domain())):
            await until(lambda: _deferred(ledger, [(1, 1), (2, 0)]))
            assert await ledger.steps(NAME, counter) == []
            await until(lambda: has(ledger, counter, [1, 2]))
    assert await _deferred(ledger, [])


async def _deferred(ledger: Ledger, expected: list[tuple[int, int]]) -> bool:
    return await ledger.rows("SELECT version, failures FROM shared.deferred_events ORDER BY version") == expected


async def test_what_a_process_had_in_hand_when_it_died_comes_before_anything_newer(
    runtime: Runtime, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.shared.events.jetstream.ACK_WAIT", 2.0)
    monkeypatch.setattr("workers.consumers.ACK_WAIT", 2.0)
    monkeypatch.setattr("workers.consumers.LEASE_SECONDS", 2.0)
    counter, in_hand = uuid4(), asyncio.Event()

    async def hang(ctx: Context, fact: Event, envelope: Envelope) -> None:
        in_hand.set()
        await asyncio.Event().wait()

    dies = ConsumerSpec(name=NAME, events=(CounterMoved,), handle=hang)
    await move(runtime, counter, 1)
    async with running(relay_of(runtime)):
        dying = asyncio.create_task(Consumers(runtime, [Domain(name="probe", consumers=[dies])]).run())
        await in_hand.wait()
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
        await move(runtime, counter, 2)
        async with running(Consumers(runtime, Fragile({}).domain())):
            await until(lambda: has(ledger, counter, [1, 2]))


async def test_a_message_waits_in_hand_while_the_database_is_away(
    runtime: Runtime, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter, away = uuid4(), [True] * 2
    deliver = consumer_module.deliver

    async def unreachable(*arguments: object) -> inbox.Verdict:
        if away:
            away.pop()
            raise OperationalError("SELECT", {}, psycopg.OperationalError("gone"))
        return await deliver(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(consumer_module, "deliver", unreachable)
    await move(runtime, counter, 1, 2, 3)
    async with running(relay_of(runtime), Consumers(runtime, Fragile({}).domain())):
        await until(lambda: has(ledger, counter, [1, 2, 3]))
    assert await _deferred(ledger, [])


async def test_the_same_event_under_two_message_ids_has_one_effect(runtime: Runtime, ledger: Ledger) -> None:
    counter, event_id = uuid4(), new_id()
    domain = Domain(name="probe", consumers=[recorder()])
    async with running(Consumers(runtime, [domain])), jetstream(runtime.settings.nats_url) as broker:
        for message_id in ("one", "two"):
            body = message(counter, 1, event_id)
            await broker.publish(CounterMoved.SUBJECT, body, headers={"Nats-Msg-Id": message_id})
        await broker.publish(CounterMoved.SUBJECT, message(counter, 2))
        await until(lambda: has(ledger, counter, [1, 2], "probe.recorder"))


@pytest.mark.parametrize(("ordered", "expected"), [(True, [2, 3]), (False, [2, 1, 3])])
async def test_an_older_version_is_ignored_by_ordered_consumers_only(
    runtime: Runtime, ledger: Ledger, ordered: bool, expected: list[int]
) -> None:
    counter = uuid4()
    domain = Domain(name="probe", consumers=[recorder(ordered=ordered)])
    async with running(Consumers(runtime, [domain])), jetstream(runtime.settings.nats_url) as broker:
        for step in (2, 1, 3):
            await broker.publish(CounterMoved.SUBJECT, message(counter, step))
            await until(lambda: _recorded(ledger, {2: 1, 1: 2, 3: 3}[step]))  # noqa: B023 - awaited at once
    assert await ledger.steps("probe.recorder", counter) == expected


async def _recorded(ledger: Ledger, count: int) -> bool:
    return (await ledger.rows("SELECT count(*) FROM shared.processed_events"))[0][0] == count


POISON = {
    "no text": b"\xff\x00 not json",
    "another shape": b"{}",
    "another type": b'{"envelope": 1, "data": {}}',
    "nothing": b"",
    "without an end": b'{"envelope": ' + b"[" * 100_000,
    "deeper than anybody reads": b"[" * 50_000 + b"]" * 50_000,
    "a character that no database keeps": b'{"envelope": "\\u0000", "data": {}}',
}
ODD_HEADERS = [{}, {"Status": "409"}, {"Nats-Msg-Id": "\u00fc, no id"}, {"X": "a" * 4_000}]


@pytest.mark.parametrize("body", POISON.values(), ids=list(POISON))
async def test_a_poison_message_is_a_dead_letter_at_once_and_stops_nobody(
    runtime: Runtime, ledger: Ledger, body: bytes
) -> None:
    await _buried(runtime, ledger, body, {})


@pytest.mark.parametrize("headers", ODD_HEADERS, ids=["none", "of the broker", "no id", "long"])
async def test_odd_headers_make_no_message_disappear(runtime: Runtime, ledger: Ledger, headers: dict[str, str]) -> None:
    await _buried(runtime, ledger, b"", headers)


async def _buried(runtime: Runtime, ledger: Ledger, body: bytes, headers: dict[str, str]) -> None:
    counter = uuid4()
    domain = Domain(name="probe", consumers=[recorder()])
    async with running(Consumers(runtime, [domain])), jetstream(runtime.settings.nats_url) as broker:
        await broker.publish(CounterMoved.SUBJECT, body, headers=headers or None)
        await broker.publish(CounterMoved.SUBJECT, message(counter, 1))
        await until(lambda: has(ledger, counter, [1], "probe.recorder"))
        await until(lambda: _letters(ledger, 1))
    rows = await ledger.rows("SELECT source, name, attempts, redriven_at FROM shared.dead_letters")
    assert rows == [("probe.recorder", CounterMoved.SUBJECT, 1, None)]


async def _letters(ledger: Ledger, count: int) -> bool:
    query = "SELECT count(*) FROM shared.dead_letters WHERE redriven_at IS NULL"
    return (await ledger.rows(query))[0][0] == count


async def test_a_message_with_a_field_from_the_future_is_understood(runtime: Runtime, ledger: Ledger) -> None:
    counter = uuid4()
    body = message(counter, 1).replace(b'"to":1', b'"to":1,"added_later":"x"')
    assert b"added_later" in body
    domain = Domain(name="probe", consumers=[recorder()])
    async with running(Consumers(runtime, [domain])), jetstream(runtime.settings.nats_url) as broker:
        await broker.publish(CounterMoved.SUBJECT, body)
        await until(lambda: has(ledger, counter, [1], "probe.recorder"))


async def test_a_dead_letter_can_be_sent_again_to_its_consumer_alone(
    runtime: Runtime, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "MAX_FAILURES", 2)
    counter = uuid4()
    fragile = Fragile({1: 2})
    domains = [*fragile.domain(ordered=False), Domain(name="other", consumers=[recorder()])]
    await move(runtime, counter, 1)
    async with running(relay_of(runtime), Consumers(runtime, domains)):
        await until(lambda: _letters(ledger, 1))
        ((letter, source, attempts),) = await ledger.rows("SELECT id, source, attempts FROM shared.dead_letters")
        assert (source, attempts) == (NAME, 2)
        assert isinstance(letter, UUID)
        async with runtime.context(SYSTEM) as ctx:
            await redrive(ctx, letter)
        await until(lambda: has(ledger, counter, [1]))
        await until(ledger.relayed)

        async def again() -> None:
            async with runtime.context(SYSTEM) as ctx:
                await redrive(ctx, letter)

        with pytest.raises(Conflict):
            await again()
    assert await ledger.steps("probe.recorder", counter) == [1]
    assert await ledger.rows("SELECT 1 FROM shared.dead_letters WHERE redriven_at IS NULL") == []


async def test_a_dead_letter_that_does_not_exist_is_not_found(runtime: Runtime) -> None:
    async def missing() -> None:
        async with runtime.context(SYSTEM) as ctx:
            await redrive(ctx, uuid4())

    with pytest.raises(NotFound):
        await missing()


async def test_two_processes_of_consumers_keep_the_order_and_double_nothing(runtime: Runtime, ledger: Ledger) -> None:
    counters = [uuid4() for _ in range(6)]
    domain = Domain(name="probe", consumers=[recorder(), recorder("probe.loose", ordered=False)])
    async with running(relay_of(runtime), Consumers(runtime, [domain]), Consumers(runtime, [domain])):
        await asyncio.gather(*(move(runtime, counter, *range(1, 16)) for counter in counters))
        for counter in counters:
            await until(lambda counter=counter: has(ledger, counter, list(range(1, 16)), "probe.recorder"))
            await until(lambda counter=counter: _all(ledger, counter))


async def _all(ledger: Ledger, counter: UUID) -> bool:
    return sorted(await ledger.steps("probe.loose", counter)) == list(range(1, 16))


async def test_a_database_that_goes_away_is_not_the_message_s_failure(
    runtime: Runtime, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "MAX_FAILURES", 1)
    counter = uuid4()
    cut: list[int] = []

    async def handle(ctx: Context, fact: Event, envelope: Envelope) -> None:
        from sqlalchemy import text

        if not cut:
            cut.append(1)
            await ctx.session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        await write_effect(ctx, NAME, fact)

    spec = ConsumerSpec(name=NAME, events=(CounterMoved,), handle=handle)
    await move(runtime, counter, 1)
    async with running(relay_of(runtime), Consumers(runtime, [Domain(name="probe", consumers=[spec])])):
        await until(lambda: has(ledger, counter, [1]))
    assert cut == [1]
    assert await ledger.rows("SELECT 1 FROM shared.dead_letters") == []
