"""Getting a machine installed by MAAS and getting it back, step by step, each step safe to repeat.

Whatever is changed in MAAS was taken by us for this very deployment: MAAS itself holds its marker. A machine without it
is never deployed, released or erased.
"""

import asyncio
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from uuid import UUID

from app.domains.inventory import public as inventory
from app.domains.maas import public as maas
from app.domains.maas.contracts import MaasMachine, MachineStatus, SystemId
from app.domains.provisioning import policies
from app.domains.provisioning.contracts import DeploymentView, Step
from app.domains.provisioning.errors import NodeFault, ReturnFailed
from app.domains.provisioning.models import Allocation
from app.domains.provisioning.repository import AllocationRepository, MachineRepository, TimelineRepository
from app.domains.provisioning.rules.cloud_init import MachineIdentity, Tenant, user_data
from app.domains.provisioning.service import transitions
from app.domains.releases import public as releases
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from app.shared.telemetry.trace import Trace

NODE_SCRIPT = Path(__file__).parents[1] / "node_files" / "berth-node"
INSTALLING = frozenset({MachineStatus.ALLOCATED, MachineStatus.DEPLOYING, MachineStatus.DEPLOYED})
CLEANING = frozenset({MachineStatus.RELEASING, MachineStatus.DISK_ERASING})
RETURNED = frozenset({MachineStatus.READY, MachineStatus.NEW})


def trace_of(step: Step) -> Trace:
    """The story that the request began."""
    return Trace(step.correlation_id, f"workflow:{step.allocation_id}")


@lru_cache(maxsize=1)
def node_script() -> str:
    """The management command that every machine gets."""
    return NODE_SCRIPT.read_text()


