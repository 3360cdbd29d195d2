"""Many at once for the last slots: never two winners for one, never a deadlock, never a claim without a winner.

6 rounds in the suite; BERTH_RACE_ROUNDS=500 for the long run.
"""

from __future__ import annotations

import asyncio
import os
import random
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.domains.inventory.contracts import NewImage
from app.domains.inventory.service.catalog import add_sku
from app.domains.inventory.service.images import add_image
from app.domains.provisioning.contracts import End, GiveUp, Step
from app.domains.provisioning.errors import NoCapacity
from app.domains.provisioning.service import leaving, placing
from app.shared.authz.actor import SYSTEM
from app.shared.errors import DomainError
from tests.domains.provisioning.world import SKUS, add_nodes, add_price

ROUNDS = int(os.environ.get("BERTH_RACE_ROUNDS", "6"))
MANY = 64
INSERT = text("""
    INSERT INTO provisioning.allocations (id, tenant_id, project_id, user_id, name, sku_id, sku_code, gpus, whole,
        slots, image_code, currency, rate_micro, price_version_id, hold_micro, login, uid, state, state_changed_at,
        correlation_id, requested_at)
    VALUES (:id, :tenant_id, :project_id, :id, :name, :sku_id, 'h100x8', :gpus, :whole, :slots, 'ubuntu-24.04', 'USD',
        1, :id, 0, :login, :uid, 'requested', clock_timestamp(), 'correlation-id', clock_timestamp())
""")
WINNERS = text("""
    SELECT slot_index, count(*) FROM provisioning.allocation_resource_claims
    WHERE freed_at IS NULL GROUP BY node_id, slot_index HAVING count(*) > 1
""")
HOLDERS = text("""
    SELECT n.node_id, n.slot_index, n.allocation_id AS inventory, c.allocation_id AS ours
    FROM inventory.node_resource_slots n
    FULL JOIN (SELECT * FROM provisioning.allocation_resource_claims WHERE freed_at IS NULL) c
      ON c.node_id = n.node_id AND c.slot_index = n.slot_index
""")


class Race:
    """One tenant, nodes of eight slots, as many contenders as a test wants."""

    def __init__(self, runtime) -> None:
        self.runtime = runtime
        self.tenant_id, self.project_id = uuid4(), uuid4()
        self.sku_id = UUID(int=0)

    async def stock(self, nodes: int) -> Race:
        async with self.runtime.context(SYSTEM) as ctx:
            for sku in SKUS:
                view = await add_sku(ctx, sku)
                await add_price(ctx, sku.code)
                if sku.code == "h100x8":
                    self.sku_id = view.id
            image = NewImage(
                code="ubuntu-24.04", title="Ubuntu", osystem="ubuntu", distro_series="noble", is_default=True
            )
            await add_image(ctx, image)
        await add_nodes(self.runtime, "h100x8", nodes)
        return self

    async def contenders(self, sizes: list[int | None]) -> list[UUID]:
        ids = [uuid4() for _ in sizes]
        async with self.runtime.context(SYSTEM) as ctx:
            for number, (allocation_id, slots) in enumerate(zip(ids, sizes, strict=True)):
                row = {
                    "id": allocation_id, "tenant_id": self.tenant_id, "project_id": self.project_id,
                    "name": f"n-{allocation_id.hex[:12]}", "sku_id": self.sku_id, "gpus": slots or 8,
                    "whole": slots is None, "slots": slots, "login": f"user{number}", "uid": 20_001 + number,
                }  # fmt: skip
                await ctx.session.execute(INSERT, row)
        return ids

    async def place(self, allocation_id: UUID) -> bool:
        """What the activity does, with the broker's retries for what is worth one."""
        for _ in range(50):
            try:
                async with self.runtime.context(SYSTEM) as ctx:
                    await placing.place(ctx, Step(str(allocation_id), "correlation-id", 1))
                return True
            except NoCapacity:
                return False
            except PoolTimeout:
                continue  # 64 at ten connections of a busy machine: the broker would come again
            except DomainError as error:
                if not error.retryable:
                    raise
        raise AssertionError("never an answer")

    async def leave(self, allocation_id: UUID) -> None:
        step = Step(str(allocation_id), "correlation-id", 1)
        async with self.runtime.context(SYSTEM) as ctx:
            await leaving.vacate(ctx, GiveUp(step))
        async with self.runtime.context(SYSTEM) as ctx:
            await leaving.end(ctx, End(step, "canceled"))

    async def check(self) -> int:
        """No slot has two holders and both books agree; answers how many slots are held."""
        async with self.runtime.context(SYSTEM) as ctx:
            assert (await ctx.session.execute(WINNERS)).all() == []
            rows = (await ctx.session.execute(HOLDERS)).all()
            assert all(row.inventory == row.ours for row in rows), rows
            return sum(row.ours is not None for row in rows)


