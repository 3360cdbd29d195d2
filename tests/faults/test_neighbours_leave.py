"""Two neighbours leave one machine at the same time: it is nobody's only after it has really come back."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from app.domains.provisioning.contracts import End, GiveUp, Step
from app.domains.provisioning.service import teardown
from app.shared.authz.actor import SYSTEM
from tests.domains.provisioning.test_races import Race

pytestmark = pytest.mark.commits
OPEN = text("SELECT state FROM provisioning.node_deployments WHERE state <> 'ended'")


async def test_who_left_first_does_not_end_the_machine_that_the_last_one_gives_back(runtime) -> None:
    race = await Race(runtime).stock(1)
    first, last = await race.contenders([2, 2])
    assert await race.place(first) and await race.place(last)
    steps = {one: Step(str(one), "correlation-id", 1) for one in (first, last)}

    async def vacate(who) -> tuple[bool, bool]:
        async with runtime.context(SYSTEM) as ctx:
            vacated = await teardown.vacate(ctx, GiveUp(steps[who]))
        return vacated.machine, vacated.occupied

    async def end(who) -> list[str]:
        async with runtime.context(SYSTEM) as ctx:
            await teardown.end(ctx, End(steps[who], "canceled"))
        async with runtime.context(SYSTEM) as ctx:
            return list(await ctx.session.scalars(OPEN))

    assert await vacate(first) == (False, True)
    assert await vacate(last) == (True, False)  # MAAS is now asked to take it back
    assert await end(first) == ["closing"]
    assert await vacate(first) == (False, False)  # its answer was lost and it is asked again
    assert await end(last) == []
    assert await race.check() == 0
