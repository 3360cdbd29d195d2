"""Giving back and giving up: the meter stops at the commit of the accepted request, whatever the machine does then."""

from uuid import UUID

from app.domains.billing import public as billing
from app.domains.billing.contracts import StopMetering
from app.domains.provisioning.contracts import (
    CANCEL_SIGNAL,
    RELEASE,
    CancelAllocation,
    Changed,
    ReleaseAllocation,
    provision_workflow_id,
    release_workflow_id,
)
from app.domains.provisioning.errors import AllocationEnded, ConfirmationMissing, NotCancelable, NotReleasable
from app.domains.provisioning.events import AllocationReleaseRequested
from app.domains.provisioning.models import Allocation
from app.domains.provisioning.repository import AllocationRepository
from app.domains.provisioning.rules.states import ENDED, LEAVING, STARTING, as_state
from app.domains.provisioning.service import life
from app.domains.releases import public as releases
from app.shared.audit import AuditAction
from app.shared.authz import Permission, project_scope
from app.shared.context import Context
from app.shared.outbox import WorkflowCall
from app.shared.use_case import use_case


def _target(command: ReleaseAllocation | CancelAllocation, _result: Changed | None) -> UUID:
    return command.allocation_id


@use_case(Permission.ALLOCATION_RELEASE, AuditAction.ALLOCATION_RELEASE, _target)
async def release(ctx: Context, command: ReleaseAllocation) -> Changed:
    """Give the machine back: everything on it is lost. Billing ends now. Safe to repeat.

    Raises NotFound, ConfirmationMissing, NotReleasable (not running yet).
    """
    scope = project_scope(ctx.actor, Permission.ALLOCATION_RELEASE)
    allocation = await AllocationRepository(ctx.session).get_in(scope, command.allocation_id)
    if command.confirm_name is not None and command.confirm_name.strip() != allocation.name:
        raise ConfirmationMissing()
    return await begin_release(ctx, allocation, "customer")


@use_case(Permission.ALLOCATION_RELEASE, AuditAction.ALLOCATION_CANCEL, _target)
async def cancel(ctx: Context, command: CancelAllocation) -> Changed:
    """Give up a launch before it is active: nothing is charged. Safe to repeat.

    Raises NotFound, NotCancelable (it runs), AllocationEnded.
    """
    scope = project_scope(ctx.actor, Permission.ALLOCATION_RELEASE)
    allocation = await AllocationRepository(ctx.session).get_in(scope, command.allocation_id, lock=True)
    return await begin_cancel(ctx, allocation)


async def begin_cancel(ctx: Context, allocation: Allocation) -> Changed:
    """The same for a locked allocation, after the check of who asks."""
    state = as_state(allocation.state)
    if state in ENDED:
        raise AllocationEnded()
    if state not in STARTING:
        raise NotCancelable()
    if not allocation.cancel_requested:
        allocation = await life.enter(ctx, allocation, state, cancel_requested=True)
        await life.tell_step(ctx, allocation, "cancel")
        call = WorkflowCall(verb="signal", workflow_id=provision_workflow_id(allocation.id), signal=CANCEL_SIGNAL)
        await life.call_workflow(ctx, allocation, call)
    return Changed(allocation_id=allocation.id, state=allocation.state)


async def begin_release(ctx: Context, allocation: Allocation, reason: str) -> Changed:
    """Stop the meter, then change the state: the tenant's account is locked before the allocation."""
    state = as_state(allocation.state)
    if state in LEAVING or state == "released":
        return Changed(allocation_id=allocation.id, state=state)
    if state in ENDED:
        raise AllocationEnded()
    if state in STARTING:
        raise NotReleasable()
    await billing.stop_metering(ctx, StopMetering(allocation_id=allocation.id, at=await ctx.now()))
    allocation = await AllocationRepository(ctx.session).get(allocation.id, lock=True)
    if allocation.state == "active":  # otherwise a twin was faster
        allocation = await leave_active(ctx, allocation, reason)
    return Changed(allocation_id=allocation.id, state=allocation.state)


async def leave_active(ctx: Context, allocation: Allocation, reason: str) -> Allocation:
    """From active to releasing, for a locked allocation whose meter has stopped; the workflow is asked for."""
    now = await ctx.now()
    allocation = await life.enter(ctx, allocation, "releasing", release_requested_at=now, release_reason=reason)
    await releases.end_access(ctx, allocation.id)  # the machine itself is closed by the workflow, at once
    await life.tell(
        ctx,
        allocation,
        AllocationReleaseRequested(allocation_id=allocation.id, user_id=allocation.user_id, reason=reason),
    )
    await start_release(ctx, allocation)
    return allocation


async def start_release(ctx: Context, allocation: Allocation) -> None:
    """Ask for the workflow; a second request finds the first."""
    argument: dict[str, object] = {
        "allocation_id": str(allocation.id),
        "correlation_id": ctx.trace.correlation_id,
    }
    call = WorkflowCall(
        verb="start", workflow_id=release_workflow_id(allocation.id), workflow=RELEASE, argument=argument
    )
    await life.call_workflow(ctx, allocation, call)
