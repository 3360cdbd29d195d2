"""Many at once for the last slots: never two winners for one, never a deadlock, never a claim without a winner.

6 rounds in the suite; BERTH_RACE_ROUNDS=500 for the long run.
"""

from __future__ import annotations

import asyncio
import os
import random
from uuid import UUID, uuid4

import pytest

from app.shared.authz.actor import SYSTEM
from tests.domains.provisioning.contest import Race

ROUNDS = int(os.environ.get("BERTH_RACE_ROUNDS", "6"))
MANY = 64


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
