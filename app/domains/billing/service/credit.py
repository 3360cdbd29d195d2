"""Credit comes in, exactly once per reference, however often and in whatever order it is reported."""

from app.domains.billing.contracts import PostAdjustment, PostCredit, TransactionId
from app.domains.billing.errors import InsufficientCredit
from app.domains.billing.repository.ledger import Leg
from app.domains.billing.rules import holds
from app.domains.billing.service import balances
from app.domains.billing.service.postings import Draft, find_posted, post
from app.shared.context import Context
from app.shared.money import Micro


async def post_credit(ctx: Context, command: PostCredit) -> TransactionId:
    """Add credit exactly once per reference. A payment settles the debt first; promotional credit does not.

    Raises NoBillingAccount, WrongCurrency, ReferenceReused, BalanceTooLarge (promotional credit only), and ValueError
    for an amount that is not positive.
    """
    if command.amount <= 0:
        raise ValueError("credit must be positive")
    draft = Draft(
        kind=command.source,
        reference=command.reference,
        cause_id=command.cause_id,
        tenant_id=command.tenant_id,
        amount=command.amount,
        currency=command.currency,
    )
    posted = await find_posted(ctx, draft)
    if posted is not None:
        return posted
    funds = await balances.get_funds(ctx, command.tenant_id)
    if command.source == "promotion":
        balances.check_room(funds, command.amount)
        house, customer = Leg("promotions_expense", Micro(-command.amount)), Leg("customer_promotions", command.amount)
        return await post(ctx, draft, house, customer)
    parts = holds.settle_debt(command.amount, funds.debt)
    house = Leg("payment_clearing", Micro(-command.amount))
    return await post(ctx, draft, house, Leg("customer_debt", parts.debt), Leg("customer_credit", parts.credit))


async def post_adjustment(ctx: Context, command: PostAdjustment) -> TransactionId:
    """Correct a tenant's credit, once. Raises InsufficientCredit, NoBillingAccount, WrongCurrency, BalanceTooLarge."""
    draft = Draft(
        kind="adjustment",
        reference=f"adjustment:{command.adjustment_id}",
        cause_id=command.adjustment_id,
        tenant_id=command.tenant_id,
        amount=command.amount,
        currency=command.currency,
    )
    posted = await find_posted(ctx, draft)
    if posted is not None:
        return posted
    funds = await balances.get_funds(ctx, command.tenant_id)
    if command.amount > 0:
        balances.check_room(funds, command.amount)
        house, customer = Leg("promotions_expense", Micro(-command.amount)), Leg("customer_promotions", command.amount)
        return await post(ctx, draft, house, customer)
    amount = Micro(-command.amount)
    debit = holds.split_charge(amount, funds.promotions, funds.credit, Micro(0))
    if debit.written_off:
        raise InsufficientCredit(funds.credit + funds.promotions, amount, command.currency)
    promotions = Leg("customer_promotions", Micro(-debit.promotions))
    credit = Leg("customer_credit", Micro(-debit.credit))
    return await post(ctx, draft, promotions, credit, Leg("write_off", amount))
