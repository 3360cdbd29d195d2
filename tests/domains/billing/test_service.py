"""Holds, metering and credit on a real PostgreSQL, as the role of the product."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from uuid import uuid4

import pytest

from app.domains.billing.errors import (
    HoldMissing,
    InsufficientCredit,
    NoBillingAccount,
    ReferenceReused,
    StillMetered,
)
from app.shared.money import charge
from tests.domains.billing.books import RATE, USD, Books

pytestmark = pytest.mark.commits


async def test_credit_is_posted_once_per_reference_however_often_it_is_told(books: Books) -> None:
    await books.open()
    posted = await asyncio.gather(*(books.credit(25 * USD, "payment:one") for _ in range(10)))
    assert len(set(posted)) == 1
    assert (await books.balance()).available == 25 * USD
    with pytest.raises(ReferenceReused):
        await books.credit(26 * USD, "payment:one")
    assert (await books.verify()).ok


async def test_credit_needs_accounts_and_the_tenants_currency(books: Books) -> None:
    with pytest.raises(NoBillingAccount):
        await books.credit(USD)


async def test_a_hold_moves_money_aside_and_comes_back_when_nothing_ran(books: Books) -> None:
    await books.open(credit=100 * USD)
    allocation_id = await books.hold(36_800_000)
    balance = await books.balance()
    assert (balance.available, balance.held, balance.burn_per_hour) == (63_200_000, 36_800_000, 0)
    await books.release(allocation_id)
    await books.release(allocation_id)
    balance = await books.balance()
    assert (balance.available, balance.held) == (100 * USD, 0)
    assert (await books.verify()).ok


async def test_a_hold_larger_than_the_balance_is_refused_and_says_by_how_much(books: Books) -> None:
    await books.open(credit=10 * USD)
    with pytest.raises(InsufficientCredit) as refused:
        await books.hold(36_800_000)
    assert (refused.value.available, refused.value.needed) == (10 * USD, 36_800_000)
    assert await books.rows("SELECT count(*) FROM billing.metered_allocations") == [(0,)]


async def test_repeating_a_hold_does_nothing_and_another_amount_is_refused(books: Books) -> None:
    await books.open(credit=100 * USD)
    allocation_id = await books.hold(5 * USD)
    await books.hold(5 * USD, allocation_id)
    assert (await books.balance()).held == 5 * USD
    with pytest.raises(ReferenceReused):
        await books.hold(6 * USD, allocation_id)


async def test_32_holds_at_once_on_one_balance_never_overdraw_it(books: Books) -> None:
    await books.open(credit=100 * USD)
    results = await asyncio.gather(*(books.hold(9 * USD) for _ in range(32)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, InsufficientCredit)]
    assert len(refused) == 32 - 11, results
    balance = await books.balance()
    assert (balance.available, balance.held) == (USD, 99 * USD)
    assert (await books.verify()).ok


async def test_usage_tiles_from_activation_to_the_end_and_costs_what_the_rule_says(books: Books) -> None:
    await books.open(credit=100 * USD)
    books.clock.advance(0.73)
    allocation_id = await books.run()
    for seconds in (10, 10.4, 3, 11, 0, 61):
        await books.tick(seconds)
    books.clock.advance(5.9)
    await books.stop(allocation_id)
    tiles = await books.rows("SELECT from_at, to_at, elapsed, seconds, amount FROM billing.usage_records ORDER BY 1")
    assert all(after[0] == before[1] for before, after in pairwise(tiles))
    lasted = sum(tile[3] for tile in tiles)  # type: ignore[misc]
    assert lasted == 102  # 0.73 -> 102.03, both truncated
    balance = await books.balance()
    assert balance.available == 100 * USD - charge(RATE, lasted)
    assert (balance.held, balance.burn_per_hour, balance.runway_seconds) == (0, 0, None)
    assert (await books.verify()).ok


async def test_reading_the_meter_again_adds_nothing(books: Books) -> None:
    await books.open(credit=100 * USD)
    await books.run()
    await books.tick(10)
    await asyncio.gather(*(books.tick() for _ in range(8)))
    assert await books.rows("SELECT count(*), sum(seconds) FROM billing.usage_records") == [(1, 10)]


async def test_many_workers_may_tick_at_once_while_machines_come_and_go(books: Books) -> None:
    await books.open(credit=5_000 * USD)
    first = [await books.run() for _ in range(6)]
    for _ in range(5):
        books.clock.advance(10)
        await asyncio.gather(*(books.tick() for _ in range(3)), books.run(), books.stop(first.pop()))
    await books.tick(10)
    assert (await books.verify()).ok
    assert await books.rows("SELECT count(*) FROM billing.usage_records WHERE seconds % 10 <> 0") == [(0,)]


async def test_a_machine_without_a_hold_is_not_metered(books: Books) -> None:
    await books.open(credit=100 * USD)
    with pytest.raises(HoldMissing):
        await books.start(uuid4())


async def test_a_running_machine_keeps_its_hold_until_it_stops(books: Books) -> None:
    await books.open(credit=100 * USD)
    allocation_id = await books.run()
    with pytest.raises(StillMetered):
        await books.release(allocation_id)
    await books.start(allocation_id)
    books.clock.advance(20)
    await books.stop(allocation_id)
    await books.stop(allocation_id)
    assert await books.rows("SELECT count(*), sum(seconds) FROM billing.usage_records") == [(1, 20)]
    with pytest.raises(HoldMissing):
        await books.start(allocation_id)


async def test_promotions_are_spent_first_and_a_hold_gives_them_back(books: Books) -> None:
    await books.open(credit=100 * USD)
    await books.credit(20 * USD, source="promotion")
    allocation_id = await books.hold(30 * USD)
    balance = await books.balance()
    assert (balance.promotions, balance.credit, balance.held) == (0, 90 * USD, 30 * USD)
    await books.release(allocation_id)
    balance = await books.balance()
    assert (balance.promotions, balance.credit, balance.held) == (20 * USD, 100 * USD, 0)


async def test_when_credit_ends_the_hold_pays_then_the_house_and_no_customer_falls_below_zero(books: Books) -> None:
    await books.open(credit=40 * USD)
    allocation_id = await books.run()  # 36.80 held, 3.20 left: ten minutes of it
    for _ in range(14):
        await books.tick(600)
    balance = await books.balance()
    assert (balance.available, balance.held) == (0, 0)
    written_off = await books.rows("SELECT balance FROM billing.balances WHERE kind = 'write_off'")
    assert written_off == [(-(charge(RATE, 8_400) - 40 * USD),)]
    await books.stop(allocation_id)
    assert (await books.verify()).ok


async def test_the_ladder_warns_once_on_each_rung_on_the_way_down_and_again_after_a_top_up(books: Books) -> None:
    await books.open(credit=40 * USD)
    await books.run(rate=1_600_000, hold=3_200_000)  # 25 hours
    for _ in range(2):
        await books.tick(3_600)
    assert [event["level"] for event in await books.events("billing.tenant.runway_low")] == ["notice"]
    await books.tick(19 * 3_600)
    await books.tick(3_540 + 3_540)
    await books.tick(6_000)
    levels = [event["level"] for event in await books.events("billing.tenant.runway_low")]
    assert levels == ["notice", "warning", "critical"]
    assert await books.events("billing.tenant.exhausted") == []
    await books.credit(100 * USD)
    assert [event["level"] for event in await books.events("billing.tenant.runway_recovered")] == ["fine"]
    await books.tick(3_600 * 62)
    await books.tick(3_600)
    assert len(await books.events("billing.tenant.exhausted")) == 1


async def test_a_machine_that_runs_on_without_money_is_told_again_until_it_stops(books: Books) -> None:
    await books.open(credit=40 * USD)
    forgotten = await books.run()
    await books.tick(3 * 3_600)
    assert len(await books.events("billing.tenant.exhausted")) == 1
    await books.tick(60)
    await books.tick(60)
    assert len(await books.events("billing.tenant.exhausted")) == 3
    assert await books.rows("SELECT count(*) FROM billing.low_balance_events WHERE level = 'exhausted'") == [(1,)]
    await books.stop(forgotten)
    await books.tick(60)
    assert len(await books.events("billing.tenant.exhausted")) == 3


async def test_the_balance_does_not_depend_on_checkpoints(books: Books) -> None:
    from app.domains.billing.jobs import run_checkpoints

    await books.open(credit=100 * USD)
    await books.run()
    await books.rows(
        "INSERT INTO shared.policy_values (id, key, value) VALUES (uuidv7(), 'billing.checkpoint_entries', '3')"
        " RETURNING key"
    )
    for _ in range(5):
        await books.tick(10)
        await run_checkpoints(books.runtime, {})
    with_checkpoints = await books.balance()
    assert await books.rows("SELECT count(*) > 1 FROM billing.ledger_checkpoints") == [(True,)]
    assert with_checkpoints.available == 100 * USD - 2 * RATE - charge(RATE, 50)
    assert (await books.verify()).ok


async def test_the_runway_before_and_after_a_launch(books: Books) -> None:
    from app.domains.billing import public
    from app.shared.authz.actor import SYSTEM

    await books.open(credit=110_400_000)
    async with books.runtime.context(SYSTEM) as ctx:
        view = await public.runway_after(ctx, books.tenant_id, RATE)
        assert await public.hold_amount(ctx, books.tenant_id, RATE) == 36_800_000
    assert (view.before, view.after, view.hold, view.affordable) == (None, 6 * 3_600, 36_800_000, True)
