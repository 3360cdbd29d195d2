"""The mechanism of batches by itself: a kind that counts, over things that are only numbers."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import text

from app.shared.authz.actor import SYSTEM
from app.shared.batch import BatchItem, BatchSpec, ask, one_by_one, store
from app.shared.batch.runner import make_step
from app.shared.batch.spec import BatchRef
from app.shared.ids import new_id
from tests.fixtures.batches import look, next_ref, run_batches


class Things:
    """Numbered things; `busy` ones are held by somebody else, `odd` ones cannot be done at all."""

    def __init__(self, count: int) -> None:
        self.left = {UUID(int=number + 1): number % 3 for number in range(count)}
        self.busy: set[UUID] = set()
        self.odd: set[UUID] = set()
        self.order: list[tuple[int, UUID]] = []
        self.stop = ""
        self.spec = BatchSpec(
            name="test.count",
            title="Counting",
            queue="maintenance",
            find=self.find,
            act=self.act,
            ends=self.ends,
            size=7,
        )

    async def ends(self, ctx, batch) -> str:
        return self.stop

    async def find(self, ctx, batch, after, limit):
        places = sorted((-rank, key) for key, rank in self.left.items())
        behind = [place for place in places if after is None or place > (-after.rank, after.id)]
        return [BatchItem(id=key, rank=-rank) for rank, key in behind[:limit]]

    async def act(self, ctx, batch, items):
        if self.odd & {item.id for item in items}:
            raise ValueError("odd")
        free = [item for item in items if item.id not in self.busy]
        for item in free:
            self.order.append((self.left.pop(item.id), item.id))
        return {item.id for item in free}


async def begin(runtime, things: Things, subject: UUID | None = None) -> bool:
    async with runtime.context(SYSTEM) as ctx:
        return await ask(ctx, things.spec, subject or new_id(), total=len(things.left))


async def test_all_things_are_done_once_in_order_and_a_step_is_bounded(runtime) -> None:
    things = Things(40)
    assert await begin(runtime, things)
    assert await run_batches(runtime, things.spec) == 7  # six with work, and the look that finds nothing
    assert things.order == sorted(things.order, key=lambda place: (-place[0], place[1]))
    assert len(things.order) == 40
    seen = await look(runtime, things.spec)
    assert (seen.done, seen.total, seen.state) == (40, 40, "done")


async def test_nothing_to_do_is_done_at_once(runtime) -> None:
    things = Things(0)
    await begin(runtime, things)
    assert await run_batches(runtime, things.spec) == 1
    assert (await look(runtime, things.spec)).state == "done"


async def test_busy_things_come_again_in_a_later_round(runtime) -> None:
    things = Things(20)
    things.busy = {UUID(int=4), UUID(int=9)}
    await begin(runtime, things)
    await run_batches(runtime, things.spec)
    seen = await look(runtime, things.spec)
    assert (seen.done, seen.round, seen.waits, seen.state) == (18, 2, True, "running")
    things.busy = set()
    ref = await next_ref(runtime, things.spec, late=True)
    assert ref is not None and await make_step(runtime, things.spec, ref)
    await run_batches(runtime, things.spec)
    assert (await look(runtime, things.spec)).done == 20


async def test_odd_things_are_passed_over_however_many_there_are(runtime) -> None:
    things = Things(40)
    things.odd = {UUID(int=number) for number in range(1, 41, 2)}
    await begin(runtime, things)
    await run_batches(runtime, things.spec)
    seen = await look(runtime, things.spec)
    assert (seen.done, seen.state, set(things.left)) == (20, "running", things.odd)
    assert "odd" in (seen.last_error or "")


async def test_it_ends_for_a_reason_and_a_new_one_may_begin(runtime) -> None:
    things, subject = Things(20), new_id()
    assert await begin(runtime, things, subject)
    assert not await begin(runtime, things, subject)
    things.stop = "not wanted any more"
    await run_batches(runtime, things.spec)
    seen = await look(runtime, things.spec)
    assert (seen.state, seen.outcome, len(things.left)) == ("stopped", "not wanted any more", 20)
    assert await begin(runtime, things, subject)


async def test_a_step_is_made_once_whatever_the_queue_delivers(runtime) -> None:
    things = Things(20)
    await begin(runtime, things)
    ref = await next_ref(runtime, things.spec)
    assert ref is not None
    assert await make_step(runtime, things.spec, ref)
    assert not await make_step(runtime, things.spec, ref)
    late = BatchRef(id=ref.id, step=9, correlation_id="x")
    assert not await make_step(runtime, things.spec, late)
    assert len(things.order) == 7


async def test_a_lost_job_is_asked_for_again_and_one_in_time_is_not(runtime) -> None:
    things = Things(20)
    await begin(runtime, things)
    async with runtime.context(SYSTEM) as ctx:
        assert await store.ask_for_lost(ctx, 60, 100) == 0
        await ctx.session.execute(text("UPDATE shared.batches SET due_at = due_at - interval '5 minutes'"))
        assert await store.ask_for_lost(ctx, 60, 100) == 1
        jobs = "SELECT count(*) FROM shared.outbox_events WHERE name = 'test.count'"
        assert await ctx.session.scalar(text(jobs)) == 2


async def test_a_batch_that_cannot_even_look_says_so(runtime) -> None:
    things = Things(3)

    async def find(ctx, batch, after, limit):
        raise RuntimeError("the table is gone")

    things.spec = BatchSpec(name="test.count", title="Counting", queue="maintenance", find=find, act=things.act)
    await begin(runtime, things)
    ref = await next_ref(runtime, things.spec)
    assert ref is not None
    with pytest.raises(RuntimeError):
        await make_step(runtime, things.spec, ref)
    assert "the table is gone" in ((await look(runtime, things.spec)).last_error or "")


async def test_old_batches_are_forgotten_and_those_under_way_are_not(runtime) -> None:
    things = Things(0)
    await begin(runtime, things)
    await run_batches(runtime, things.spec)
    await begin(runtime, things)
    async with runtime.context(SYSTEM) as ctx:
        await ctx.session.execute(text("UPDATE shared.batches SET ended_at = ended_at - interval '40 days'"))
        assert await store.prune(ctx.session, 30, 100) == 1
        assert await ctx.session.scalar(text("SELECT count(*) FROM shared.batches")) == 1


async def test_sweepers_go_on_behind_what_fails() -> None:
    done = []

    async def do(number: int) -> bool:
        if number == 2:
            raise ValueError("odd")
        done.append(number)
        return number != 3

    assert await one_by_one([1, 2, 3, 4], do, "a number was left") == 2
    assert done == [1, 3, 4]
