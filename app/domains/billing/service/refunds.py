"""Credit goes out: refunds, and withdrawals that were made at the payment service. Each exactly once per reference.

A refund takes unspent bought credit only: promotional credit is never refunded, held credit belongs to a machine, and
used credit paid for a service that was delivered.
"""

from app.domains.billing.contracts import PostRefund, PostWithdrawal, TransactionId
from app.domains.billing.errors import InsufficientCredit, ReferenceReused
from app.domains.billing.repository.ledger import LedgerRepository, Leg
from app.domains.billing.rules import holds
from app.domains.billing.service import balances
from app.domains.billing.service.postings import Draft, find_posted, post
from app.shared.context import Context
from app.shared.money import Micro

HOUSE_ACCOUNT = {
    "refund": "refunds",
    "refund_returned": "refunds",
    "dispute": "disputes",
    "dispute_returned": "disputes",
}


async def post_refund(ctx: Context, command: PostRefund) -> TransactionId:
    """Take unspent credit out for a refund, once. Raises InsufficientCredit, NoBillingAccount, WrongCurrency."""
    draft = _refund(command, "refund", f"refund:{command.refund_id}")
    posted = await find_posted(ctx, draft)
    if posted is not None:
        return posted
    funds = await balances.get_funds(ctx, command.tenant_id)
    if funds.credit < command.amount:
        raise InsufficientCredit(funds.credit, command.amount, command.currency)
    return await post(ctx, draft, Leg("customer_credit", Micro(-command.amount)), Leg("refunds", command.amount))


async def return_refund(ctx: Context, command: PostRefund) -> TransactionId:
    """Return the credit of a refund that failed, once. Raises ReferenceReused for a refund that was never posted."""
    draft = _refund(command, "refund_returned", f"refund-returned:{command.refund_id}")
    posted = await find_posted(ctx, draft)
    if posted is not None:
        return posted
    if await find_transaction_of(ctx, f"refund:{command.refund_id}") is None:
        raise ReferenceReused("A refund that was never posted cannot be returned.")
    return await _return(ctx, draft, "refunds")


async def post_withdrawal(ctx: Context, command: PostWithdrawal) -> TransactionId:
    """Record money that was withdrawn at the payment service, once: unspent credit covers it, the rest becomes debt."""
    draft = _withdrawal(command)
    posted = await find_posted(ctx, draft)
    if posted is not None:
        return posted
    parts = holds.split_withdrawal(command.amount, (await balances.get_funds(ctx, command.tenant_id)).credit)
    credit, debt = Leg("customer_credit", Micro(-parts.credit)), Leg("customer_debt", Micro(-parts.debt))
    return await post(ctx, draft, credit, debt, Leg(HOUSE_ACCOUNT[command.kind], command.amount))


async def return_withdrawal(ctx: Context, command: PostWithdrawal) -> TransactionId:
    """Record that withdrawn money came back, once: it settles the debt, the rest becomes credit."""
    draft = _withdrawal(command)
    return await find_posted(ctx, draft) or await _return(ctx, draft, HOUSE_ACCOUNT[command.kind])


async def find_transaction_of(ctx: Context, reference: str) -> TransactionId | None:
    """The ledger transaction of a reference such as `payment:<id>`; None when nothing was posted."""
    posted = await LedgerRepository(ctx.session).find_by_reference(reference)
    return None if posted is None else TransactionId(posted.id)


async def _return(ctx: Context, draft: Draft, house_account: str) -> TransactionId:
    parts = holds.settle_debt(draft.amount, (await balances.get_funds(ctx, draft.tenant_id)).debt)
    house = Leg(house_account, Micro(-draft.amount))
    return await post(ctx, draft, house, Leg("customer_debt", parts.debt), Leg("customer_credit", parts.credit))


def _refund(command: PostRefund, kind: str, reference: str) -> Draft:
    return Draft(
        kind=kind,
        reference=reference,
        cause_id=command.refund_id,
        tenant_id=command.tenant_id,
        amount=command.amount,
        currency=command.currency,
    )


def _withdrawal(command: PostWithdrawal) -> Draft:
    return Draft(
        kind=command.kind,
        reference=command.reference,
        cause_id=command.cause_id,
        tenant_id=command.tenant_id,
        amount=command.amount,
        currency=command.currency,
    )
