"""What a tenant has, and telling the others when it changed: events and the ladder of warnings."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from app.domains.auth import public as auth
from app.domains.billing import policies
from app.domains.billing.contracts import BalanceView, Level, RunwayView
from app.domains.billing.errors import BalanceTooLarge, NoBillingAccount
from app.domains.billing.events import AccountChanged, RunwayLow, RunwayRecovered, TenantExhausted
from app.domains.billing.repository import accounts, ladder
from app.domains.billing.repository.accounts import Funds
from app.domains.billing.rules import holds, runway
from app.shared.context import Context
from app.shared.money import MAX_BALANCE, Micro, RateMicroPerHour

LONGEST_THRESHOLD = 2_592_000  # the upper bound of every threshold policy: beyond it no tenant's policies are read


async def open_accounts(ctx: Context, tenant_id: UUID, currency: str) -> None:
    """Give the tenant its accounts in `currency`; safe to repeat, and the first currency stays."""
    await accounts.open_accounts(ctx.session, tenant_id, currency, await ctx.now())


async def lock(ctx: Context, tenant_id: UUID) -> str:
    """Take the tenant's lock. Returns its currency; raises NoBillingAccount."""
    currency = await accounts.lock_tenant(ctx.session, tenant_id)
    if currency is None:
        raise NoBillingAccount()
    return currency


async def get_funds(ctx: Context, tenant_id: UUID) -> Funds:
    """The tenant's money now; nothing at all in the moment before a new organisation has accounts. Raises NotFound."""
    found = await accounts.funds_of(ctx.session, [tenant_id])
    return found.get(tenant_id) or accounts.no_funds(tenant_id, (await auth.tenant(ctx, tenant_id)).currency)


def check_room(funds: Funds, amount: Micro) -> None:
    """Raises BalanceTooLarge when the tenant would have more than every sum, page and JSON number can hold."""
    if abs(funds.total + amount) > MAX_BALANCE:
        raise BalanceTooLarge()


def spendable(funds: Funds) -> Micro:
    """Everything that may still pay for what runs now."""
    return Micro(max(0, funds.available + max(0, funds.metering_hold)))


async def balance(ctx: Context, tenant_id: UUID) -> BalanceView:
    """The tenant's balance, burn and runway. Raises NotFound for an unknown tenant."""
    funds = await get_funds(ctx, tenant_id)
    left = runway.runway_seconds(spendable(funds), funds.burn)
    return BalanceView(
        currency=funds.currency,
        available=funds.available,
        credit=funds.credit,
        promotions=funds.promotions,
        held=funds.held,
        debt=funds.debt,
        burn_per_hour=funds.burn,
        funds=spendable(funds),
        runway_seconds=left,
        empties_at=runway.empties_at(await ctx.now(), left),
        level=await _level(ctx, tenant_id, left),
        running=funds.running,
    )


async def hold_amount(ctx: Context, tenant_id: UUID, rate: RateMicroPerHour) -> Micro:
    """What a launch at `rate` holds, by policy."""
    seconds = await ctx.policy(policies.HOLD_SECONDS, tenant_id)
    return holds.hold_amount(rate, seconds, Micro(await ctx.policy(policies.HOLD_MINIMUM, tenant_id)))


async def runway_after(ctx: Context, tenant_id: UUID, extra_rate: RateMicroPerHour) -> RunwayView:
    """How long the money lasts now, and after a launch that burns `extra_rate` more (its hold included: it stays the
    tenant's money)."""
    funds, now = await get_funds(ctx, tenant_id), await ctx.now()
    hold = await hold_amount(ctx, tenant_id, extra_rate)
    before = runway.runway_seconds(spendable(funds), funds.burn)
    after = runway.runway_seconds(spendable(funds), RateMicroPerHour(funds.burn + extra_rate))
    return RunwayView(
        before=before,
        after=after,
        before_at=runway.empties_at(now, before),
        after_at=runway.empties_at(now, after),
        hold=hold,
        affordable=funds.available >= hold,
    )


async def tell(ctx: Context, tenant_id: UUID, cause: str) -> None:
    """After a change of one tenant: emit what changed and step the ladder. The caller holds the tenant's lock."""
    await tell_all(ctx, await accounts.funds_of(ctx.session, [tenant_id]), cause)


async def tell_all(ctx: Context, found: Mapping[UUID, Funds], cause: str) -> None:
    """The same for several tenants."""
    levels = await ladder.levels_of(ctx.session, list(found))
    for funds in found.values():
        await ctx.emit(
            AccountChanged(
                tenant_id=funds.tenant_id,
                available=funds.available,
                held=funds.held,
                burn_per_hour=funds.burn,
                currency=funds.currency,
                cause=cause,
            ),
            version=await accounts.next_version(ctx.session),
            tenant_id=funds.tenant_id,
        )
        await _step(ctx, funds, levels.get(funds.tenant_id, "fine"))


async def is_exhausted(ctx: Context, tenant_id: UUID, burn: RateMicroPerHour) -> bool:
    """Whether what is left would not outlast the release margin at `burn` per hour. Takes the tenant's lock, so that
    credit which is being added is either seen or waits. Raises NoBillingAccount."""
    await lock(ctx, tenant_id)
    left = runway.runway_seconds(spendable(await get_funds(ctx, tenant_id)), burn)
    return left is not None and await _level(ctx, tenant_id, left) == "exhausted"


async def _ladder(ctx: Context, tenant_id: UUID) -> runway.Ladder:
    return runway.Ladder(
        notice=await ctx.policy(policies.RUNWAY_NOTICE, tenant_id),
        warning=await ctx.policy(policies.RUNWAY_WARNING, tenant_id),
        critical=await ctx.policy(policies.RUNWAY_CRITICAL, tenant_id),
        release=await ctx.policy(policies.RELEASE_MARGIN, tenant_id),
    )


async def _level(ctx: Context, tenant_id: UUID, left: int | None) -> Level:
    if left is None or left > LONGEST_THRESHOLD:
        return "fine"
    return runway.level_of(left, await _ladder(ctx, tenant_id))


async def _step(ctx: Context, funds: Funds, before: Level) -> None:
    left = runway.runway_seconds(spendable(funds), funds.burn)
    level = await _level(ctx, funds.tenant_id, left)
    # Said again while nothing is left and machines still run: a giving back that failed or was overtaken by an
    # activation would otherwise go on at our cost for ever.
    is_overdue = level == "exhausted" and not spendable(funds)
    if level == before and not is_overdue:
        return
    now = await ctx.now()
    if level != before:
        await ladder.add_level(ctx.session, funds, level, left, now)
    version = await accounts.next_version(ctx.session)
    if level != before and not runway.is_worse(level, before):
        recovered = RunwayRecovered(tenant_id=funds.tenant_id, level=level)
        await ctx.emit(recovered, version=version, tenant_id=funds.tenant_id)
    elif level == "exhausted":
        exhausted = TenantExhausted(tenant_id=funds.tenant_id, funds=spendable(funds), burn_per_hour=funds.burn)
        await ctx.emit(exhausted, version=version, tenant_id=funds.tenant_id)
    else:
        await ctx.emit(await _runway_low(ctx, funds, level, left or 0, now), version=version, tenant_id=funds.tenant_id)


async def _runway_low(ctx: Context, funds: Funds, level: Level, left: int, now: datetime) -> RunwayLow:
    return RunwayLow(
        tenant_id=funds.tenant_id,
        level=level,
        threshold_seconds=(await _ladder(ctx, funds.tenant_id)).threshold(level),
        runway_seconds=left,
        empties_at=runway.empties_at(now, left) or now,
    )
