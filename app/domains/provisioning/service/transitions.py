"""Transitions of an allocation: under its lock, one version at a time, each published as an event."""

from datetime import datetime
from uuid import UUID

from app.domains.provisioning.contracts import Step
from app.domains.provisioning.errors import NoLongerWanted
from app.domains.provisioning.events import AllocationStepChanged
from app.domains.provisioning.models import Allocation
from app.domains.provisioning.repository import AllocationRepository, TimelineRepository
from app.domains.provisioning.rules.states import STARTING, State, as_state, move
from app.shared.context import Context
from app.shared.events import Event
from app.shared.outbox import WorkflowCall


async def lock(ctx: Context, step: Step) -> Allocation:
    """The allocation, locked until the end of the transaction. Raises NotFound."""
    return await AllocationRepository(ctx.session).get(UUID(step.allocation_id), lock=True)


async def lock_wanted(ctx: Context, step: Step) -> Allocation:
    """The same, while it is starting and was not canceled. Raises NoLongerWanted."""
    allocation = await lock(ctx, step)
    if allocation.cancel_requested or allocation.state not in STARTING:
        raise NoLongerWanted()
    return allocation


async def enter(ctx: Context, allocation: Allocation, state: State, **changes: object) -> Allocation:
    """Move to `state` (staying is no move). Raises IllegalTransition."""
    if allocation.state != state:
        move(as_state(allocation.state), state)
    return await AllocationRepository(ctx.session).change(allocation, await ctx.now(), state=state, **changes)


async def publish(ctx: Context, allocation: Allocation, event: Event) -> None:
    """Emit an event with the allocation's version and scope."""
    await ctx.emit(event, version=allocation.version, tenant_id=allocation.tenant_id, project_id=allocation.project_id)


async def begin_step(ctx: Context, allocation: Allocation, attempt: int, name: str) -> datetime:
    """Record in the timeline that a step started; returns when it did, also after a retry."""
    started = await TimelineRepository(ctx.session).begin(allocation, attempt, name, await ctx.now())
    await publish_step(ctx, allocation, name)
    return started


async def finish_step(ctx: Context, allocation: Allocation, attempt: int, name: str, detail: str | None = None) -> None:
    """Record that a step succeeded."""
    await TimelineRepository(ctx.session).finish(allocation.id, attempt, name, await ctx.now(), detail)
    await publish_step(ctx, allocation, name)


async def publish_step(ctx: Context, allocation: Allocation, name: str) -> None:
    """Publish that the timeline changed."""
    await publish(
        ctx, allocation, AllocationStepChanged(allocation_id=allocation.id, step=name, state=allocation.state)
    )


async def note(ctx: Context, step: Step, name: str, detail: str) -> None:
    """Write the progress of a step, where it changed."""
    allocation = await lock(ctx, step)
    if await TimelineRepository(ctx.session).set_detail(allocation.id, step.attempt, name, detail):
        allocation = await AllocationRepository(ctx.session).change(allocation, await ctx.now())
        await publish_step(ctx, allocation, name)


async def call_workflow(ctx: Context, allocation: Allocation, call: WorkflowCall) -> None:
    """Request a Temporal call after the commit, and record that this allocation requested it."""
    outbox_id = await ctx.call_workflow(call, aggregate_id=allocation.id)
    await AllocationRepository(ctx.session).append_intent(
        allocation, call.verb, call.workflow_id, outbox_id, await ctx.now()
    )