class Deployer:
    """Bound to one process's runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._our_name: str | None = None

    @property
    def _maas(self) -> maas.MaasGateway:
        return maas.gateway_of(self._runtime)

    async def deploy(self, step: Step) -> None:
        """Bring the machine of this allocation to Deployed. Raises NodeFault, NoLongerWanted, MaasUnavailable."""
        async with self._runtime.context(SYSTEM, trace_of(step)) as ctx:
            allocation = await transitions.lock_wanted(ctx, step)
            if allocation.state in ("configuring", "active"):
                return
            allocation = await transitions.enter(ctx, allocation, "provisioning")
            started = await transitions.begin_step(ctx, allocation, step.attempt, "deploy")
            deployment = await MachineRepository(ctx.session).get_deployment(allocation.deployment_id)
            deadline = started + timedelta(
                seconds=await ctx.policy(policies.DEPLOY_SECONDS, allocation.tenant_id, allocation.project_id)
            )
            poll = await ctx.policy(policies.POLL_MILLISECONDS) / 1000
        message = ""
        while True:
            machine = await self._maas.get_machine(SystemId(deployment.system_id))
            if machine.status == MachineStatus.DEPLOYED and machine.ip_addresses:
                await self._check_ours(machine, deployment)
                return await self._deployed(step, deployment, machine)
            if await self._advance(step, allocation, deployment, machine):
                continue
            if machine.status == MachineStatus.DEPLOYING and machine.status_message not in ("", message):
                message = machine.status_message
                async with self._runtime.context(SYSTEM, trace_of(step)) as ctx:
                    await transitions.note(ctx, step, "deploy", message)
            if await self._now() > deadline:
                raise NodeFault(
                    f"Installing {deployment.hostname} took longer than it may; last seen: {message or '-'}."
                )
            await asyncio.sleep(poll)

    async def _advance(
        self, step: Step, allocation: Allocation, deployment: DeploymentView, machine: MaasMachine
    ) -> bool:
        """The next move towards Deployed; False when there is none to make now, so that it is time to wait."""
        system_id, status = SystemId(deployment.system_id), machine.status
        try:
            if status == MachineStatus.READY:
                if not await self._may_touch(machine):
                    raise NodeFault(f"{machine.hostname} is not ours to use.")
                await self._still_wanted(step)
                await self._maas.allocate(system_id, agent_name=deployment.marker, comment=f"berth {allocation.id}")
                return True
            elif status == MachineStatus.ALLOCATED:
                await self._check_ours(machine, deployment)
                data = await self._user_data(allocation, deployment)
                image = await self._image(allocation)
                await self._still_wanted(step)
                await self._maas.deploy(
                    system_id, user_data=data, distro_series=image, comment=f"berth {allocation.id}"
                )
                return True
            elif status == MachineStatus.FAILED_DEPLOYMENT:
                await self._check_ours(machine, deployment)
                raise NodeFault(
                    f"Installing {machine.hostname} failed: {machine.error_description or 'no reason given'}."
                )
            elif status not in INSTALLING:
                raise NodeFault(
                    f"{machine.hostname} cannot be installed: it is {status.name.lower().replace('_', ' ')}."
                )
        except maas.NoMachineAvailable as error:
            machine = await self._maas.get_machine(system_id)
            if machine.status not in INSTALLING:
                raise NodeFault(f"{machine.hostname} was taken by somebody else.") from error
        except maas.MaasConflict:
            pass  # another allocation of this shared machine was faster: the next look shows it
        except maas.MaasNotFound as error:
            raise NodeFault(f"{deployment.hostname} is unknown to the machine controller.") from error
        return False

    async def _deployed(self, step: Step, deployment: DeploymentView, machine: MaasMachine) -> None:
        address = machine.ip_addresses[0]
        async with self._runtime.context(SYSTEM, trace_of(step)) as ctx:
            allocation = await transitions.lock_wanted(ctx, step)
            image = await inventory.image(ctx, deployment.image_code)
            await inventory.observe_node(ctx, deployment.node_id, maas.node_state(machine.status), address)
            await inventory.record_image_warm(ctx, deployment.node_id, image.id)
            await MachineRepository(ctx.session).set_address(deployment.id, address)
            allocation = await transitions.enter(ctx, allocation, "configuring")
            await transitions.finish_step(
                ctx, allocation, step.attempt, "deploy", f"{machine.hostname} runs {image.title}"
            )

    # -- the way back ----------------------------------------------------------------------------------------------

    async def return_machine(self, step: Step) -> None:
        """Bring the machine of a closing deployment back to the pool, erased. Raises ReturnFailed, MaasUnavailable."""
        async with self._runtime.context(SYSTEM, trace_of(step)) as ctx:
            allocation = await AllocationRepository(ctx.session).get(UUID(step.allocation_id))
            deployment = await MachineRepository(ctx.session).get_deployment(allocation.deployment_id)
            if deployment.state == "ended":
                return
            started = await TimelineRepository(ctx.session).begin(allocation, step.attempt, "erase", await ctx.now())
            deadline = started + timedelta(
                seconds=await ctx.policy(policies.RETURN_SECONDS, allocation.tenant_id, allocation.project_id)
            )
            poll = await ctx.policy(policies.POLL_MILLISECONDS) / 1000
        asked = False
        while True:
            try:
                machine = await self._maas.get_machine(SystemId(deployment.system_id))
            except maas.MaasNotFound:  # a composed machine is deleted by its release
                return await self._returned(step)
            if machine.status in RETURNED:
                return await self._returned(step, self._strayed(machine))
            held = await self._held(deployment)
            reason = self._strayed(held) if held else ""
            if reason:
                raise ReturnFailed(f"{machine.hostname} does not come back: {reason}")
            if held is None or not await self._may_touch(held):  # it is with somebody else by now
                word = machine.status.name.lower().replace("_", " ")
                return await self._returned(step, f"It is {word} in the machine controller, and not for us.")
            if machine.status not in CLEANING:
                if asked and machine.status.name.startswith("FAILED"):
                    raise ReturnFailed(f"{machine.hostname} could not be erased: {machine.status_message}.")
                await self._ask_back(machine)
                asked = True
            if await self._now() > deadline:
                raise ReturnFailed(f"Erasing {machine.hostname} took longer than it may.")
            await asyncio.sleep(poll)

    def _strayed(self, machine: MaasMachine) -> str:
        """What an administrator of MAAS did to our machine, which only they can undo; empty for nothing."""
        pool = self._runtime.settings.maas.pool
        if machine.locked:
            return "An administrator of the machine controller has locked it; unlock it there."
        if machine.pool != pool:
            return f"It was moved to the pool {machine.pool or 'without a name'}; move it back to {pool}."
        return ""

    async def _returned(self, step: Step, odd: str = "") -> None:
        """The machine is no longer ours. An unexpected state quarantines it until an operator has looked."""
        async with self._runtime.context(SYSTEM, trace_of(step)) as ctx:
            allocation = await transitions.lock(ctx, step)
            if odd and allocation.node_id is not None:
                await inventory.quarantine(ctx, allocation.node_id, odd)
            await transitions.finish_step(ctx, allocation, step.attempt, "erase")

    async def _ask_back(self, machine: MaasMachine) -> None:
        """A machine that nothing was installed on has nothing to erase."""
        try:
            await self._maas.release(machine.system_id, erase=machine.status != MachineStatus.ALLOCATED)
        except maas.MaasConflict:
            return  # it moved on meanwhile; the next look decides
        except maas.MaasRefused as error:
            raise ReturnFailed(f"The machine controller does not take {machine.hostname} back.") from error

    # -- whose machine it is ---------------------------------------------------------------------------------------

    async def _held(self, deployment: DeploymentView) -> MaasMachine | None:
        """The machine, when MAAS holds it under the marker of this deployment."""
        found = await self._maas.list_machines(ids=[SystemId(deployment.system_id)], agent_name=deployment.marker)
        return found[0] if found else None

    async def _is_ours(self, deployment: DeploymentView) -> bool:
        """The same, as a machine we may touch."""
        held = await self._held(deployment)
        return held is not None and await self._may_touch(held)

    async def _check_ours(self, machine: MaasMachine, deployment: DeploymentView) -> None:
        if not await self._is_ours(deployment):
            raise NodeFault(f"{machine.hostname} is in use by somebody else.")

    async def _may_touch(self, machine: MaasMachine) -> bool:
        if self._our_name is None:
            self._our_name = (await self._maas.whoami()).username
        return maas.may_touch(machine, pool=self._runtime.settings.maas.pool, our_name=self._our_name)

    async def _still_wanted(self, step: Step) -> None:
        async with self._runtime.context(SYSTEM, trace_of(step)) as ctx:
            await transitions.lock_wanted(ctx, step)

    async def _now(self) -> datetime:
        async with self._runtime.context(SYSTEM) as ctx:
            return await ctx.now()

    async def _image(self, allocation: Allocation) -> str:
        async with self._runtime.context(SYSTEM) as ctx:
            return (await inventory.image(ctx, allocation.image_code)).maas_name

    async def _user_data(self, allocation: Allocation, deployment: DeploymentView) -> str:
        """The principals that may log in, and a host key made for this deployment."""
        hostname, system_id = deployment.hostname, deployment.system_id
        identity = releases.host_identity(
            self._runtime.settings, deployment.marker, hostname, system_id, await self._now()
        )
        machine = MachineIdentity(
            hostname=allocation.name if allocation.whole else hostname,
            management_principal=identity.management_principal,
            host_private=identity.host_key.private_key,
            host_public=identity.host_key.public_key,
            host_certificate=identity.host_key.certificate,
        )
        return user_data(machine, identity.user_authority, node_script(), _tenant(allocation))


def _tenant(allocation: Allocation) -> Tenant | None:
    """On a shared machine accounts come and go by the management command."""
    if not allocation.whole:
        return None
    return Tenant(
        login=allocation.login,
        uid=allocation.uid,
        gecos=allocation.gecos,
        principal=releases.user_principal(allocation.id, allocation.login),
    )
