"""What follows from a change of a tenant's money: the event, and the warnings when its runway crosses a threshold."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.domains.billing.contracts import Level
from app.domains.billing.events import AccountChanged, RunwayLow, RunwayRecovered, TenantExhausted
from app.domains.billing.repository.accounts import AccountRepository, Standing
from app.domains.billing.rules import runway
from app.domains.billing.service import balances
from app.shared.context import Context
from app.shared.events import Event


async def publish(ctx: Context, tenant_id: UUID, cause: str) -> None:
    """Emit the change of one tenant and update its warning level. The caller holds the tenant's lock."""
    await publish_many(ctx, [tenant_id], cause)


async def publish_many(ctx: Context, tenant_ids: Sequence[UUID], cause: str) -> None:
    """The same for several tenants."""
    if len(tenant_ids) > 1:
        await ctx.prefetch_policies(tenant_ids)
    for standing in await AccountRepository(ctx.session).list_standings(tenant_ids):
        await publish_standing(ctx, standing, cause)


async def publish_standing(ctx: Context, standing: Standing, cause: str) -> None:
    """The same for a tenant whose money after the change was read already."""
    event = AccountChanged(
        tenant_id=standing.tenant_id,
        available=standing.available,
        held=standing.held,
        burn_per_hour=standing.burn,
        currency=standing.currency,
        cause=cause,
    )
    await ctx.emit(event, version=standing.version, tenant_id=standing.tenant_id)
    await _update_level(ctx, standing)


async def _update_level(ctx: Context, standing: Standing) -> None:
    before, seconds = standing.level, runway.runway_seconds(standing.spendable, standing.burn)
    level = await balances.level_at(ctx, standing.tenant_id, seconds)
    # Repeated while no money is left and machines still run: a release that failed, or was overtaken by an activation,
    # would otherwise leave them running at Berth's cost.
    is_overdue = level == "exhausted" and not standing.spendable
    if level == before and not is_overdue:
        return
    now = await ctx.now()
    if level != before:
        await AccountRepository(ctx.session).append_level(standing, level, seconds, now)
    if level != before and not runway.is_worse(level, before):
        await _emit(ctx, standing, RunwayRecovered(tenant_id=standing.tenant_id, level=level))
    elif level == "exhausted":
        event = TenantExhausted(tenant_id=standing.tenant_id, funds=standing.spendable, burn_per_hour=standing.burn)
        await _emit(ctx, standing, event)
    else:
        await _emit(ctx, standing, await _runway_low(ctx, standing.tenant_id, level, seconds or 0, now))


async def _runway_low(ctx: Context, tenant_id: UUID, level: Level, seconds: int, now: datetime) -> RunwayLow:
    return RunwayLow(
        tenant_id=tenant_id,
        level=level,
        threshold_seconds=(await balances.thresholds(ctx, tenant_id)).of(level),
        runway_seconds=seconds,
        empties_at=runway.empties_at(now, seconds) or now,
    )


async def _emit(ctx: Context, standing: Standing, event: Event) -> None:
    version = await AccountRepository(ctx.session).next_version()
    await ctx.emit(event, version=version, tenant_id=standing.tenant_id)
