"""The jobs of billing go on behind a tenant that is locked or odd."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from app.domains.billing.jobs import run_checkpoints, run_tick
from app.domains.billing.repository.accrual import AccrualRepository
from app.shared.authz.actor import SYSTEM
from app.shared.ids import new_id
from tests.domains.billing.books import USD, Books
from tests.fixtures.statements import statements

pytestmark = pytest.mark.commits
USED = "SELECT tenant_id FROM billing.usage_records GROUP BY tenant_id"
LEAST = "INSERT INTO shared.policy_values (id, key, value) VALUES (:id, 'billing.checkpoint_entries', '1')"
NOTICE = """
    INSERT INTO shared.policy_values (id, key, value, tenant_id)
    VALUES (:id, 'billing.runway_notice_seconds', '0', :tenant)
"""
CHECKPOINTED = """
    SELECT DISTINCT a.tenant_id FROM billing.ledger_checkpoints c JOIN billing.ledger_accounts a ON a.id = c.account_id
    WHERE a.tenant_id IS NOT NULL
"""
LOCK = text("SELECT FROM billing.ledger_accounts WHERE tenant_id = :id AND kind = 'customer_credit' FOR UPDATE")


async def three(runtime, clock) -> list[Books]:
    runtime.clock = clock
    tenants = sorted([Books(runtime, clock) for _ in range(3)], key=lambda books: books.tenant_id)
    for books in tenants:
        await books.open(100 * USD)
        await books.run()
    clock.advance(60)
    return tenants


async def test_a_tenant_that_cannot_be_read_keeps_no_other_meter(runtime, clock, monkeypatch) -> None:
    first, second, third = await three(runtime, clock)
    accrue = AccrualRepository.accrue

    async def odd(repository, tenant_ids, **values):
        if second.tenant_id in tenant_ids:
            raise ValueError("a number that no rule knows")
        return await accrue(repository, tenant_ids, **values)

    monkeypatch.setattr(AccrualRepository, "accrue", odd)
    await run_tick(runtime, {})
    assert {row[0] for row in await first.rows(USED)} == {first.tenant_id, third.tenant_id}


async def test_checkpoints_beside_debits_miss_nothing(runtime, clock) -> None:
    books = (await three(runtime, clock))[0]
    async with runtime.context(SYSTEM) as ctx:
        await ctx.session.execute(text(LEAST), {"id": new_id()})
    for _ in range(6):
        clock.advance(10)
        debits = [books.hold(USD) for _ in range(4)]
        await asyncio.gather(run_checkpoints(runtime, {}), *debits, run_checkpoints(runtime, {}), books.tick())
    await run_checkpoints(runtime, {})
    assert await books.rows(
        "SELECT count(*) FROM billing.ledger_entries e JOIN billing.ledger_accounts a ON a.id = e.account_id"
        " WHERE a.tenant_id IS NOT NULL AND e.id > (SELECT max(c.through_entry_id) FROM billing.ledger_checkpoints c"
        " WHERE c.account_id = a.id)"
    ) == [(0,)]
    assert (await books.verify()).ok


async def test_a_locked_tenant_keeps_no_other_from_the_tick_and_gets_its_checkpoint(runtime, clock) -> None:
    first, second, third = await three(runtime, clock)
    async with runtime.context(SYSTEM) as ctx:
        await ctx.session.execute(text(LEAST), {"id": new_id()})
    async with runtime.database.engine.connect() as somebody:
        await somebody.execute(LOCK, {"id": first.tenant_id})
        await run_tick(runtime, {})
        assert {row[0] for row in await first.rows(USED)} == {second.tenant_id, third.tenant_id}
        await run_checkpoints(runtime, {})
        assert len(await first.rows(CHECKPOINTED)) == 3
        await somebody.rollback()
    await run_tick(runtime, {})
    assert len(await first.rows(USED)) == 3


async def test_the_tick_reads_the_policies_of_all_its_tenants_at_once(runtime, clock) -> None:
    tenants = await three(runtime, clock)
    async with runtime.context(SYSTEM) as ctx:
        await ctx.session.execute(text(NOTICE), {"id": new_id(), "tenant": tenants[1].tenant_id})
    with statements(runtime, "policy_values") as asked:
        await run_tick(runtime, {})
    assert len(asked) == 2  # the interval of the tick, and the thresholds of every tenant
    recovered = [len(await books.events("billing.tenant.runway_recovered")) for books in tenants]
    assert recovered == [0, 1, 0]  # what is a notice by default is none for the one with a policy of its own
