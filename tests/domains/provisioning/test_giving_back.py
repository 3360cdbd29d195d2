"""What an administrator of MAAS did to a machine on its way back is seen and said, and nothing is called clean."""

from __future__ import annotations

from uuid import UUID

import msgspec
import pytest
from sqlalchemy import text

from app.domains.maas import public as maas
from app.domains.maas.contracts import MaasMachine, MaasUser, MachineStatus, SystemId
from app.domains.provisioning.contracts import GiveUp, Step
from app.domains.provisioning.errors import ReturnFailed
from app.domains.provisioning.repository import AllocationRepository, MachineRepository
from app.domains.provisioning.service import teardown
from app.domains.provisioning.service.deploying import Deployer
from app.shared.authz.actor import SYSTEM
from tests.domains.provisioning.test_races import Race

ERASED = text("SELECT count(*) FROM provisioning.allocation_steps WHERE step = 'erase' AND ended_at IS NOT NULL")
NODE = text("SELECT state, state_reason FROM inventory.nodes WHERE id = :id")


class Region:
    """A MAAS with one machine, which it holds under our marker or not."""

    def __init__(self, machine: MaasMachine, *, held: bool = True) -> None:
        self.machine, self.held, self.released = machine, held, 0

    async def aclose(self) -> None:
        return None

    async def whoami(self) -> MaasUser:
        return MaasUser("berth", False)

    async def get_machine(self, system_id: SystemId) -> MaasMachine:
        return self.machine

    async def list_machines(self, **_wanted: object) -> list[MaasMachine]:
        return [self.machine] if self.held else []

    async def release(self, system_id: SystemId, *, erase: bool) -> None:
        self.released += 1
        self.machine = msgspec.structs.replace(self.machine, status=MachineStatus.READY, owner=None)


@pytest.fixture
async def leaving_one(runtime):
    """An allocation whose machine goes back, and the machine as MAAS held it until now."""
    race = await Race(runtime).stock(1)
    (allocation_id,) = await race.contenders([None])
    assert await race.place(allocation_id)
    step = Step(str(allocation_id), "correlation-id", 1)
    async with runtime.context(SYSTEM) as ctx:
        await teardown.vacate(ctx, GiveUp(step))
        allocation = await AllocationRepository(ctx.session).get(allocation_id)
        deployment = await MachineRepository(ctx.session).get_deployment(allocation.deployment_id)
    machine = MaasMachine(
        system_id=SystemId(deployment.system_id), hostname=deployment.hostname, status=MachineStatus.DEPLOYED,
        owner="berth", pool=runtime.settings.maas.pool,
    )  # fmt: skip
    return step, deployment.node_id, machine


async def return_machine(runtime, monkeypatch, region: Region, step: Step) -> None:
    monkeypatch.setattr(maas, "gateway_of", lambda runtime: region)
    await Deployer(runtime).return_machine(step)


async def node_of(runtime, node_id: UUID) -> tuple[str, str | None]:
    async with runtime.context(SYSTEM) as ctx:
        row = (await ctx.session.execute(NODE, {"id": node_id})).one()
        return row.state, row.state_reason


@pytest.mark.parametrize(
    ("change", "said"),
    [({"locked": True}, "has locked it"), ({"pool": "storage"}, "moved to the pool storage"), ({"pool": ""}, "moved")],
)
async def test_a_locked_or_moved_machine_does_not_come_back_and_the_reason_is_said(
    change, said, runtime, monkeypatch, leaving_one
) -> None:
    step, _, machine = leaving_one
    region = Region(msgspec.structs.replace(machine, **change))
    with pytest.raises(ReturnFailed, match=said):
        await return_machine(runtime, monkeypatch, region, step)
    assert region.released == 0
    region.machine = machine  # it was put right: the next try takes it back
    await return_machine(runtime, monkeypatch, region, step)
    assert region.released == 1


async def test_a_clean_machine_in_another_pool_is_not_offered_again(runtime, monkeypatch, leaving_one) -> None:
    step, node_id, machine = leaving_one
    region = Region(
        msgspec.structs.replace(machine, status=MachineStatus.READY, owner=None, pool="storage"), held=False
    )
    await return_machine(runtime, monkeypatch, region, step)
    state, reason = await node_of(runtime, node_id)
    assert (state, "moved to the pool storage" in (reason or "")) == ("quarantined", True)


@pytest.mark.parametrize("owner", ["eve", None])
async def test_a_machine_that_somebody_else_has_by_now_is_kept_out_of_use(
    owner, runtime, monkeypatch, leaving_one
) -> None:
    step, node_id, machine = leaving_one
    region = Region(msgspec.structs.replace(machine, owner=owner), held=False)
    await return_machine(runtime, monkeypatch, region, step)
    assert region.released == 0
    state, reason = await node_of(runtime, node_id)
    assert (state, reason) == ("quarantined", "It is deployed in the machine controller, and not for us.")


async def test_an_erased_machine_in_our_pool_is_simply_back(runtime, monkeypatch, leaving_one) -> None:
    step, node_id, machine = leaving_one
    await return_machine(runtime, monkeypatch, Region(machine), step)
    assert await node_of(runtime, node_id) == ("ready", None)
