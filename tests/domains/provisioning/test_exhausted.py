"""A tenant with 2,000 machines runs out of credit: everything goes, dearest first, in steps, whatever comes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import msgspec
import pytest
from sqlalchemy import event, text

from app.domains.billing import public as billing
from app.domains.billing.contracts import PostCredit
from app.domains.billing.events import TenantExhausted
from app.domains.provisioning.service import exhausted
from app.domains.provisioning.service.exhausted import RELEASE_TENANT
from app.shared.authz.actor import SYSTEM
from app.shared.batch.runner import make_step
from app.shared.money import Micro
from tests.fixtures.batches import look, next_ref, run_batches

MILLION = 1_000_000
ALLOCATIONS = text("""
    INSERT INTO provisioning.allocations (id, tenant_id, project_id, user_id, name, sku_id, sku_code, gpus, whole,
        image_code, currency, rate_micro, price_version_id, hold_micro, login, uid, state, state_changed_at,
        correlation_id, requested_at, active_at)
    SELECT uuidv7(), :tenant, :project, :tenant, 'train-' || n, :project, 'h100x8', 8, true, 'ubuntu/noble', 'USD',
        (1 + n * 7919 % 1000) * 1000, :project, 1000, 'user', 20000, CASE WHEN n > :running THEN 'requested' ELSE
        'active' END, :at, 'test', :at, CASE WHEN n > :running THEN NULL ELSE CAST(:at AS timestamptz) END
    FROM generate_series(1, :count) n
""")
METERED = text("""
    INSERT INTO billing.metered_allocations (allocation_id, tenant_id, project_id, label, gpus, currency, sku_id,
        price_version_id, rate, metered_from, created_at)
    SELECT id, tenant_id, project_id, name, 8, 'USD', CASE WHEN state = 'active' THEN sku_id END,
        CASE WHEN state = 'active' THEN sku_id END, CASE WHEN state = 'active' THEN rate_micro END, active_at, :at
    FROM provisioning.allocations WHERE tenant_id = :tenant
""")
HOLDS = text("""
    WITH t AS (
        INSERT INTO billing.ledger_transactions (id, occurred_at, kind, reference, cause_id, tenant_id, project_id,
            currency, funds_change, held_change, correlation_id)
        SELECT uuidv7(), :at, 'hold', 'hold:' || id, id, tenant_id, project_id, 'USD', 0, 1000, 'test'
        FROM provisioning.allocations WHERE tenant_id = :tenant RETURNING id, cause_id, tenant_id
    )
    INSERT INTO billing.ledger_entries (account_id, amount, transaction_id, hold_id)
    SELECT a.id, CASE a.kind WHEN 'customer_held' THEN 1000 ELSE -1000 END, t.id,
           CASE a.kind WHEN 'customer_held' THEN t.cause_id END
    FROM t JOIN billing.ledger_accounts a
      ON a.tenant_id = t.tenant_id AND a.kind IN ('customer_held', 'customer_credit')
""")
BURN = text("SELECT sum(rate)::bigint FROM billing.metered_allocations WHERE tenant_id = :tenant AND ended_at IS NULL")
STATES = text("SELECT state, count(*) FROM provisioning.allocations WHERE tenant_id = :tenant GROUP BY state")
ENDING = text("""
    SELECT a.id, a.rate_micro FROM shared.outbox_events o JOIN provisioning.allocations a ON a.id = o.aggregate_id
    WHERE o.name LIKE '%release_requested' ORDER BY o.id
""")
WORKFLOWS = text("SELECT count(*), count(DISTINCT name) FROM shared.outbox_events WHERE kind = 'workflow'")
LOCK = text("SELECT FROM provisioning.allocations WHERE id = :id FOR UPDATE")
DEAREST = text("""
    SELECT id FROM provisioning.allocations WHERE tenant_id = :tenant AND state = 'active'
    ORDER BY rate_micro DESC, id LIMIT 1
