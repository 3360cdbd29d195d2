"""Making the customer's account and proving that the machine is worth its price, before anybody pays for it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from uuid import UUID

import msgspec

from app.domains.billing import public as billing
from app.domains.billing.contracts import StartMetering
from app.domains.inventory import public as inventory
from app.domains.provisioning import policies
from app.domains.provisioning.contracts import AccessTarget, Step
from app.domains.provisioning.errors import NodeFault, NoLongerWanted
from app.domains.provisioning.events import AllocationActivated
from app.domains.provisioning.models import Allocation
from app.domains.provisioning.repository import AllocationRepository, MachineRepository
from app.domains.provisioning.rules.states import STARTING
from app.domains.provisioning.service import transitions
from app.domains.provisioning.service.deploying import trace_of
from app.domains.provisioning.service.targets import target_of
from app.domains.releases import public as releases
from app.domains.releases.contracts import Gpu
from app.shared.authz.actor import SYSTEM
from app.shared.context import Context, Runtime
from app.shared.money import RateMicroPerHour

T = TypeVar("T")


class _Work(msgspec.Struct, frozen=True, kw_only=True):
    """What one activity on a machine needs to know."""

    allocation: Allocation
    machine: AccessTarget
    slots: Sequence[int]
    gpus_of_type: int
    seconds: int
    poll: float


class Prover:
    """Bound to one process's runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def configure(self, step: Step) -> None:
        """Wait until the machine answers; on a shared one make the account. Raises NodeFault, NoLongerWanted."""
        work = await self._begin(step, "configure")
        allocation = work.allocation

        async def attempt() -> None:
            if allocation.whole:  # its account came with the installation
                await releases.list_gpus(self._runtime, work.machine)
            else:
                await releases.open_account(self._runtime, work.machine, work.slots if work.gpus_of_type else None)

        await self._patiently(work, attempt)
        await self._finish(step, "configure", f"account {allocation.login}")

    async def probe(self, step: Step) -> None:
        """Prove it: the GPUs that are paid for answer, the customer can log in. Raises NodeFault, NoLongerWanted."""
        work = await self._begin(step, "probe")
        allocation = work.allocation

        async def count() -> list[Gpu]:
            return await releases.list_gpus(self._runtime, work.machine)

        async def log_in() -> None:
            await releases.prove_login(self._runtime, work.machine, trace_of(step))

        problem = gpu_verdict(await self._patiently(work, count), work.slots, work.gpus_of_type, allocation.whole)
        if problem is not None:
            raise NodeFault(f"{work.machine.host_alias}: {problem}.")
        await self._patiently(work, log_in)
        counted = "1 GPU answers" if allocation.gpus == 1 else f"{allocation.gpus} GPUs answer"
        await self._finish(step, "probe", f"{counted}, login works" if allocation.gpus else "login works")

    async def _patiently(self, work: _Work, attempt: Callable[[], Awaitable[T]]) -> T:
        """Not answering is not yet failing: a machine that has just been installed gets its time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + work.seconds
        while True:
            try:
                return await attempt()
            except (releases.NodeUnreachable, releases.NodeRefused) as error:
                if loop.time() > deadline:
                    raise NodeFault(f"{work.machine.host_alias}: {error.message}") from error
            await asyncio.sleep(work.poll)

    async def _begin(self, step: Step, name: str) -> _Work:
        async with self._runtime.context(SYSTEM, trace_of(step)) as ctx:
            allocation = await transitions.lock_wanted(ctx, step)
            await transitions.begin_step(ctx, allocation, step.attempt, name)
            deployment = await MachineRepository(ctx.session).get_deployment(allocation.deployment_id)
            machine = target_of(ctx.settings, allocation, deployment)
            if machine is None:
                raise NodeFault(f"{deployment.hostname} has no address.")
            return _Work(
                allocation=allocation,
                machine=machine,
                slots=await inventory.slots_of(ctx, allocation.id),
                gpus_of_type=(await inventory.get_sku(ctx, allocation.sku_id)).gpu_count,
                seconds=await ctx.policy(policies.ANSWER_SECONDS, allocation.tenant_id, allocation.project_id),
                poll=await ctx.policy(policies.POLL_MILLISECONDS) / 1000,
            )

    async def _finish(self, step: Step, name: str, detail: str) -> None:
        async with self._runtime.context(SYSTEM, trace_of(step)) as ctx:
            allocation = await transitions.lock_wanted(ctx, step)
            allocation = await transitions.enter(ctx, allocation, "configuring")
            await transitions.finish_step(ctx, allocation, step.attempt, name, detail)


def gpu_verdict(found: Sequence[Gpu], slots: Sequence[int], gpus_of_type: int, whole: bool) -> str | None:
    """What is wrong with the GPUs that answered, as text; None when all that are paid for are there."""
    answering = {gpu.index for gpu in found}
    wanted = set(range(gpus_of_type)) if whole else set(slots if gpus_of_type else ())
    missing = sorted(wanted - answering)
    if not missing:
        return None
    if whole:
        return f"{len(answering)} of {gpus_of_type} GPUs answer"
    return "GPU " + ", ".join(str(index) for index in missing) + " does not answer"


async def activate(ctx: Context, step: Step) -> None:
    """It works: active, and billed from this very instant, one transaction. Safe to repeat. Raises NoLongerWanted."""
    allocation = await AllocationRepository(ctx.session).get(UUID(step.allocation_id))
    if allocation.state == "active":
        return
    if allocation.cancel_requested or allocation.state not in STARTING:
        raise NoLongerWanted()
    now = await ctx.now()
    await billing.start_metering(  # locks the tenant's account, so before the allocation
        ctx,
        StartMetering(
            tenant_id=allocation.tenant_id,
            project_id=allocation.project_id,
            allocation_id=allocation.id,
            sku_id=allocation.sku_id,
            price_version_id=allocation.price_version_id,
            rate=RateMicroPerHour(allocation.rate_micro),
            at=now,
        ),
    )
    allocation = await transitions.lock_wanted(ctx, step)
    node_id = allocation.node_id
    machines = MachineRepository(ctx.session)
    if node_id is None or not await machines.has_open_claim(allocation.id):
        raise NoLongerWanted()
    if (await machines.get_deployment(allocation.deployment_id)).state != "live":
        raise NoLongerWanted()  # it is on its way back: this very step came late
    await transitions.begin_step(ctx, allocation, step.attempt, "activate")
    allocation = await transitions.enter(ctx, allocation, "active", active_at=now)
    await transitions.finish_step(ctx, allocation, step.attempt, "activate", "billing starts")
    event = AllocationActivated(allocation_id=allocation.id, node_id=node_id, user_id=allocation.user_id)
    await transitions.publish(ctx, allocation, event)
    await releases.machine_ready(ctx, allocation.id)
