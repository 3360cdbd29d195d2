"""Teardown after a release, a cancellation or a failure. Every step is safe to repeat, and none depends on the success
of an earlier one: an unreachable host never keeps a customer paying or a release open."""

import asyncio
from uuid import UUID

from app.domains.billing import public as billing
from app.domains.inventory import public as inventory
from app.domains.provisioning import policies
from app.domains.provisioning.contracts import End, GiveUp, Limits, Step, Vacated
from app.domains.provisioning.errors import NoLongerWanted
from app.domains.provisioning.events import AllocationCanceled, AllocationFailed, AllocationReleased
from app.domains.provisioning.repository import AllocationRepository, MachineRepository, TimelineRepository
from app.domains.provisioning.rules.states import ENDING, STARTING, as_state
from app.domains.provisioning.service import slots, transitions
from app.domains.provisioning.service.deploying import trace_of
from app.domains.provisioning.service.placing import limits_of
from app.domains.provisioning.service.targets import target_of
from app.domains.releases import public as releases
from app.shared.authz.actor import SYSTEM
from app.shared.context import Context, Runtime

NOTHING = Vacated(machine=False, occupied=False)


async def vacate(ctx: Context, command: GiveUp) -> Vacated:
    """Leave the deployment where other tenants remain; close it where none does, so that the machine is returned.
    Returns which. An active allocation is left alone."""
    allocation = await transitions.lock(ctx, command.step)
    if allocation.state in STARTING:
        how = "ended" if allocation.cancel_requested else "failed"
        await TimelineRepository(ctx.session).stop(allocation.id, how, await ctx.now(), command.quarantine)
        await transitions.publish_step(ctx, allocation, "place")
    if allocation.state not in STARTING | ENDING or allocation.deployment_id is None:
        return NOTHING
    deployment = await MachineRepository(ctx.session).get_deployment(allocation.deployment_id, lock=True)
    if deployment.state == "ended":
        return NOTHING
    occupied = await slots.leave_deployment(ctx, allocation, deployment)
    return Vacated(machine=not occupied, occupied=occupied)


async def close_access(runtime: Runtime, step: Step) -> bool:
    """End the customer's sessions and access on the machine. False when it could not be reached in time: then the
    machine must be erased or held before anybody else gets it."""
    async with runtime.context(SYSTEM, trace_of(step)) as ctx:
        allocation = await AllocationRepository(ctx.session).get(UUID(step.allocation_id))
        if allocation.deployment_id is None:
            return True
        deployment = await MachineRepository(ctx.session).get_deployment(allocation.deployment_id)
        seconds = await ctx.policy(policies.CLOSE_SECONDS, allocation.tenant_id, allocation.project_id)
        poll = await ctx.policy(policies.POLL_MILLISECONDS) / 1000
        if allocation.state in ENDING:
            await transitions.begin_step(ctx, allocation, step.attempt, "close")
    machine = target_of(runtime.settings, allocation, deployment)
    if machine is None or deployment.state == "ended":
        return True
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        try:
            await releases.close_account(runtime, machine)
            return True
        except (releases.NodeUnreachable, releases.NodeRefused):
            if loop.time() > deadline:
                return False
        await asyncio.sleep(poll)


async def leave(ctx: Context, command: GiveUp) -> None:
    """Leave this machine so that another one can be tried. With a reason the machine is quarantined."""
    allocation = await transitions.lock(ctx, command.step)
    if allocation.state not in STARTING or allocation.deployment_id is None:
        return
    await slots.free(ctx, allocation, command.quarantine)
    await TimelineRepository(ctx.session).stop(allocation.id, "failed", await ctx.now(), command.quarantine)
    allocation = await transitions.enter(ctx, allocation, "placing", node_id=None, deployment_id=None)
    await transitions.publish_step(ctx, allocation, "place")


async def end(ctx: Context, command: End) -> None:
    """End an allocation that never became active: slots are freed, its hold is released, nothing is charged."""
    allocation = await AllocationRepository(ctx.session).get(UUID(command.step.allocation_id))
    if allocation.state not in STARTING:
        return
    await releases.end_access(ctx, allocation.id)
    await billing.release_hold(ctx, allocation.id)  # locks the tenant's account, so before the allocation
    allocation = await transitions.lock(ctx, command.step)
    now = await ctx.now()
    if allocation.deployment_id is not None:
        await slots.free(ctx, allocation)
    canceled = command.state == "canceled" or allocation.cancel_requested
    await TimelineRepository(ctx.session).stop(
        allocation.id, "ended" if canceled else "failed", now, "" if canceled else command.text
    )
    allocation = await transitions.enter(
        ctx,
        allocation,
        "canceled" if canceled else "failed",
        ended_at=now,
        failure_code=None if canceled else command.code,
        failure_text=None if canceled else command.text,
    )
    place = {"allocation_id": allocation.id, "user_id": allocation.user_id}
    event = AllocationCanceled(**place) if canceled else AllocationFailed(**place, code=command.code)
    await transitions.publish(ctx, allocation, event)


async def quarantine_node(ctx: Context, command: GiveUp) -> None:
    """Quarantine the node of this allocation until an operator has looked."""
    allocation = await transitions.lock(ctx, command.step)
    if allocation.node_id is not None and command.quarantine:
        await inventory.quarantine(ctx, allocation.node_id, command.quarantine)


async def finish_close(ctx: Context, step: Step) -> None:
    """Access has ended, or the machine is about to be erased anyway."""
    allocation = await transitions.lock(ctx, step)
    if as_state(allocation.state) in ENDING:
        await transitions.finish_step(ctx, allocation, step.attempt, "close")


async def release_failed(ctx: Context, command: GiveUp) -> None:
    """The machine did not come back: say so, and hold it. Metering ended long before."""
    allocation = await transitions.lock(ctx, command.step)
    if allocation.state != "releasing":
        return
    await TimelineRepository(ctx.session).stop(allocation.id, "failed", await ctx.now(), command.quarantine)
    if allocation.node_id is not None:
        await inventory.quarantine(ctx, allocation.node_id, command.quarantine)
    allocation = await transitions.enter(ctx, allocation, "release_failed", failure_text=command.quarantine)
    await transitions.publish_step(ctx, allocation, "erase")


async def retry_release(ctx: Context, step: Step) -> None:
    """Another try to get the machine back."""
    allocation = await transitions.lock(ctx, step)
    if allocation.state == "release_failed":
        allocation = await transitions.enter(ctx, allocation, "releasing")
        await transitions.publish_step(ctx, allocation, "erase")


async def finish_release(ctx: Context, step: Step) -> None:
    """The slots are free, the machine is clean: released."""
    allocation = await transitions.lock(ctx, step)
    if allocation.state != "releasing":
        return
    now = await ctx.now()
    await slots.free(ctx, allocation)
    timeline = TimelineRepository(ctx.session)
    await timeline.stop(allocation.id, "active", now)
    allocation = await transitions.enter(ctx, allocation, "released", ended_at=now, failure_text=None)
    await transitions.publish(
        ctx, allocation, AllocationReleased(allocation_id=allocation.id, user_id=allocation.user_id)
    )


async def release_begin(ctx: Context, step: Step) -> Limits:
    """The limits in force. Raises NoLongerWanted when the allocation is not being released."""
    allocation = await transitions.lock(ctx, step)
    if as_state(allocation.state) not in ENDING:
        raise NoLongerWanted()
    return await limits_of(ctx, allocation)
