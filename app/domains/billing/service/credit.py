"""Credit comes in: exactly once per reference, however often and in whatever order it is told."""

from uuid import UUID

from app.domains.billing.contracts import PostCredit, TransactionId
from app.domains.billing.errors import ReferenceReused, WrongCurrency
from app.domains.billing.repository import ledger
from app.domains.billing.repository.ledger import Leg, Posting
from app.domains.billing.rules import holds
from app.domains.billing.service import balances
from app.shared.context import Context
from app.shared.money import MAX_MICRO, Micro

SOURCES = {
    "payment": ("payment_clearing", "customer_credit"),
    "promotion": ("promotions_expense", "customer_promotions"),
}


async def post_credit(ctx: Context, command: PostCredit) -> TransactionId:
    """Add the credit, or find that it was added before. Returns the transaction either way.

    Raises NoBillingAccount, WrongCurrency, ReferenceReused (same reference, other tenant or amount), ValueError for an
    amount that is not positive.
    """
    if not 0 < command.amount <= MAX_MICRO:
        raise ValueError("credit must be positive")
    currency = await balances.lock(ctx, command.tenant_id)
    if currency != command.currency:
        raise WrongCurrency()
    known = await _find(ctx, command)
    if known is not None:
        return known
    house, customer = SOURCES[command.source]
    funds = await balances.get_funds(ctx, command.tenant_id)
    is_bought = command.source == "payment"  # a gift pays no debt: it cannot be turned into money
    paid = holds.pay_debt(command.amount, funds.debt if is_bought else Micro(0))
    if not is_bought:
        balances.check_room(funds, command.amount)
    posted = await ledger.post(
        ctx.session,
        Posting(
            kind=command.source,
            reference=command.reference,
            cause_id=command.cause_id,
            tenant_id=command.tenant_id,
            project_id=None,
            currency=currency,
            occurred_at=await ctx.now(),
            correlation_id=ctx.trace.correlation_id,
            legs=(Leg(house, Micro(-command.amount)), Leg("customer_debt", paid.debt), Leg(customer, paid.credit)),
        ),
    )
    await balances.tell(ctx, command.tenant_id, command.source)
    return TransactionId(posted or await _require(ctx, command))


async def _find(ctx: Context, command: PostCredit) -> TransactionId | None:
    known = await ledger.find_by_reference(ctx.session, command.reference)
    if known is None:
        return None
    wanted = (command.source, command.tenant_id, command.amount)
    if (known.kind, known.tenant_id, known.funds_change) != wanted:
        raise ReferenceReused()
    return TransactionId(known.id)


async def _require(ctx: Context, command: PostCredit) -> UUID:
    """Only reached when another tenant posted the same reference at this very moment: `_find` then refuses it."""
    known = await _find(ctx, command)
    if known is None:
        raise ReferenceReused()
    return known
