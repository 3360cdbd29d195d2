"""Recovery of what was lost: launches and releases whose workflow is gone, and machines that MAAS still holds for a
deployment that has ended. Only machines with our own marker are ever released."""

from collections.abc import Sequence
from datetime import timedelta

import structlog

from app.domains.maas import public as maas
from app.domains.maas.contracts import MaasMachine, SystemId
from app.domains.provisioning.contracts import CANCEL_SIGNAL, DeploymentView, provision_workflow_id
from app.domains.provisioning.models import Allocation
from app.domains.provisioning.repository import AllocationRepository, MachineRepository
from app.domains.provisioning.rules.states import ENDING, as_state
from app.domains.provisioning.service import transitions
from app.domains.provisioning.service.deploying import CLEANING, RETURNED
from app.domains.provisioning.service.launch import start_provisioning
from app.domains.provisioning.service.release import start_release
from app.shared.authz.actor import SYSTEM
from app.shared.batch import one_by_one
from app.shared.context import Context, Runtime
from app.shared.outbox import WorkflowCall

STUCK_AFTER = timedelta(minutes=5)

log = structlog.get_logger("berth.provisioning")


async def ask_again(runtime: Runtime) -> int:
    """Request the workflow of everything that has not moved for minutes: one that runs is not affected, one that was
    lost starts again. Returns how many were requested."""
    async with runtime.context(SYSTEM) as ctx:
        stuck = await AllocationRepository(ctx.session).list_stuck(await ctx.now() - STUCK_AFTER)

    async def ask(allocation: Allocation) -> bool:
        async with runtime.context(SYSTEM) as ctx:
            await _ask_for(ctx, allocation)
        return True

    return await one_by_one(stuck, ask, "a workflow could not be asked for again")


async def _ask_for(ctx: Context, allocation: Allocation) -> None:
    if as_state(allocation.state) in ENDING:
        await start_release(ctx, allocation)
        return
    await start_provisioning(ctx, allocation)
    if allocation.cancel_requested:
        call = WorkflowCall(verb="signal", workflow_id=provision_workflow_id(allocation.id), signal=CANCEL_SIGNAL)
        await transitions.call_workflow(ctx, allocation, call)


async def release_strays(runtime: Runtime, gateway: maas.MaasGateway) -> list[str]:
    """Release machines that MAAS holds under the marker of a deployment that has ended. Returns their names.

    Raises MaasUnavailable.
    """
    pool, our_name = runtime.settings.maas.pool, (await gateway.whoami()).username
    held = [
        machine
        for machine in await gateway.list_machines(pool=pool)
        if machine.owner == our_name
        and machine.status not in CLEANING | RETURNED
        and maas.may_touch(machine, pool=pool, our_name=our_name)
    ]
    async with runtime.context(SYSTEM) as ctx:
        latest = await MachineRepository(ctx.session).list_latest([machine.system_id for machine in held])
    returned = []
    for machine in held:
        known = latest.get(machine.system_id, ())
        if known and all(deployment.state == "ended" for deployment in known):
            try:
                if await _release_stray(gateway, machine, known):
                    returned.append(machine.hostname)
            except (maas.MaasConflict, maas.MaasRefused, maas.MaasNotFound) as error:  # the others go back all the same
                log.warning("a stray machine was not taken back", hostname=machine.hostname, code=error.code)
    return returned


async def _release_stray(gateway: maas.MaasGateway, machine: MaasMachine, known: Sequence[DeploymentView]) -> bool:
    for deployment in known:
        ours = await gateway.list_machines(ids=[SystemId(machine.system_id)], agent_name=deployment.marker)
        if not ours:
            continue
        log.warning("a machine outlived its deployment", hostname=machine.hostname, deployment=str(deployment.id))
        await gateway.release(machine.system_id, erase=True, comment="berth: its deployment has ended")
        return True
    return False
