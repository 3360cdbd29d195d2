"""The hold of a launch is one call of the database: it decides as the rule says and answers what is left."""

from __future__ import annotations

import asyncio
import random
from uuid import uuid4

import pytest

from app.domains.billing.contracts import PlaceHold
from app.domains.billing.repository.accounts import AccountRepository, Funds
from app.domains.billing.repository.holds import HoldRepository
from app.domains.billing.rules import holds
from app.shared.authz.actor import SYSTEM
from app.shared.money import Micro
from tests.domains.billing.books import USD, Books

pytestmark = pytest.mark.commits
FIELDS = Funds.__struct_fields__


async def _funds(books: Books) -> Funds:
    async with books.runtime.context(SYSTEM) as ctx:
        return (await AccountRepository(ctx.session).list_funds([books.tenant_id]))[books.tenant_id]


@pytest.mark.parametrize("seed", range(4))
async def test_a_hold_is_split_as_the_rule_says_and_answers_what_is_left(books: Books, seed: int) -> None:
    dice = random.Random(seed)
    await books.open(credit=40 * USD)
    await books.credit(dice.randrange(1, 30 * USD), source="promotion")
    running = [await books.run(rate=dice.randrange(1, 9 * USD), hold=dice.randrange(0, 5 * USD)) for _ in range(3)]
    await books.tick(dice.randrange(10, 4_000))
    for _ in range(12):
        before, amount = await _funds(books), dice.choice((0, 1, dice.randrange(1, 12 * USD)))
        command = PlaceHold(
            tenant_id=books.tenant_id, project_id=books.project_id, allocation_id=uuid4(), amount=Micro(amount)
        )
        async with books.runtime.context(SYSTEM) as ctx:
            outcome, after = await HoldRepository(ctx.session).place_hold(command, books.clock.instant, "test")
        assert outcome == ("placed" if before.available >= amount else "not enough")
        assert after is not None
        read = await _funds(books)
        assert [getattr(after, name) for name in FIELDS] == [getattr(read, name) for name in FIELDS]
        debit = holds.split_charge(Micro(amount), before.promotions, before.credit, Micro(0))
        if outcome == "placed":
            assert (read.promotions, read.credit) == (
                before.promotions - debit.promotions,
                before.credit - debit.credit,
            )
            assert (read.held, read.metering_hold) == (before.held + amount, before.metering_hold)
        else:
            assert read == before
    held = await books.rows(
        "SELECT coalesce(sum(amount), 0)::bigint FROM billing.ledger_entries WHERE hold_id = ANY(:ids)", ids=running
    )
    assert held == [((await _funds(books)).metering_hold,)]
    assert (await books.verify()).ok


async def test_the_same_hold_at_once_is_placed_once(books: Books) -> None:
    await books.open(credit=100 * USD)
    allocation_id = uuid4()
    await asyncio.gather(*(books.hold(5 * USD, allocation_id) for _ in range(8)))
    assert (await books.balance()).held == 5 * USD
    assert len(await books.events("billing.account.changed")) == 2


async def test_a_debt_allows_no_hold_not_even_an_empty_one(books: Books) -> None:
    from app.domains.billing import public
    from app.domains.billing.contracts import PostWithdrawal
    from app.domains.billing.errors import InsufficientCredit

    await books.open(credit=USD)
    async with books.runtime.context(SYSTEM) as ctx:
        cause = uuid4()
        await public.post_withdrawal(
            ctx,
            PostWithdrawal(
                tenant_id=books.tenant_id,
                cause_id=cause,
                reference=f"dispute:{cause}",
                kind="dispute",
                amount=Micro(2 * USD),
                currency="USD",
            ),
        )
    with pytest.raises(InsufficientCredit):
        await books.hold(0)
