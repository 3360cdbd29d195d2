"""A workflow that was lost begins anew, a late activity comes after its successor: what they find stays as it is."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import text

from app.domains.billing import public as billing
from app.domains.billing.contracts import PlaceHold
from app.domains.provisioning.contracts import GiveUp, Step
from app.domains.provisioning.errors import NoLongerWanted
from app.domains.provisioning.repository import AllocationRepository
from app.domains.provisioning.service import placing, proving, teardown
from app.shared.authz.actor import SYSTEM
from app.shared.money import Micro
from tests.domains.provisioning.test_races import Race

OPEN = text("SELECT count(*) FROM provisioning.node_deployments WHERE state <> 'ended'")
CONFIGURED = text("UPDATE provisioning.allocations SET state = 'configuring' WHERE id = :id")
SAME_PERSON = text("UPDATE provisioning.allocations SET login = 'ada', uid = 20500 WHERE id = ANY(:ids)")


def step_of(allocation_id: UUID, attempt: int = 1) -> Step:
    return Step(str(allocation_id), "correlation-id", attempt)


@pytest.fixture
async def race(runtime) -> Race:
    return await Race(runtime).stock(2)


async def test_a_second_workflow_counts_from_one_and_keeps_the_machine_of_the_second_attempt(race) -> None:
    [allocation_id] = await race.contenders([None])
    for attempt in (2, 1):
        async with race.runtime.context(SYSTEM) as ctx:
            await placing.place(ctx, step_of(allocation_id, attempt))
    async with race.runtime.context(SYSTEM) as ctx:
        assert await ctx.session.scalar(OPEN) == 1
    assert await race.check() == 8


async def test_an_account_that_is_still_being_removed_is_not_given_to_the_next_slice(race) -> None:
    going, staying, coming = await race.contenders([1, 1, 1])
    async with race.runtime.context(SYSTEM) as ctx:
        await ctx.session.execute(SAME_PERSON, {"ids": [going, coming]})
    assert await race.place(going) and await race.place(staying)
    async with race.runtime.context(SYSTEM) as ctx:
        assert (await teardown.vacate(ctx, GiveUp(step_of(going)))).occupied
    assert await race.place(coming)
    async with race.runtime.context(SYSTEM) as ctx:
        found = [await AllocationRepository(ctx.session).get(one) for one in (going, coming)]
    assert found[0].deployment_id == found[1].deployment_id
    assert [one.login for one in found] == ["ada", "ada-2"]


@pytest.mark.parametrize("sizes", [[None], [2, 2]])
async def test_a_late_activation_of_a_machine_that_is_going_back_costs_nothing(race, sizes) -> None:
    allocation_id, *others = await race.contenders(sizes)
    for one in (allocation_id, *others):
        assert await race.place(one)
    async with race.runtime.context(SYSTEM) as ctx:
        await billing.open_accounts(ctx, race.tenant_id, "USD")
        place = {"tenant_id": race.tenant_id, "project_id": race.project_id, "allocation_id": allocation_id}
        await billing.place_hold(ctx, PlaceHold(**place, amount=Micro(0)))
        await ctx.session.execute(CONFIGURED, {"id": allocation_id})
    async with race.runtime.context(SYSTEM) as ctx:
        await teardown.vacate(ctx, GiveUp(step_of(allocation_id)))
    with pytest.raises(NoLongerWanted):
        async with race.runtime.context(SYSTEM) as ctx:
            await proving.activate(ctx, step_of(allocation_id))
    async with race.runtime.context(SYSTEM) as ctx:
        assert (await billing.costs_of(ctx, [allocation_id]))[allocation_id].since is None
