"""Credit goes out again: refunds, refunds that came back, corrections by hand. Each exactly once per its id.

A refund takes bought credit only, and only what is unspent: promotional credit is a gift, held credit belongs to a
machine, and what was used was delivered.
"""

from app.domains.billing.contracts import HouseBalance, PostAdjustment, PostRefund, TakeBack, TransactionId
from app.domains.billing.errors import InsufficientCredit, ReferenceReused, WrongCurrency
from app.domains.billing.repository import ledger
from app.domains.billing.repository.ledger import Leg, Posting
from app.domains.billing.rules import holds
from app.domains.billing.service import balances
from app.shared.authz import Permission, platform_scope
from app.shared.context import Context
from app.shared.money import MAX_MICRO, Micro

Outgoing = PostRefund | PostAdjustment | TakeBack
HOUSE_OF = {"refund": "refunds", "refund_returned": "refunds", "dispute": "disputes", "dispute_returned": "disputes"}


async def post_refund(ctx: Context, command: PostRefund) -> TransactionId:
    """Move unspent credit into refunds. Raises InsufficientCredit, NoBillingAccount, WrongCurrency."""
    known = await _start(ctx, command, f"refund:{command.refund_id}")
    if known is not None:
        return known
    funds = await balances.get_funds(ctx, command.tenant_id)
    if funds.credit < command.amount:
        raise InsufficientCredit(funds.credit, command.amount, command.currency)
    legs = (Leg("customer_credit", Micro(-command.amount)), Leg("refunds", command.amount))
    return await _post(ctx, command, "refund", f"refund:{command.refund_id}", legs)


async def return_refund(ctx: Context, command: PostRefund) -> TransactionId:
    """Give the credit of a refund that failed back."""
    reference = f"refund-returned:{command.refund_id}"
    known = await _start(ctx, command, reference)
    if known is not None:
        return known
    if await ledger.find_by_reference(ctx.session, f"refund:{command.refund_id}") is None:
        raise ReferenceReused("A refund that was never posted cannot come back.")
    paid = holds.pay_debt(command.amount, (await balances.get_funds(ctx, command.tenant_id)).debt)
    legs = (
        Leg("refunds", Micro(-command.amount)), Leg("customer_debt", paid.debt), Leg("customer_credit", paid.credit),
    )  # fmt: skip
    return await _post(ctx, command, "refund_returned", reference, legs)


async def take_back(ctx: Context, command: TakeBack) -> TransactionId:
    """Money went back without us: unspent credit is taken, what was spent is owed from now on. Once per reference."""
    known = await _start(ctx, command, command.reference)
    if known is not None:
        return known
    taken = holds.take_back(command.amount, (await balances.get_funds(ctx, command.tenant_id)).credit)
    legs = (
        Leg("customer_credit", Micro(-taken.credit)), Leg("customer_debt", Micro(-taken.debt)),
        Leg(HOUSE_OF[command.kind], command.amount),
    )  # fmt: skip
    return await _post(ctx, command, command.kind, command.reference, legs)


async def give_back(ctx: Context, command: TakeBack) -> TransactionId:
    """What was taken back came in again: it pays what is owed, the rest is credit. Once per reference."""
    known = await _start(ctx, command, command.reference)
    if known is not None:
        return known
    paid = holds.pay_debt(command.amount, (await balances.get_funds(ctx, command.tenant_id)).debt)
    legs = (
        Leg(HOUSE_OF[command.kind], Micro(-command.amount)), Leg("customer_debt", paid.debt),
        Leg("customer_credit", paid.credit),
    )  # fmt: skip
    return await _post(ctx, command, command.kind, command.reference, legs)


async def post_adjustment(ctx: Context, command: PostAdjustment) -> TransactionId:
    """Correct the credit. Raises InsufficientCredit when there is less than is to be taken."""
    reference = f"adjustment:{command.adjustment_id}"
    known = await _start(ctx, command, reference)
    if known is not None:
        return known
    if command.amount > 0:
        balances.check_room(await balances.get_funds(ctx, command.tenant_id), command.amount)
        legs = (Leg("promotions_expense", Micro(-command.amount)), Leg("customer_promotions", command.amount))
        return await _post(ctx, command, "adjustment", reference, legs)
    taken = Micro(-command.amount)
    funds = await balances.get_funds(ctx, command.tenant_id)
    debit = holds.split(taken, funds.promotions, funds.credit, Micro(0))
    if debit.written_off:
        raise InsufficientCredit(funds.credit + funds.promotions, taken, command.currency)
    out = (Leg("customer_promotions", Micro(-debit.promotions)), Leg("customer_credit", Micro(-debit.credit)))
    return await _post(ctx, command, "adjustment", reference, (*out, Leg("write_off", taken)))


async def house_balances(ctx: Context) -> list[HouseBalance]:
    """What the accounts hold together."""
    scope = platform_scope(ctx.actor, Permission.PLATFORM_MONEY_READ)
    return await ledger.house_balances(ctx.session, scope)


async def find_transaction_of(ctx: Context, reference: str) -> TransactionId | None:
    """The transaction of a reference."""
    known = await ledger.find_by_reference(ctx.session, reference)
    return None if known is None else TransactionId(known.id)


async def _start(ctx: Context, command: Outgoing, reference: str) -> TransactionId | None:
    """Take the tenant's lock, check currency and size. Returns the transaction when it was posted before."""
    if not 0 < abs(command.amount) <= MAX_MICRO:
        raise ValueError("nothing to post")
    if await balances.lock(ctx, command.tenant_id) != command.currency:
        raise WrongCurrency()
    known = await ledger.find_by_reference(ctx.session, reference)
    if known is None:
        return None
    if known.tenant_id != command.tenant_id or abs(known.funds_change) != abs(command.amount):
        raise ReferenceReused()
    return TransactionId(known.id)


async def _post(ctx: Context, command: Outgoing, kind: str, reference: str, legs: tuple[Leg, ...]) -> TransactionId:
    cause_id = (
        command.adjustment_id
        if isinstance(command, PostAdjustment)
        else (command.refund_id if isinstance(command, PostRefund) else command.cause_id)
    )
    posted = await ledger.post(
        ctx.session,
        Posting(
            kind=kind,
            reference=reference,
            cause_id=cause_id,
            tenant_id=command.tenant_id,
            project_id=None,
            currency=command.currency,
            occurred_at=await ctx.now(),
            correlation_id=ctx.trace.correlation_id,
            legs=legs,
        ),
    )
    if posted is None:
        raise ReferenceReused()
    await balances.tell(ctx, command.tenant_id, kind)
    return TransactionId(posted)
