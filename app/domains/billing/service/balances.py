"""What a tenant has: accounts, the lock, balance, hold of a launch and runway."""

from datetime import datetime
from uuid import UUID

from app.domains.auth import public as auth
from app.domains.billing import policies
from app.domains.billing.contracts import BalanceView, CreditSummary, Level, RunwayView
from app.domains.billing.errors import BalanceTooLarge, NoBillingAccount
from app.domains.billing.repository.accounts import AccountRepository, Funds
from app.domains.billing.rules import holds, runway
from app.shared.authz import Permission, tenant_scope
from app.shared.context import Context
from app.shared.money import MAX_BALANCE, Micro, RateMicroPerHour

MAX_THRESHOLD = 2_592_000  # the upper bound of every threshold policy: with more runway no policy is read
LOW_SECONDS = 4 * 3_600


async def open_accounts(ctx: Context, tenant_id: UUID, currency: str) -> None:
    """Open the accounts of a new tenant in `currency` (ISO 4217, capitals). Safe to repeat: the first currency is
    kept."""
    await AccountRepository(ctx.session).append_accounts(tenant_id, currency, await ctx.now())


async def lock(ctx: Context, tenant_id: UUID) -> str:
    """Take the tenant's lock. Returns its currency; raises NoBillingAccount."""
    currency = await AccountRepository(ctx.session).lock_tenant(tenant_id)
    if currency is None:
        raise NoBillingAccount()
    return currency


async def get_funds(ctx: Context, tenant_id: UUID) -> Funds:
    """The tenant's money now; zero until a new organisation has its accounts. Raises NotFound."""
    funds = await AccountRepository(ctx.session).list_funds([tenant_id])
    if tenant_id in funds:
        return funds[tenant_id]
    return Funds(tenant_id=tenant_id, currency=(await auth.tenant(ctx, tenant_id)).currency)


def check_room(funds: Funds, amount: Micro) -> None:
    """Raises BalanceTooLarge when the new balance would not fit into every sum, page and JSON number."""
    if abs(funds.total + amount) > MAX_BALANCE:
        raise BalanceTooLarge()


async def balance(ctx: Context, tenant_id: UUID) -> BalanceView:
    """Balance, burn rate and runway of the tenant. Raises NotFound for an unknown tenant."""
    funds = await get_funds(ctx, tenant_id)
    seconds, empties_at = _runway(funds, await ctx.now())
    return BalanceView(
        currency=funds.currency,
        available=funds.available,
        credit=funds.credit,
        promotions=funds.promotions,
        held=funds.held,
        debt=funds.debt,
        burn_per_hour=funds.burn,
        funds=funds.spendable,
        runway_seconds=seconds,
        empties_at=empties_at,
        level=await level_at(ctx, tenant_id, seconds),
        running=funds.running,
    )


async def credit_summary(ctx: Context, tenant_id: UUID) -> CreditSummary:
    """The figures in the header of every page, in one statement. `is_low` below four hours of runway."""
    funds = await get_funds(ctx, tenant_id)
    seconds, empties_at = _runway(funds, await ctx.now())
    return CreditSummary(
        available=funds.available,
        burn_per_hour=funds.burn,
        empties_at=empties_at,
        currency=funds.currency,
        is_low=seconds is not None and seconds <= LOW_SECONDS,
    )


async def own_credit(ctx: Context) -> CreditSummary:
    """The credit summary of the actor's organisation. Raises Forbidden."""
    return await credit_summary(ctx, tenant_scope(ctx.actor, Permission.BILLING_READ).tenant_id)


async def hold_amount(ctx: Context, tenant_id: UUID, rate: RateMicroPerHour) -> Micro:
    """The hold that policy requires for a launch at `rate`: the value of `PlaceHold.amount`."""
    seconds = await ctx.policy(policies.HOLD_SECONDS, tenant_id)
    return holds.hold_amount(rate, seconds, Micro(await ctx.policy(policies.HOLD_MINIMUM, tenant_id)))


async def runway_after(ctx: Context, tenant_id: UUID, extra_rate: RateMicroPerHour) -> RunwayView:
    """How long the money lasts now, and after a launch at `extra_rate`. Its hold counts: it stays the tenant's
    money."""
    funds, now = await get_funds(ctx, tenant_id), await ctx.now()
    hold = await hold_amount(ctx, tenant_id, extra_rate)
    before, before_at = _runway(funds, now)
    after, after_at = _runway(funds, now, extra_rate)
    return RunwayView(
        before=before,
        after=after,
        before_at=before_at,
        after_at=after_at,
        hold=hold,
        available=funds.available,
        affordable=funds.available >= hold,
    )


async def is_exhausted(ctx: Context, tenant_id: UUID, burn: RateMicroPerHour) -> bool:
    """Whether the tenant's money at `burn` per hour lasts no longer than the release margin.

    Takes the tenant's lock, so credit that is being added is either counted or waits. Raises NoBillingAccount.
    """
    await lock(ctx, tenant_id)
    seconds = runway.runway_seconds((await get_funds(ctx, tenant_id)).spendable, burn)
    return seconds is not None and await level_at(ctx, tenant_id, seconds) == "exhausted"


async def thresholds(ctx: Context, tenant_id: UUID) -> runway.Thresholds:
    """The warning thresholds of the tenant, by policy."""
    return runway.Thresholds(
        notice=await ctx.policy(policies.RUNWAY_NOTICE, tenant_id),
        warning=await ctx.policy(policies.RUNWAY_WARNING, tenant_id),
        critical=await ctx.policy(policies.RUNWAY_CRITICAL, tenant_id),
        release=await ctx.policy(policies.RELEASE_MARGIN, tenant_id),
    )


async def level_at(ctx: Context, tenant_id: UUID, runway_seconds: int | None) -> Level:
    """The warning level that follows from the tenant's runway."""
    if runway_seconds is None or runway_seconds > MAX_THRESHOLD:
        return "fine"
    return runway.level_of(runway_seconds, await thresholds(ctx, tenant_id))


def _runway(funds: Funds, now: datetime, extra_rate: int = 0) -> tuple[int | None, datetime | None]:
    seconds = runway.runway_seconds(funds.spendable, RateMicroPerHour(funds.burn + extra_rate))
    return seconds, runway.empties_at(now, seconds)