""")

pytestmark = pytest.mark.commits


class Tenant:
    """An organisation whose machines burn what it no longer has."""

    def __init__(self, runtime, clock) -> None:
        self.runtime, self.clock, self.id, self.project = runtime, clock, uuid4(), uuid4()
        runtime.clock = clock
        self.burn = 0

    async def rent(self, count: int, starting: int = 0) -> Tenant:
        async with self.runtime.context(SYSTEM) as ctx:
            await billing.open_accounts(ctx, self.id, "USD")
        await self.pay(1000 * count)
        values = {"tenant": self.id, "at": self.clock.instant}
        async with self.runtime.context(SYSTEM) as ctx:
            place = {"project": self.project, "count": count, "running": count - starting}
            await ctx.session.execute(ALLOCATIONS, values | place)
            await ctx.session.execute(METERED, values)
            await ctx.session.execute(HOLDS, values)
            self.burn = int(await ctx.session.scalar(BURN, {"tenant": self.id}))
        self.clock.advance(60)
        return self

    async def pay(self, amount: int) -> None:
        credit = PostCredit(tenant_id=self.id, amount=Micro(amount), currency="USD", reference=f"payment:{uuid4()}",
                            source="payment", cause_id=uuid4())  # fmt: skip
        async with self.runtime.context(SYSTEM) as ctx:
            await billing.post_credit(ctx, credit)

    async def run_out(self) -> bool:
        fact = TenantExhausted(tenant_id=self.id, funds=0, burn_per_hour=self.burn)
        async with self.runtime.context(SYSTEM) as ctx:
            return await exhausted.on_exhausted(ctx, fact)

    async def rows(self, statement) -> list[tuple[object, ...]]:
        async with self.runtime.context(SYSTEM) as ctx:
            return [tuple(row) for row in await ctx.session.execute(statement, {"tenant": self.id})]

    async def states(self) -> dict[str, int]:
        return dict(await self.rows(STATES))

    async def books_are_right(self) -> None:
        async with self.runtime.context(SYSTEM) as ctx:
            report = await billing.verify_ledger(ctx)
        assert report.ok, billing.render_verify_report(report)


@pytest.mark.parametrize("count", [240, pytest.param(2_000, marks=pytest.mark.slow)])
async def test_all_machines_go_dearest_first_and_the_meters_stop_with_them(count: int, runtime, clock) -> None:
    tenant = await Tenant(runtime, clock).rent(count, starting=12)
    assert await tenant.run_out() is True
    await make_step(runtime, RELEASE_TENANT, await next_ref(runtime, RELEASE_TENANT))
    first = await look(runtime, RELEASE_TENANT)
    assert (first.total, first.done, first.state) == (count, exhausted.SIZE, "running")
    assert (await tenant.states())["active"] == count - 12 - exhausted.SIZE  # what was done is done, whatever comes
    await run_batches(runtime, RELEASE_TENANT)
    end = await look(runtime, RELEASE_TENANT)
    assert (end.done, end.passed, end.state, end.outcome) == (count, 0, "done", "")
    assert await tenant.states() == {"releasing": count - 12, "requested": 12}
    left = await tenant.rows(ENDING)
    assert [rate for _, rate in left] == sorted((rate for _, rate in left), reverse=True)
    assert len({key for key, _ in left}) == count - 12
    assert await tenant.rows(WORKFLOWS) == [(count, count)]
    assert await tenant.rows(BURN) == [(None,)]
    await tenant.books_are_right()


async def test_a_step_holds_the_tenant_s_account_for_few_statements(runtime, clock) -> None:
    """A payment or launch of the tenant waits for it: 80 statements are about 50 ms."""
    await (tenant := await Tenant(runtime, clock).rent(40)).run_out()
    ref, seen = await next_ref(runtime, RELEASE_TENANT), []
    count = lambda *arguments: seen.append(arguments[2])  # noqa: E731 - the statement
    event.listen(runtime.database.engine.sync_engine, "before_cursor_execute", count)
    assert await make_step(runtime, RELEASE_TENANT, ref)
    event.remove(runtime.database.engine.sync_engine, "before_cursor_execute", count)
    assert (await tenant.states())["releasing"] == exhausted.SIZE
    assert len(seen) <= 80, len(seen)


async def test_a_locked_machine_holds_up_no_other_and_goes_when_it_is_free(runtime, clock) -> None:
    tenant = await Tenant(runtime, clock).rent(120)
    await tenant.run_out()
    ((locked,),) = await tenant.rows(DEAREST)
    async with runtime.database.engine.connect() as somebody:
        await somebody.execute(LOCK, {"id": locked})
        await run_batches(runtime, RELEASE_TENANT)
        seen = await look(runtime, RELEASE_TENANT)
        assert (seen.done, seen.round, seen.state, seen.waits) == (119, 2, "running", True)
        assert await tenant.states() == {"releasing": 119, "active": 1}
        await somebody.rollback()
    assert await make_step(runtime, RELEASE_TENANT, await next_ref(runtime, RELEASE_TENANT, late=True))
    await run_batches(runtime, RELEASE_TENANT)
    assert (await look(runtime, RELEASE_TENANT)).state == "done"
    assert await tenant.states() == {"releasing": 120}


@pytest.mark.parametrize("where", ["before the work", "after the work"])
async def test_a_step_that_is_cut_off_leaves_nothing_and_is_made_again(where: str, runtime, clock) -> None:
    tenant = await Tenant(runtime, clock).rent(120)
    await tenant.run_out()

    async def cut(ctx, batch, items):
        if where == "after the work":
            await RELEASE_TENANT.act(ctx, batch, items)
        raise asyncio.CancelledError

    broken, ref = msgspec.structs.replace(RELEASE_TENANT, act=cut), await next_ref(runtime, RELEASE_TENANT)
    with pytest.raises(asyncio.CancelledError):
        await make_step(runtime, broken, ref)
    assert await tenant.states() == {"active": 120}
    assert (await look(runtime, RELEASE_TENANT)).step == 0
    assert await make_step(runtime, RELEASE_TENANT, ref) is True
    assert await make_step(runtime, RELEASE_TENANT, ref) is False  # the queue delivers it once more
    await run_batches(runtime, RELEASE_TENANT)
    assert await tenant.states() == {"releasing": 120}
    await tenant.books_are_right()


async def test_one_batch_at_a_time_however_often_it_is_said_and_two_workers_make_one_step(runtime, clock) -> None:
    tenant = await Tenant(runtime, clock).rent(120)
    assert [await tenant.run_out() for _ in range(3)] == [True, False, False]
    ref = await next_ref(runtime, RELEASE_TENANT)
    made = await asyncio.gather(*(make_step(runtime, RELEASE_TENANT, ref) for _ in range(4)))
    assert sum(made) == 1
    assert (await look(runtime, RELEASE_TENANT)).done == exhausted.SIZE
    await run_batches(runtime, RELEASE_TENANT)
    assert await tenant.run_out() is False  # nothing is left to give back
    assert len(await tenant.rows(ENDING)) == 120


async def test_credit_that_arrives_stops_it_and_the_cheap_ones_go_on(runtime, clock) -> None:
    tenant = await Tenant(runtime, clock).rent(120)
    await tenant.run_out()
    await make_step(runtime, RELEASE_TENANT, await next_ref(runtime, RELEASE_TENANT))
    await tenant.pay(tenant.burn * 3)
    await run_batches(runtime, RELEASE_TENANT)
    seen = await look(runtime, RELEASE_TENANT)
    assert (seen.state, seen.done) == ("stopped", exhausted.SIZE)
    assert "Credit was added" in seen.outcome
    assert await tenant.states() == {"releasing": exhausted.SIZE, "active": 120 - exhausted.SIZE}
    clock.advance(timedelta(hours=9).total_seconds())
    async with runtime.context(SYSTEM) as ctx:
        await billing.accrue_running(ctx)
    assert await tenant.run_out() is True  # and it begins anew when that is used up too
    await run_batches(runtime, RELEASE_TENANT)
    assert await tenant.states() == {"releasing": 120}


async def test_one_machine_that_cannot_be_given_back_stops_no_other_and_operators_read_why(
    runtime, clock, monkeypatch
) -> None:
    tenant = await Tenant(runtime, clock).rent(60)
    await tenant.run_out()
    ((odd,),) = await tenant.rows(DEAREST)
    leave = exhausted.leave_active

    async def refuse(ctx, allocation, reason):
        if allocation.id == odd:
            raise ValueError("no such state")
        return await leave(ctx, allocation, reason)

    monkeypatch.setattr(exhausted, "leave_active", refuse)
    await run_batches(runtime, RELEASE_TENANT)
    seen = await look(runtime, RELEASE_TENANT)
    assert (seen.done, seen.state, seen.waits) == (59, "running", True)
    assert str(UUID(str(odd))) in (seen.last_error or "") and "no such state" in (seen.last_error or "")
    assert await tenant.states() == {"releasing": 59, "active": 1}
    await tenant.books_are_right()
