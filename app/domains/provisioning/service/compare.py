"""Compares deployments with MAAS, after a restore or in doubt. Changes nothing on either side."""

from app.domains.maas import public as maas
from app.domains.maas.contracts import MaasMachine, SystemId
from app.domains.provisioning.contracts import DeploymentView
from app.domains.provisioning.repository import MachineRepository
from app.domains.provisioning.service.deploying import CLEANING, RETURNED
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from app.shared.difference import Difference


async def compare_machines(runtime: Runtime, gateway: maas.MaasGateway) -> list[Difference]:
    """What MAAS keeps for us and our rows do not know, and the other way round. Raises MaasUnavailable."""
    our_name = (await gateway.whoami()).username
    machines = await gateway.list_machines(pool=runtime.settings.maas.pool)
    async with runtime.context(SYSTEM) as ctx:
        open_rows = await MachineRepository(ctx.session).list_all_open()
    theirs = {machine.system_id: machine for machine in machines}
    held = {
        machine.system_id
        for machine in machines
        if machine.owner == our_name and machine.status not in CLEANING | RETURNED
    }
    ours = {row.system_id: row for row in open_rows}
    unknown = [_unknown_to_us(theirs[system_id]) for system_id in sorted(held - ours.keys())]
    lost = [
        _lost(row, theirs.get(SystemId(system_id))) for system_id, row in sorted(ours.items()) if system_id not in held
    ]
    return [*unknown, *(difference for difference in lost if difference is not None)]


def _unknown_to_us(machine: MaasMachine) -> Difference:
    return Difference(
        where="maas",
        subject=machine.hostname,
        ours="no deployment",
        theirs=f"{machine.status.name.lower()}, held by our user",
        advice="Look whose data is on it, then release it in MAAS with erase: Berth touches only what it knows.",
    )


def _lost(row: DeploymentView, machine: MaasMachine | None) -> Difference | None:
    if row.state == "closing":
        return None  # on its way back: MAAS has finished before our workflow has said so
    return Difference(
        where="maas",
        subject=row.hostname,
        ours=f"{row.state} for a customer since it was deployed",
        theirs="not in the pool" if machine is None else f"{machine.status.name.lower()}, not held by us",
        advice="Force the release of its allocations on the operator's Machines page: billing ends.",
    )
