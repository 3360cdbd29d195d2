"""Launch: quota, price, hold, allocation, audit, events and the request for the workflow, all in one transaction."""

import msgspec

from app.domains.auth import public as auth
from app.domains.billing import public as billing
from app.domains.billing.contracts import PlaceHold
from app.domains.provisioning.contracts import PROVISION, AllocationId, provision_workflow_id
from app.domains.provisioning.errors import NameInUse, NoCapacity, QuotaExceeded
from app.domains.provisioning.events import AllocationRequested
from app.domains.provisioning.models import Allocation
from app.domains.provisioning.repository import AllocationRepository
from app.domains.provisioning.repository.allocations import NewAllocation, ProjectUse
from app.domains.provisioning.service import transitions
from app.domains.provisioning.service.forecast import (
    LaunchAllocation,
    Order,
    order_of,
    quota_blocker,
    quota_of,
    room_for,
)
from app.domains.provisioning.service.targets import login_of
from app.domains.releases import public as releases
from app.shared.audit import AuditAction
from app.shared.authz import Permission, ProjectScope, project_scope
from app.shared.context import Context
from app.shared.errors import Forbidden
from app.shared.ids import ProjectId, TenantId, UserId, new_id
from app.shared.money import Micro
from app.shared.outbox import WorkflowCall
from app.shared.use_case import use_case


class Launched(msgspec.Struct, frozen=True, kw_only=True):
    allocation_id: AllocationId
    name: str
    state: str
    rate_micro: int
    hold_micro: int
    currency: str


@use_case(
    Permission.ALLOCATION_LAUNCH,
    AuditAction.ALLOCATION_LAUNCH,
    lambda _command, result: result.allocation_id if result else None,
)
async def launch(ctx: Context, command: LaunchAllocation) -> Launched:
    """Rent a machine or slices of one. Nothing is billed before it works.

    Raises ValidationFailed, QuotaExceeded, InsufficientCredit, NameInUse, NoCapacity.
    """
    scope = project_scope(ctx.actor, Permission.ALLOCATION_LAUNCH)
    order = await order_of(ctx, scope, command)
    await _check_quota(ctx, scope, order, order.use)  # told before money, and again under the tenant account's lock
    room = await room_for(ctx, scope, order)
    if not room.possible:
        raise NoCapacity(room.text)
    allocation = await AllocationRepository(ctx.session).append(
        await _new_allocation(ctx, scope, order), await ctx.now()
    )
    if allocation is None:
        raise NameInUse(name=order.name)
    await _attach_keys(ctx, allocation, command)
    await _publish_requested(ctx, allocation)
    await _hold_funds(ctx, scope, order, allocation)
    return Launched(
        allocation_id=allocation.id,
        name=allocation.name,
        state=allocation.state,
        rate_micro=allocation.rate_micro,
        hold_micro=allocation.hold_micro,
        currency=allocation.currency,
    )


async def _attach_keys(ctx: Context, allocation: Allocation, command: LaunchAllocation) -> None:
    """They are brought to the machine as soon as it works."""
    if command.keys == ():
        return
    await releases.attach_keys(ctx, login_of(allocation), allocation.user_id, command.keys)


async def _hold_funds(ctx: Context, scope: ProjectScope, order: Order, allocation: Allocation) -> None:
    """Last of all: the tenant's account is locked from here to the commit. Under its lock the quota is final."""
    hold = PlaceHold(
        tenant_id=scope.tenant_id,
        project_id=scope.project_id,
        allocation_id=allocation.id,
        amount=Micro(allocation.hold_micro),
        label=allocation.name,
        gpus=allocation.gpus,
    )
    await billing.place_hold(ctx, hold)
    use = await AllocationRepository(ctx.session).get_use(scope, order.name, order.name)
    others = ProjectUse(use.machines - 1, use.gpus - order.gpus, use.names)
    await _check_quota(ctx, scope, order, others)


async def _check_quota(ctx: Context, scope: ProjectScope, order: Order, use: ProjectUse) -> None:
    blocker = quota_blocker(await quota_of(ctx, scope, use), order.gpus)
    if blocker is not None:
        raise QuotaExceeded(blocker)


async def _new_allocation(ctx: Context, scope: ProjectScope, order: Order) -> NewAllocation:
    if ctx.actor.id is None:
        raise Forbidden()
    identity = await auth.posix_identity(ctx, ctx.actor.id)
    return NewAllocation(
        id=AllocationId(new_id()),
        tenant_id=TenantId(scope.tenant_id),
        project_id=ProjectId(scope.project_id),
        user_id=UserId(ctx.actor.id),
        name=order.name,
        sku_id=order.sku.id,
        sku_code=order.sku.code,
        gpus=order.gpus,
        slots=order.slots,
        image_code=order.image.code,
        currency=order.price.currency,
        rate_micro=order.rate,
        price_version_id=order.price.price_version_id,
        hold_micro=await billing.hold_amount(ctx, scope.tenant_id, order.rate),
        login=identity.login,
        uid=identity.uid,
        gecos=identity.name,
        correlation_id=ctx.trace.correlation_id,
    )


async def _publish_requested(ctx: Context, allocation: Allocation) -> None:
    event = AllocationRequested(
        allocation_id=allocation.id,
        sku_id=allocation.sku_id,
        user_id=allocation.user_id,
        gpus=allocation.gpus,
        whole=allocation.whole,
        rate_micro=allocation.rate_micro,
        hold_micro=allocation.hold_micro,
    )
    await transitions.publish(ctx, allocation, event)
    await start_provisioning(ctx, allocation)


async def start_provisioning(ctx: Context, allocation: Allocation) -> None:
    """Request the workflow; a repeat finds the one that runs."""
    argument: dict[str, object] = {
        "allocation_id": str(allocation.id),
        "correlation_id": allocation.correlation_id,
    }
    call = WorkflowCall(
        verb="start", workflow_id=provision_workflow_id(allocation.id), workflow=PROVISION, argument=argument
    )
    await transitions.call_workflow(ctx, allocation, call)
