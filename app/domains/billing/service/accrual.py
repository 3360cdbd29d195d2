"""The tick: reads every running meter and posts what it shows. Several workers may tick at once."""

from collections.abc import Sequence
from uuid import UUID

from app.domains.billing import policies
from app.domains.billing.repository import accounts, ledger, metering
from app.domains.billing.rules.rating import billable
from app.domains.billing.service import balances
from app.shared.context import Context

TENANTS = 500  # per transaction


async def running(ctx: Context, after: UUID | None) -> list[UUID]:
    """The next tenants whose meters run, at most 500."""
    return await accounts.running_tenants(ctx.session, after, TENANTS)


async def tick(ctx: Context, tenant_ids: Sequence[UUID]) -> int:
    """Post the usage of these tenants up to now; how many records. A tenant that somebody else has locked is left to
    the next tick: usage continues where it ended, so nothing is lost and nothing is counted twice."""
    accrued = await metering.accrue(
        ctx.session,
        await accounts.lock_free_tenants(ctx.session, tenant_ids),
        until=billable(await ctx.now()),
        least_seconds=await ctx.policy(policies.ACCRUAL_SECONDS),
        correlation_id=ctx.trace.correlation_id,
    )
    await balances.tell_all(ctx, await accounts.funds_of(ctx.session, [row.tenant_id for row in accrued]), "usage")
    return sum(row.records for row in accrued)


async def due_for_checkpoint(ctx: Context, batch: int) -> list[UUID]:
    """Tenants whose accounts gathered enough entries."""
    return await ledger.tenants_due_for_checkpoint(ctx.session, await ctx.policy(policies.CHECKPOINT_ENTRIES), batch)


async def checkpoint(ctx: Context, tenant_id: UUID) -> bool:
    """Checkpoint one tenant. False when somebody else has locked it: the next round comes by."""
    if not await accounts.lock_free_tenants(ctx.session, [tenant_id]):
        return False
    await ledger.add_checkpoints(ctx.session, tenant_id, await ctx.now())
    return True
