"""Release and cancellation. The meter stops at the commit of the accepted request, whatever the machine does
afterwards."""

from uuid import UUID

import msgspec

from app.domains.billing import public as billing
from app.domains.billing.contracts import StopMetering
from app.domains.provisioning.contracts import (
    CANCEL_SIGNAL,
    RELEASE,
    AllocationId,
    provision_workflow_id,
    release_workflow_id,
)
from app.domains.provisioning.errors import AllocationEnded, ConfirmationMissing, NotCancelable, NotReleasable
from app.domains.provisioning.events import AllocationReleaseRequested
from app.domains.provisioning.models import Allocation
from app.domains.provisioning.repository import AllocationRepository
from app.domains.provisioning.rules.states import ENDED, ENDING, STARTING, as_state
from app.domains.provisioning.service import transitions
from app.domains.releases import public as releases
from app.shared.audit import AuditAction
from app.shared.authz import Permission, project_scope
from app.shared.context import Context
from app.shared.outbox import WorkflowCall
from app.shared.use_case import use_case


class ReleaseAllocation(msgspec.Struct, frozen=True, kw_only=True):
    """`confirm_name`: what was typed; None from programs, which name the allocation by its id."""

    allocation_id: UUID
    confirm_name: str | None = None


class CancelAllocation(msgspec.Struct, frozen=True, kw_only=True):
    allocation_id: UUID


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    allocation_id: AllocationId
    state: str


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
    """Cancel a launch before it is active: nothing is charged. Safe to repeat.

    Raises NotFound, NotCancelable (it is active), AllocationEnded.
    """
    scope = project_scope(ctx.actor, Permission.ALLOCATION_RELEASE)
    allocation = await AllocationRepository(ctx.session).get_in(scope, command.allocation_id, lock=True)
    return await begin_cancel(ctx, allocation)


async def begin_cancel(ctx: Context, allocation: Allocation) -> Changed:
    """The same for a locked allocation, after the permission check."""
    state = as_state(allocation.state)
    if state in ENDED:
        raise AllocationEnded()
    if state not in STARTING:
        raise NotCancelable()
    if not allocation.cancel_requested:
        allocation = await transitions.enter(ctx, allocation, state, cancel_requested=True)
        await transitions.publish_step(ctx, allocation, "cancel")
        call = WorkflowCall(verb="signal", workflow_id=provision_workflow_id(allocation.id), signal=CANCEL_SIGNAL)
        await transitions.call_workflow(ctx, allocation, call)
    return Changed(allocation_id=allocation.id, state=allocation.state)


async def begin_release(ctx: Context, allocation: Allocation, reason: str) -> Changed:
    """Stop the meter, then change the state: the tenant's account is locked before the allocation."""
    state = as_state(allocation.state)
    if state in ENDING or state == "released":
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
    """Move a locked allocation, whose meter has stopped, from active to releasing, and request the workflow."""
    now = await ctx.now()
    allocation = await transitions.enter(ctx, allocation, "releasing", release_requested_at=now, release_reason=reason)
    await releases.end_access(ctx, allocation.id)  # the machine itself is closed by the workflow, at once
    await transitions.publish(
        ctx,
        allocation,
        AllocationReleaseRequested(allocation_id=allocation.id, user_id=allocation.user_id, reason=reason),
    )
    await start_release(ctx, allocation)
    return allocation


async def start_release(ctx: Context, allocation: Allocation) -> None:
    """Request the workflow; a repeat finds the one that runs."""
    argument: dict[str, object] = {
        "allocation_id": str(allocation.id),
        "correlation_id": ctx.trace.correlation_id,
    }
    call = WorkflowCall(
        verb="start", workflow_id=release_workflow_id(allocation.id), workflow=RELEASE, argument=argument
    )
    await transitions.call_workflow(ctx, allocation, call)
