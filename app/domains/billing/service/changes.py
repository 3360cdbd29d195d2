"""What follows from a change of a tenant's money: the event, and the warnings when its runway crosses a threshold."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from app.domains.billing.contracts import Level
from app.domains.billing.events import AccountChanged, RunwayLow, RunwayRecovered, TenantExhausted
from app.domains.billing.repository.accounts import AccountRepository, Funds
from app.domains.billing.rules import runway
from app.domains.billing.service import balances
from app.shared.context import Context
from app.shared.events import Event


async def publish(ctx: Context, tenant_id: UUID, cause: str) -> None:
    """Emit the change of one tenant and update its warning level. The caller holds the tenant's lock."""
    await publish_many(ctx, await AccountRepository(ctx.session).list_funds([tenant_id]), cause)


async def publish_many(ctx: Context, changed: Mapping[UUID, Funds], cause: str) -> None:
    """The same for several tenants, by tenant."""
    levels = await AccountRepository(ctx.session).list_levels(list(changed))
    for funds in changed.values():
        event = AccountChanged(
            tenant_id=funds.tenant_id,
            available=funds.available,
            held=funds.held,
            burn_per_hour=funds.burn,
            currency=funds.currency,
            cause=cause,
        )
        await _emit(ctx, funds, event)
        await _update_level(ctx, funds, levels.get(funds.tenant_id, "fine"))


async def _update_level(ctx: Context, funds: Funds, before: Level) -> None:
    seconds = runway.runway_seconds(funds.spendable, funds.burn)
    level = await balances.level_at(ctx, funds.tenant_id, seconds)
    # Repeated while no money is left and machines still run: a release that failed, or was overtaken by an activation,
    # would otherwise leave them running at Berth's cost.
    is_overdue = level == "exhausted" and not funds.spendable
    if level == before and not is_overdue:
        return
    now = await ctx.now()
    if level != before:
        await AccountRepository(ctx.session).append_level(funds, level, seconds, now)
    if level != before and not runway.is_worse(level, before):
        await _emit(ctx, funds, RunwayRecovered(tenant_id=funds.tenant_id, level=level))
    elif level == "exhausted":
        event = TenantExhausted(tenant_id=funds.tenant_id, funds=funds.spendable, burn_per_hour=funds.burn)
        await _emit(ctx, funds, event)
    else:
        await _emit(ctx, funds, await _runway_low(ctx, funds.tenant_id, level, seconds or 0, now))


async def _runway_low(ctx: Context, tenant_id: UUID, level: Level, seconds: int, now: datetime) -> RunwayLow:
    return RunwayLow(
        tenant_id=tenant_id,
        level=level,
        threshold_seconds=(await balances.thresholds(ctx, tenant_id)).of(level),
        runway_seconds=seconds,
        empties_at=runway.empties_at(now, seconds) or now,
    )


async def _emit(ctx: Context, funds: Funds, event: Event) -> None:
    version = await AccountRepository(ctx.session).next_version()
    await ctx.emit(event, version=version, tenant_id=funds.tenant_id)
