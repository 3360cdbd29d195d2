"""What other domains may ask of billing. All of it runs in the caller's Context, so in the caller's transaction.

Whoever writes takes the lock of the tenant's account first; take it before you lock rows of your own.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.domains.billing.contracts import (
    BalanceView,
    CostView,
    CreditSummary,
    HouseBalance,
    PlaceHold,
    PostAdjustment,
    PostCredit,
    PostRefund,
    ReceiptView,
    RunwayView,
    SpendView,
    StartMetering,
    StopMetering,
    TakeBack,
    TransactionId,
)
from app.domains.billing.contracts.verify import VerifyReport
from app.domains.billing.service import accrual, balances, credit, holds, metering, refunds, statements, usage, verify
from app.shared.authz import PlatformScope
from app.shared.context import Context
from app.shared.money import Micro, RateMicroPerHour


async def open_accounts(ctx: Context, tenant_id: UUID, currency: str) -> None:
    """Give a new tenant its accounts in `currency` (ISO 4217, capitals). Safe to repeat."""
    await balances.open_accounts(ctx, tenant_id, currency)


async def balance(ctx: Context, tenant_id: UUID) -> BalanceView:
    """Balance, burn, runway. Raises NotFound for an unknown tenant."""
    return await balances.balance(ctx, tenant_id)


async def credit_summary(ctx: Context, tenant_id: UUID) -> CreditSummary:
    """What the header of every page shows of an organisation's money."""
    return await statements.credit_summary(ctx, tenant_id)


async def hold_amount(ctx: Context, tenant_id: UUID, rate: RateMicroPerHour) -> Micro:
    """What a launch at `rate` has to hold, by policy: put it into `PlaceHold.amount`."""
    return await balances.hold_amount(ctx, tenant_id, rate)


async def runway_after(ctx: Context, tenant_id: UUID, extra_rate: RateMicroPerHour) -> RunwayView:
    """How long the money lasts before and after a launch that burns `extra_rate`."""
    return await balances.runway_after(ctx, tenant_id, extra_rate)


async def place_hold(ctx: Context, command: PlaceHold) -> None:
    """Set money aside for a launch. Raises InsufficientCredit(available, needed), NoBillingAccount, ReferenceReused."""
    await holds.place_hold(ctx, command)


async def release_hold(ctx: Context, allocation_id: UUID) -> None:
    """Give back the hold of an allocation that never became active. Raises StillMetered."""
    await holds.release_hold(ctx, allocation_id)


async def start_metering(ctx: Context, command: StartMetering) -> None:
    """Bill from `at` on. Raises HoldMissing, NoBillingAccount."""
    await metering.start_metering(ctx, command)


async def stop_metering(ctx: Context, command: StopMetering) -> None:
    """Bill up to `at`, give the rest of the hold back. Safe to repeat, also for what was never metered."""
    await metering.stop_metering(ctx, command)


async def stop_metering_of(ctx: Context, tenant_id: UUID, allocation_ids: Sequence[UUID], at: datetime) -> None:
    """The same for some allocations of one tenant, in one go. Raises NoBillingAccount."""
    await metering.stop_many(ctx, tenant_id, allocation_ids, at)


async def is_exhausted(ctx: Context, tenant_id: UUID, burn: RateMicroPerHour) -> bool:
    """Whether the tenant's money does not carry `burn` per hour beyond the release margin; takes the tenant's lock."""
    return await balances.is_exhausted(ctx, tenant_id, burn)


async def post_credit(ctx: Context, command: PostCredit) -> TransactionId:
    """Add credit exactly once per reference. Raises NoBillingAccount, WrongCurrency, ReferenceReused."""
    return await credit.post_credit(ctx, command)


async def post_refund(ctx: Context, command: PostRefund) -> TransactionId:
    """Take unspent credit out for a refund, once. Raises InsufficientCredit, NoBillingAccount, WrongCurrency."""
    return await refunds.post_refund(ctx, command)


async def return_refund(ctx: Context, command: PostRefund) -> TransactionId:
    """The refund did not arrive: the credit is the tenant's again, once."""
    return await refunds.return_refund(ctx, command)


async def take_back(ctx: Context, command: TakeBack) -> TransactionId:
    """Money went back without us: unspent credit is taken, the rest is owed. Once per reference."""
    return await refunds.take_back(ctx, command)


async def give_back(ctx: Context, command: TakeBack) -> TransactionId:
    """What was taken back came in again. Once per reference."""
    return await refunds.give_back(ctx, command)


async def post_adjustment(ctx: Context, command: PostAdjustment) -> TransactionId:
    """Correct a tenant's credit, once. Raises InsufficientCredit, NoBillingAccount, WrongCurrency."""
    return await refunds.post_adjustment(ctx, command)


async def house_balances(ctx: Context) -> list[HouseBalance]:
    """What the accounts hold together, for those who may see everybody's money."""
    return await refunds.house_balances(ctx)


async def find_transaction_of(ctx: Context, reference: str) -> TransactionId | None:
    """The ledger transaction of a reference such as `payment:<id>`; None when nothing was posted."""
    return await refunds.find_transaction_of(ctx, reference)


async def cost_of(ctx: Context, allocation_id: UUID) -> CostView | None:
    """What an allocation has cost, to the second; None when billing does not know it. The caller checks whose it is."""
    return await statements.cost_of(ctx, allocation_id)


async def costs_of(ctx: Context, allocation_ids: list[UUID]) -> dict[UUID, CostView]:
    """The same for a list of allocations, in one statement."""
    return await statements.costs_of(ctx, allocation_ids)


async def spend(ctx: Context) -> SpendView:
    """This month, last month and the last 30 days of the actor's organisation. Raises Forbidden."""
    return await usage.spend(ctx)


async def receipt(ctx: Context, allocation_id: UUID) -> ReceiptView | None:
    """Posted usage of an allocation by hour; None when billing does not know it. The caller checks whose it is."""
    return await statements.receipt(ctx, allocation_id)


async def tick(ctx: Context) -> int:
    """Read the running meters of up to 500 tenants now. Returns the number of usage records (for tests and tools)."""
    return await accrual.tick(ctx, await accrual.running(ctx, None))


async def burn_now(ctx: Context, scope: PlatformScope) -> dict[str, RateMicroPerHour]:
    """What all running meters of the platform earn per hour, by currency; without a running one, nothing."""
    return await metering.burn_now(ctx, scope)


async def verify_ledger(ctx: Context) -> VerifyReport:
    """Prove that the books add up. Needs a fresh Context."""
    return await verify.verify_ledger(ctx)


def render_verify_report(report: VerifyReport) -> str:
    """The report as lines for a terminal."""
    return verify.render(report)
