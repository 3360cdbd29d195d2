"""Accrual: reads every running meter and posts the usage it shows. Several workers may run it at once."""

from collections.abc import Sequence
from uuid import UUID

from app.domains.billing import policies
from app.domains.billing.repository.accounts import AccountRepository
from app.domains.billing.repository.accrual import AccrualRepository
from app.domains.billing.repository.ledger import LedgerRepository
from app.domains.billing.rules.rating import billable
from app.domains.billing.service import changes
from app.shared.context import Context

TENANTS = 500  # listed at once
ACCOUNTS = 1_000  # per transaction


async def list_running(ctx: Context, after: UUID | None) -> list[UUID]:
    """The next tenants with running meters, at most 500."""
    return await AccountRepository(ctx.session).list_running(after, TENANTS)


async def accrue(ctx: Context, tenant_ids: Sequence[UUID]) -> int:
    """Post the usage of these tenants up to now. Returns the number of usage records.

    A tenant that another transaction has locked is skipped. The next accrual continues where its usage ended, so
    nothing is lost and nothing is charged twice.
    """
    accounts = AccountRepository(ctx.session)
    accrued = await AccrualRepository(ctx.session).accrue(
        await accounts.lock_available(tenant_ids),
        until=billable(await ctx.now()),
        minimum_seconds=await ctx.policy(policies.ACCRUAL_SECONDS),
        correlation_id=ctx.trace.correlation_id,
    )
    await changes.publish_many(ctx, [row.tenant_id for row in accrued], "usage")
    return sum(row.records for row in accrued)


async def accrue_running(ctx: Context) -> int:
    """Post the usage of up to 500 tenants with running meters now, for tests and tools. Returns the number of
    records."""
    return await accrue(ctx, await list_running(ctx, None))


async def checkpoint(ctx: Context, after: int) -> int | None:
    """Checkpoint the next accounts of tenants behind `after`, at most 1,000. Returns where the next call goes on; None
    at the end. Debits go on meanwhile."""
    minimum = await ctx.policy(policies.CHECKPOINT_ENTRIES)
    return await LedgerRepository(ctx.session).append_checkpoints(after, ACCOUNTS, minimum, await ctx.now())
