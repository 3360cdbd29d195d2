"""`drain()` of the flow tests, and what is deleted when."""

from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import text

from app.shared.authz.actor import SYSTEM
from app.shared.context import Context, Runtime
from app.shared.events import Envelope, Event
from app.shared.events.catalogue import entries
from app.shared.manifest import ConsumerSpec, Domain, JobSpec
from app.shared.outbox import WorkflowCall
from tests.fixtures.clock import FakeClock
from tests.fixtures.drain import NeverQuiet, drain, run_cron
from tests.fixtures.relay import CounterMoved, Ledger, move, recorder
from workers.housekeeping import HOUSEKEEPING

pytestmark = pytest.mark.commits


class Note(msgspec.Struct, frozen=True):
    text: str


async def test_drain_does_what_follows_from_what_it_does(runtime: Runtime, ledger: Ledger) -> None:
    counter = uuid4()
    ran: list[object] = []

    async def on_move(ctx: Context, fact: Event, envelope: Envelope) -> None:
        await ctx.enqueue("probe.note", Note("from a consumer"), aggregate_id=counter)

    async def note(runtime: Runtime, arguments: dict[str, object]) -> None:
        ran.append(arguments["text"])
        async with runtime.context(SYSTEM) as ctx:
            await ctx.call_workflow(
                WorkflowCall(verb="start", workflow_id="probe/1", workflow="Probe"), aggregate_id=counter
            )

    domain = Domain(
        name="probe",
        jobs=(JobSpec(name="probe.note", run=note, queue="billing", timeout=5, retries=0),),
        consumers=(recorder(), ConsumerSpec(name="probe.asks", events=(CounterMoved,), handle=on_move)),
    )
    await move(runtime, counter, 1)
    done = await drain(runtime, [domain])
    assert (done.events, done.jobs) == ([CounterMoved.SUBJECT], ["probe.note"])
    assert [call.workflow_id for call in done.workflows] == ["probe/1"]
    assert ran == ["from a consumer"]
    assert await ledger.steps("probe.recorder", counter) == [1]
    assert (await drain(runtime, [domain])).count == 0


async def test_drain_waits_for_the_clock_of_the_test(runtime: Runtime, clock: FakeClock) -> None:
    ran: list[object] = []

    async def note(runtime: Runtime, arguments: dict[str, object]) -> None:
        ran.append(arguments["text"])

    domain = Domain(name="p", jobs=(JobSpec(name="probe.note", run=note, queue="billing", timeout=5, retries=0),))
    runtime.clock = clock
    async with runtime.context(SYSTEM) as ctx:
        due_at = await ctx.now() + timedelta(hours=1)
        await ctx.enqueue("probe.note", Note("later"), aggregate_id=uuid4(), due_at=due_at)
        await ctx.enqueue("probe.note", Note("now"), aggregate_id=uuid4())
    await drain(runtime, [domain])
    assert ran == ["now"]
    clock.advance(3601)
    await drain(runtime, [domain])
    assert ran == ["now", "later"]


async def test_an_error_in_a_consumer_is_the_error_of_the_test(runtime: Runtime) -> None:
    async def broken(ctx: Context, fact: Event, envelope: Envelope) -> None:
        raise LookupError("as the test wants")

    spec = ConsumerSpec(name="probe.broken", events=(CounterMoved,), handle=broken)
    await move(runtime, uuid4(), 1)
    with pytest.raises(LookupError):
        await drain(runtime, [Domain(name="probe", consumers=(spec,))])


async def test_a_story_that_never_ends_is_noticed(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fixtures.drain.MAX_ROWS", 20)

    async def again(ctx: Context, fact: Event, envelope: Envelope) -> None:
        assert isinstance(fact, CounterMoved)
        await ctx.emit(CounterMoved(counter_id=fact.counter_id, to=fact.to + 1), version=fact.to + 1)

    spec = ConsumerSpec(name="probe.again", events=(CounterMoved,), handle=again)
    await move(runtime, uuid4(), 1)
    with pytest.raises(NeverQuiet):
        await drain(runtime, [Domain(name="probe", consumers=(spec,))])


async def test_rows_are_kept_for_a_week_after_publication_and_pending_ones_for_ever(
    runtime: Runtime, ledger: Ledger
) -> None:
    """Rows of weeks without a partition go one by one, a week that was published all goes with its partition."""
    await move(runtime, uuid4(), 1, 2, 3)
    async with runtime.context(SYSTEM) as ctx:
        for version, age in ((1, "8 days"), (2, "6 days")):
            await ctx.session.execute(
                text(
                    "UPDATE shared.outbox_events SET created_at = clock_timestamp() + interval '1 year',"
                    " published_at = clock_timestamp() - CAST(:age AS interval) WHERE version = :version"
                ),
                {"age": age, "version": version},
            )
        await ctx.session.execute(
            text(
                "INSERT INTO shared.processed_events (consumer, event_id, aggregate_id, version, processed_at) VALUES"
                " ('old', gen_random_uuid(), gen_random_uuid(), 1, clock_timestamp() - interval '22 days'),"
                " ('new', gen_random_uuid(), gen_random_uuid(), 1, clock_timestamp() - interval '20 days')"
            )
        )
    await run_cron(runtime, [HOUSEKEEPING], "shared.prune")
    assert await ledger.rows("SELECT version FROM shared.outbox_events ORDER BY version") == [(2,), (3,)]
    assert await ledger.rows("SELECT consumer FROM shared.processed_events") == [("new",)]


def test_the_catalogue_says_what_an_event_means_and_who_hears_it() -> None:
    found = [entry for entry in entries([Domain(name="probe", consumers=(recorder(),))]) if "probe" in entry.subject]
    assert [entry.subject for entry in found[:2]] == ["berth.v1.probe.counter.moved", "berth.v1.probe.counter.noted"]
    moved = found[0]
    assert (moved.meaning, moved.aggregate) == ("A counter of a test moved to `to`.", "counter_id")
    assert (moved.fields, moved.consumers) == ({"counter_id": "UUID", "to": "int"}, ["probe.recorder"])
