"""The tick: reads every running meter and posts what it shows. Several workers may tick at once."""

from uuid import UUID

import msgspec

from app.context import Context
from app.domains.billing import policies
from app.domains.billing.repository import accounts, ledger, metering
from app.domains.billing.rules.rating import billable
from app.domains.billing.service import balances


class Ticked(msgspec.Struct, frozen=True, kw_only=True):
    """What one batch did; `last` is the last tenant it looked at, None when there are no more."""

    tenants: int
    records: int
    last: UUID | None


async def tick(ctx: Context, after: UUID | None = None, batch: int = 500) -> Ticked:
    """Post the usage of the next `batch` tenants after `after`, up to now. A tenant that somebody else has locked is
    left to the next tick: usage continues where it ended, so nothing is lost and nothing is counted twice."""
    tenant_ids = await accounts.lock_running_tenants(ctx.session, after, batch)
    accrued = await metering.accrue(
        ctx.session,
        tenant_ids,
        until=billable(await ctx.now()),
        least_seconds=await ctx.policy(policies.ACCRUAL_SECONDS),
        correlation_id=ctx.trace.correlation_id,
    )
    touched = [row.tenant_id for row in accrued]
    await balances.tell_all(ctx, await accounts.funds_of(ctx.session, touched), "usage")
    return Ticked(
        tenants=len(touched),
        records=sum(row.records for row in accrued),
        last=tenant_ids[-1] if len(tenant_ids) == batch else None,
    )


async def checkpoint(ctx: Context, batch: int = 100) -> int:
    """Checkpoint tenants whose accounts gathered enough entries. Returns how many."""
    least = await ctx.policy(policies.CHECKPOINT_ENTRIES)
    due = sorted(await ledger.tenants_due_for_checkpoint(ctx.session, least, batch))
    for tenant_id in due:
        await balances.lock(ctx, tenant_id)
        await ledger.add_checkpoints(ctx.session, tenant_id, await ctx.now())
    return len(due)
