"""The inventory says who has a slot; provisioning's claims say who is a tenant of a deployment. They cannot disagree.

Random launches, failed attempts, releases, evacuations, quarantines and imports, several at once, with real commits.
4 seeds in the suite; BERTH_SLOT_SEEDS=200 for the long run.
"""

from __future__ import annotations

import asyncio
import os
import random
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from sqlalchemy import text

from app.domains.inventory.contracts import Gpu
from app.domains.inventory.service import nodes
from app.domains.inventory.service.import_nodes import Sighting, record
from app.domains.maas.contracts import MaasMachine, MachineStatus, SystemId
from app.domains.provisioning.contracts import GiveUp, Step
from app.domains.provisioning.service import teardown
from app.shared.authz.actor import SYSTEM
from tests.domains.provisioning.contest import Race
from tests.domains.provisioning.world import SKUS

if TYPE_CHECKING:
    from app.shared.context import Runtime

SEEDS = int(os.environ.get("BERTH_SLOT_SEEDS", "4"))
NODES, ROUNDS, AT_ONCE = 3, 12, 6
SIZES = (None, 1, 1, 2, 3, 4, 8)
SET_STATE = text("UPDATE provisioning.allocations SET state = :state, version = version + 1 WHERE id = :id")
STATE = text("SELECT state FROM provisioning.allocations WHERE id = :id")
ON_NODE = text("SELECT id FROM provisioning.allocations WHERE node_id = :id AND ended_at IS NULL")
NODE_IDS = text("SELECT id FROM inventory.nodes ORDER BY id")
BACK_IN_SERVICE = text("""
    UPDATE inventory.nodes SET state = 'ready', state_reason = NULL, maas_state = 'ready' WHERE id = :id
""")


