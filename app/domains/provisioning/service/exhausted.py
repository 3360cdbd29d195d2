"""A tenant whose credit is used up: all of its machines are released, the most expensive first, in bounded steps.
Credit that arrives meanwhile stops the rest."""

from collections.abc import Collection, Sequence
from uuid import UUID

import msgspec

from app.domains.billing import public as billing
from app.domains.billing.events import TenantExhausted
from app.domains.provisioning.repository import AllocationRepository
from app.domains.provisioning.rules.states import STARTING
from app.domains.provisioning.service.release import begin_cancel, leave_active
from app.shared.audit import AuditAction
from app.shared.authz.scope import system_tenant_scope
from app.shared.batch import Batch, BatchItem, BatchSpec, ask
from app.shared.context import Context
from app.shared.money import RateMicroPerHour

REASON = "exhausted"
SIZE = 5  # a step holds the tenant's account, which a payment or a launch of the tenant waits for: some 30 ms
CREDIT_ADDED = "Credit was added: the rest goes on."


class Burned(msgspec.Struct, frozen=True):
    """What the tenant's machines cost per hour when the money ended. Giving some back does not make the rest
    affordable: only new money does."""

    burn: RateMicroPerHour


async def on_exhausted(ctx: Context, event: TenantExhausted) -> bool:
    """Request the release of everything of the tenant. False when that is in progress."""
    total = await AllocationRepository(ctx.session).count_staying(system_tenant_scope(ctx.actor, event.tenant_id))
    burned = Burned(RateMicroPerHour(event.burn_per_hour))
    return total > 0 and await ask(
        ctx, RELEASE_TENANT, event.tenant_id, tenant_id=event.tenant_id, arguments=burned, total=total
    )


async def _ends(ctx: Context, batch: Batch) -> str:
    burn = msgspec.convert(batch.arguments, Burned).burn
    return "" if await billing.is_exhausted(ctx, batch.subject_id, burn) else CREDIT_ADDED


async def _find(ctx: Context, batch: Batch, after: BatchItem | None, limit: int) -> Sequence[BatchItem]:
    scope = system_tenant_scope(ctx.actor, batch.subject_id)
    place = (after.rank, after.id) if after else None
    rows = await AllocationRepository(ctx.session).list_dearest(scope, place, limit)
    return [BatchItem(id=allocation_id, rank=rank) for allocation_id, rank in rows]


async def _act(ctx: Context, batch: Batch, items: Sequence[BatchItem]) -> Collection[UUID]:
    """`_ends` has locked the tenant's account; a machine that is locked elsewhere is left to a later round."""
    repository, tenant_id = AllocationRepository(ctx.session), batch.subject_id
    held = await repository.lock_free(system_tenant_scope(ctx.actor, tenant_id), [item.id for item in items])
    held.sort(key=lambda allocation: (-allocation.rate_micro, allocation.id))
    active = [allocation for allocation in held if allocation.state == "active"]
    starting = [row for row in held if row.state in STARTING and not row.cancel_requested]
    await billing.stop_metering_of(ctx, tenant_id, [allocation.id for allocation in active], await ctx.now())
    for allocation in active:
        await leave_active(ctx, allocation, REASON)
    for allocation in starting:
        await begin_cancel(ctx, allocation)
    for allocation in (*active, *starting):
        ctx.about(tenant_id)
        await ctx.audit(AuditAction.ALLOCATION_RELEASE, allocation.id, {"reason": REASON})
    return {allocation.id for allocation in held}


RELEASE_TENANT = BatchSpec(
    name="provisioning.release_tenant",
    title="Releasing the machines of an organisation without credit",
    queue="billing",
    find=_find,
    act=_act,
    ends=_ends,
    size=SIZE,
)
