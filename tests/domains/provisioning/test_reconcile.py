"""Lost workflows are asked for again; machines that outlived their deployment go back, and no others do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from app.domains.maas.contracts import MaasMachine, MaasUser, MachineStatus, SystemId
from app.domains.maas.public import MaasRefused, gateway_of
from app.domains.provisioning.contracts import Step
from app.domains.provisioning.jobs import run_reconcile
from app.domains.provisioning.repository import AllocationRepository, MachineRepository
from app.domains.provisioning.service import placing
from app.domains.provisioning.service.reconcile import release_strays
from app.domains.provisioning.service.release import CancelAllocation, cancel
from app.shared.authz.actor import SYSTEM
from tests.domains.provisioning.test_races import Race
from tests.domains.provisioning.world import World, small_cloud
from tests.fixtures.statements import statements

CALLS = text("""
    SELECT payload->>'verb' AS verb, payload->>'workflow_id' AS id FROM shared.outbox_events
    WHERE kind = 'workflow' ORDER BY id
""")


async def calls(world: World) -> list[tuple[str, str]]:
    async with world.runtime.context(SYSTEM) as ctx:
        return [(row.verb, row.id) for row in await ctx.session.execute(CALLS)]


@pytest.mark.commits
async def test_a_launch_whose_workflow_was_lost_is_asked_for_again(runtime, clock, tmp_path) -> None:
    async with small_cloud(runtime, tmp_path) as world:
        await world.stock()
        launched = await world.launch("l40sx4")
        start = ("start", f"provision/{launched.allocation_id}")
        await run_reconcile(runtime, {})
        assert await calls(world) == [start]
        async with runtime.context(SYSTEM) as ctx:
            clock.instant = await ctx.now() + timedelta(minutes=6)
        runtime.clock = clock
        await run_reconcile(runtime, {})
        assert await calls(world) == [start, start]
        async with runtime.context(world.actor()) as ctx:
            await cancel(ctx, CancelAllocation(allocation_id=launched.allocation_id))
        await run_reconcile(runtime, {})
        signal = ("signal", f"provision/{launched.allocation_id}")
        assert await calls(world) == [start, start, signal]  # it was asked for a moment ago: others have their turn
        clock.advance(360)
        await run_reconcile(runtime, {})
        assert await calls(world) == [start, start, signal, start, signal]


@pytest.mark.commits
async def test_only_machines_that_outlived_their_own_deployment_go_back(runtime, tmp_path) -> None:
    async with small_cloud(runtime, tmp_path, speed=100.0) as world:
        await world.stock()
        stray, living = await world.launch("l40sx4"), await world.launch("l40sx4")
        deployments = []
        for launched in (stray, living):
            async with runtime.context(SYSTEM) as ctx:
                await placing.place(ctx, Step(str(launched.allocation_id), "correlation-id", 1))
            allocation = await world.get(launched.allocation_id)
            async with runtime.context(SYSTEM) as ctx:
                deployments.append(await MachineRepository(ctx.session).get_deployment(allocation.deployment_id))
        gateway = gateway_of(runtime)
        for deployment in deployments:
            await gateway.allocate(SystemId(deployment.system_id), agent_name=deployment.marker)
        others = [m for m in await gateway.list_machines(pool="berth") if m.status.name == "READY"]
        await gateway.allocate(others[0].system_id, agent_name="by-hand")
        async with runtime.context(SYSTEM) as ctx:
            await MachineRepository(ctx.session).end_deployment(deployments[0].id, await ctx.now())
        await run_reconcile(runtime, {})
        seen = {m.system_id: m.status.name for m in await gateway.list_machines(pool="berth")}
        assert seen[SystemId(deployments[0].system_id)] != "ALLOCATED"
        assert seen[SystemId(deployments[1].system_id)] == "ALLOCATED"
        assert seen[others[0].system_id] == "ALLOCATED"


class Stubborn:
    """A controller that holds these machines for us and refuses to release the first."""

    def __init__(self, held: list[tuple[str, str]]) -> None:
        self.held = held
        self.asked: list[str] = []

    async def whoami(self) -> MaasUser:
        return MaasUser(username="berth", is_superuser=False)

    async def list_machines(self, *, pool=None, ids=None, agent_name=None) -> list[MaasMachine]:
        return [
            MaasMachine(
                system_id=SystemId(system_id), hostname=system_id, status=MachineStatus.DEPLOYED, pool="berth",
                zone="zone-1", cpu_count=8, memory_mib=1024, architecture="amd64/generic", owner="berth",
            )
            for system_id, marker in self.held
            if (ids is None or system_id in ids) and agent_name in (None, marker)
        ]  # fmt: skip

    async def release(self, system_id: SystemId, *, erase: bool, comment: str = "") -> None:
        assert erase
        self.asked.append(system_id)
        if len(self.asked) == 1:
            raise MaasRefused


async def test_a_stray_that_maas_refuses_does_not_keep_the_others(runtime) -> None:
    race = await Race(runtime).stock(2)
    ids = await race.contenders([None, None])
    held = []
    for allocation_id in ids:
        assert await race.place(allocation_id)
        async with runtime.context(SYSTEM) as ctx:
            allocation = await AllocationRepository(ctx.session).get(allocation_id)
            deployment = await MachineRepository(ctx.session).get_deployment(allocation.deployment_id)
        held.append((deployment.system_id, deployment.marker))
    for allocation_id in ids:
        await race.leave(allocation_id)
    gateway = Stubborn(held)
    with statements(runtime, "provisioning.node_deployments") as seen:
        assert await release_strays(runtime, gateway) == [held[1][0]]
    assert len(seen) == 1  # however many machines MAAS holds for us
    assert gateway.asked == [system_id for system_id, _ in held]