class Fleet:
    """A race whose contenders also fail, run, are released, and lose the ground under their feet."""

    def __init__(self, runtime: Runtime, race: Race, chance: random.Random) -> None:
        self.runtime, self.race, self.chance = runtime, race, chance
        self.placed: set[UUID] = set()
        self.vacated: set[UUID] = set()

    async def launch(self) -> None:
        [allocation_id] = await self.race.contenders([self.chance.choice(SIZES)])
        if await self.race.place(allocation_id):
            self.placed.add(allocation_id)

    async def fail_attempt(self) -> None:
        """The machine is bad: the allocation leaves it and is placed again, on another one."""
        if not self.placed:
            return
        allocation_id = self._pick()
        give_up = GiveUp(_step(allocation_id))
        async with self.runtime.context(SYSTEM) as ctx:
            await teardown.vacate(ctx, give_up)
        async with self.runtime.context(SYSTEM) as ctx:
            await teardown.leave(ctx, give_up)
        if await self.race.place(allocation_id):
            self.placed.add(allocation_id)

    async def vacate(self) -> None:
        """The first half of a release: others may stay on the machine while its slots are cleaned."""
        if not self.placed:
            return
        allocation_id = self._pick()
        await self._set_state(allocation_id, "releasing")
        async with self.runtime.context(SYSTEM) as ctx:
            await teardown.vacate(ctx, GiveUp(_step(allocation_id)))
        self.vacated.add(allocation_id)

    async def release(self) -> None:
        if self.vacated:
            await self._finish(self.vacated.pop())

    async def evacuate(self) -> None:
        """Everything on one node goes."""
        async with self.runtime.context(SYSTEM) as ctx:
            node_id = self.chance.choice(list(await ctx.session.scalars(NODE_IDS)))
            ids = [item for item in await ctx.session.scalars(ON_NODE, {"id": node_id}) if item in self.placed]
        for allocation_id in ids:
            self.placed.discard(allocation_id)
            await self._set_state(allocation_id, "releasing")
            async with self.runtime.context(SYSTEM) as ctx:
                await teardown.vacate(ctx, GiveUp(_step(allocation_id)))
            await self._finish(allocation_id)

    async def quarantine(self) -> None:
        async with self.runtime.context(SYSTEM) as ctx:
            node_id = self.chance.choice(list(await ctx.session.scalars(NODE_IDS)))
            await nodes.quarantine(ctx, node_id, "a test")

    async def import_changed(self) -> None:
        """MAAS shows other GPUs than before, or the machine is gone."""
        sku = next(sku for sku in SKUS if sku.code == "h100x8")
        count = self.chance.choice([8, 8, 7, 4])
        gpus = tuple(
            Gpu(sku.gpu_vendor_id or "", sku.gpu_product_id or "", sku.gpu_model or "", f"0000:0{index}:00.0")
            for index in range(count)
        )
        shown = [number for number in range(1, NODES + 1) if self.chance.random() < 0.8]
        machines = tuple(
            MaasMachine(
                system_id=SystemId(f"h10{number:03d}"), hostname=f"h100x8-node-{number:02d}",
                status=MachineStatus.READY, pool="berth", zone="zone-1", cpu_count=sku.cpu_count,
                memory_mib=sku.memory_gib * 1024, architecture="amd64/generic",
            )
            for number in shown
        )  # fmt: skip
        async with self.runtime.context(SYSTEM) as ctx:
            seen_from = await ctx.now()
        seen = {machine.system_id: gpus for machine in machines if self.chance.random() < 0.5}
        await record(lambda: self.runtime.context(SYSTEM), Sighting(seen_from, machines, seen))

    async def repair(self) -> None:
        """An operator has looked: every machine is in service again."""
        async with self.runtime.context(SYSTEM) as ctx:
            node_ids = list(await ctx.session.scalars(NODE_IDS))
        for node_id in node_ids:  # one lock at a time: placement locks nodes in an order of its own
            async with self.runtime.context(SYSTEM) as ctx:
                await ctx.session.execute(BACK_IN_SERVICE, {"id": node_id})

    async def _finish(self, allocation_id: UUID) -> None:
        async with self.runtime.context(SYSTEM) as ctx:
            await teardown.finish_release(ctx, _step(allocation_id))
            assert await ctx.session.scalar(STATE, {"id": allocation_id}) == "released"

    async def _set_state(self, allocation_id: UUID, state: str) -> None:
        async with self.runtime.context(SYSTEM) as ctx:
            await ctx.session.execute(SET_STATE, {"id": allocation_id, "state": state})

    def _pick(self) -> UUID:
        """One that no other action of this round works on."""
        allocation_id = self.chance.choice(sorted(self.placed))
        self.placed.discard(allocation_id)
        return allocation_id


def _step(allocation_id: UUID) -> Step:
    return Step(str(allocation_id), "correlation-id", 1)


@pytest.mark.commits
@pytest.mark.parametrize("seed", range(SEEDS))
async def test_claims_and_slots_agree_after_whatever_happens(runtime: Runtime, seed: int) -> None:
    chance = random.Random(seed)
    fleet = Fleet(runtime, await Race(runtime).stock(NODES), chance)
    actions = [
        *[fleet.launch] * 6, *[fleet.fail_attempt] * 2, *[fleet.vacate] * 3, *[fleet.release] * 3, fleet.evacuate,
        fleet.quarantine, fleet.import_changed, *[fleet.repair] * 2,
    ]  # fmt: skip
    most = 0
    for _ in range(ROUNDS):
        await asyncio.gather(*(action() for action in chance.sample(actions, AT_ONCE)))
        most = max(most, await fleet.race.check())
    assert most > 0
    for allocation_id in [*fleet.placed, *fleet.vacated]:
        await fleet._set_state(allocation_id, "releasing")
        async with runtime.context(SYSTEM) as ctx:
            await teardown.vacate(ctx, GiveUp(_step(allocation_id)))
        await fleet._finish(allocation_id)
    assert await fleet.race.check() == 0