@pytest.fixture
async def race(runtime) -> Race:
    return await Race(runtime).stock(1)


@pytest.mark.commits
async def test_sixty_four_at_once_for_the_last_eight_gpus_make_eight_winners(race) -> None:
    for _ in range(ROUNDS):
        ids = await race.contenders([1] * MANY)
        results = await asyncio.gather(*(race.place(allocation_id) for allocation_id in ids))
        assert sum(results) == 8
        assert await race.check() == 8
        winners = [allocation_id for allocation_id, won in zip(ids, results, strict=True) if won]
        await asyncio.gather(*(race.leave(allocation_id) for allocation_id in winners))
        assert await race.check() == 0


@pytest.mark.commits
async def test_whole_machines_and_slices_that_come_and_go_at_once_never_meet(runtime) -> None:
    race = await Race(runtime).stock(3)
    chance = random.Random(7)
    for _ in range(max(1, ROUNDS // 4)):
        ids = await race.contenders([chance.choice([None, 1, 2, 3, 4, 8]) for _ in range(24)])

        async def live(allocation_id: UUID) -> None:
            if await race.place(allocation_id) and chance.random() < 0.6:
                await race.leave(allocation_id)

        await asyncio.gather(*(live(allocation_id) for allocation_id in ids))
        assert await race.check() <= 24
        await asyncio.gather(*(race.leave(allocation_id) for allocation_id in ids))
        assert await race.check() == 0


@pytest.mark.commits
async def test_two_places_for_one_machine_leave_one_winner_and_its_deployment(race) -> None:
    ids = await race.contenders([None, None])
    assert sorted(await asyncio.gather(*(race.place(allocation_id) for allocation_id in ids))) == [False, True]
    assert await race.check() == 8


async def test_placing_twice_is_placing_once(race) -> None:
    [allocation_id] = await race.contenders([2])
    assert await race.place(allocation_id)
    assert await race.place(allocation_id)
    assert await race.check() == 2


async def test_other_tenants_slices_stay_apart_unless_policy_says_otherwise(race) -> None:
    from tests.domains.provisioning.world import set_policies

    [first] = await race.contenders([2])
    assert await race.place(first)
    race.tenant_id = uuid4()
    [stranger] = await race.contenders([2])
    assert not await race.place(stranger)
    await set_policies(race.runtime, **{"provisioning.share_across_tenants": True})
    assert await race.place(stranger)
    assert await race.check() == 4


async def test_a_second_slice_of_one_person_gets_a_stand_in_account(race) -> None:
    from app.domains.provisioning.repository import AllocationRepository

    first, second = (await race.contenders([1])) + (await race.contenders([1]))
    assert await race.place(first) and await race.place(second)
    async with race.runtime.context(SYSTEM) as ctx:
        rows = [await AllocationRepository(ctx.session).get(item) for item in (first, second)]
    assert [row.login for row in rows] == ["user0", "user0-2"]
    assert rows[0].uid != rows[1].uid
