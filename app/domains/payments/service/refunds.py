"""Money goes back to the card it came from: asked for, approved, sent, and what became of it.

The credit leaves the customer's account in the transaction that approves; Stripe is asked afterwards by a job, with the
refund's id as idempotency key. A refund that the bank does not take becomes credit again. Who may approve is decided by
the caller.
"""

from uuid import UUID

import msgspec
import structlog

from app.domains.billing import public as billing
from app.domains.billing.contracts import PostRefund
from app.domains.payments import policies, repository, rules
from app.domains.payments.contracts import RefundFacts, RefundView, RequestRefund, SendRefund
from app.domains.payments.errors import PaymentNotPaid, PaymentRefused, RefundDecided, RefundNotLeft, RefundTooLarge
from app.domains.payments.events import RefundFailed, RefundSucceeded
from app.domains.payments.gateway import RefundOrder, open_gateway
from app.domains.payments.repository import outside, refunds
from app.shared.authz import Permission
from app.shared.authz.actor import SYSTEM
from app.shared.authz.scope import require
from app.shared.batch import one_by_one
from app.shared.context import Context, Runtime
from app.shared.errors import Forbidden, NotFound, ValidationFailed
from app.shared.formats import money
from app.shared.ids import new_id
from app.shared.money import MICRO_PER_CENT, Micro

log = structlog.get_logger("berth.payments")
SEND = "payments.send_refund"
AT_ONCE = 50


def check_amount(amount: Micro) -> None:
    """Raises ValidationFailed for what can never go back, of whichever payment."""
    if amount <= 0 or amount % MICRO_PER_CENT:
        raise ValidationFailed(fields={"amount": "Write an amount above zero, with at most two decimals."})


async def request_refund(ctx: Context, command: RequestRefund) -> RefundView:
    """Ask for a refund: nothing moves yet. Raises NotFound, PaymentNotPaid, RefundTooLarge, ValidationFailed."""
    require(ctx.actor, Permission.PLATFORM_MONEY_MANAGE)
    if ctx.actor.id is None:
        raise Forbidden()
    payment = await repository.lock_payment(ctx.session, command.payment_id)
    if payment is None:
        raise NotFound()
    if payment.status != "paid" or payment.payment_intent_id is None:
        raise PaymentNotPaid()
    check_amount(command.amount)
    sums = await refunds.sums_of(ctx.session, payment.id)
    unspent = (await billing.balance(ctx, payment.tenant_id)).credit
    gone = Micro(sums.refunded + await outside.disputed(ctx.session, payment.id))
    most = rules.refundable(payment.amount, gone, sums.reserved, unspent)
    if command.amount > most:
        said = f"At most {money(most, payment.currency)} can go back: what was paid and is neither refunded nor spent."
        raise RefundTooLarge(said, refundable=most)
    now = await ctx.now()
    refund = RefundView(
        id=new_id(),
        payment_id=payment.id,
        tenant_id=payment.tenant_id,
        amount=command.amount,
        currency=payment.currency,
        status="requested",
        reason=command.reason,
        requested_by=ctx.actor.id,
        stripe_refund_id=None,
        problem=None,
        version=1,
        created_at=now,
        approved_at=None,
        settled_at=None,
    )
    await refunds.add_refund(ctx.session, refund, now)
    return refund


async def approve_refund(ctx: Context, refund_id: UUID) -> RefundView:
    """Take the credit and ask for the sending. Raises NotFound, RefundDecided, RefundNotLeft, InsufficientCredit
    (spent meanwhile)."""
    require(ctx.actor, Permission.PLATFORM_MONEY_MANAGE)
    refund = await _lock_undecided(ctx, refund_id)
    await _check_left(ctx, refund)
    await billing.post_refund(ctx, _posting(refund))
    await refunds.set_refund(ctx.session, refund.id, "approved", await ctx.now())
    await ctx.enqueue(SEND, SendRefund(id=refund.id), aggregate_id=refund.id)
    return await _require(ctx, refund.id)


async def _check_left(ctx: Context, refund: RefundView) -> None:
    """Raises RefundNotLeft when so much went back at Stripe meanwhile that this one is not left."""
    payment = await repository.find_payment(ctx.session, refund.payment_id)
    sums = await refunds.sums_of(ctx.session, refund.payment_id)
    gone = sums.refunded + await outside.disputed(ctx.session, refund.payment_id)
    left = Micro(max(0, (payment.amount if payment else 0) - gone))
    if refund.amount > left:
        said = f"Only {money(left, refund.currency)} of this payment is left: the rest went back or is disputed."
        raise RefundNotLeft(said, refundable=left)


async def reject_refund(ctx: Context, refund_id: UUID, problem: str) -> RefundView:
    """Nothing goes back. Raises NotFound, RefundDecided."""
    require(ctx.actor, Permission.PLATFORM_MONEY_MANAGE)
    refund = await _lock_undecided(ctx, refund_id)
    await refunds.set_refund(ctx.session, refund.id, "rejected", await ctx.now(), problem=problem)
    return await _require(ctx, refund.id)


async def send_refund(runtime: Runtime, refund_id: UUID) -> str:
    """Ask Stripe for an approved refund, or how it is. Returns the outcome. Raises PaymentsUnavailable: ask again.

    A refund that may have been asked for before is looked for first: Stripe forgets idempotency keys after a day."""
    async with runtime.context(SYSTEM) as ctx:
        refund = await refunds.find_refund(ctx.session, refund_id)
        payment = await repository.find_payment(ctx.session, refund.payment_id) if refund else None
        age = (await ctx.now() - refund.approved_at).total_seconds() if refund and refund.approved_at else 0
    if refund is None or payment is None or payment.payment_intent_id is None:
        return "no such refund"
    if refund.status not in ("approved", "sent"):
        return "settled already"
    if refund.origin == "stripe":
        return await _ask_about(runtime, refund)
    order = RefundOrder(
        refund_id=str(refund.id),
        tenant_id=str(refund.tenant_id),
        payment_intent_id=payment.payment_intent_id,
        amount_cents=rules.cents(refund.amount),
    )
    async with open_gateway(runtime.settings.stripe) as stripe:
        try:
            found = await stripe.find_refund(order) if age > rules.KEY_SAFE_SECONDS or refund.status == "sent" else None
            facts = found or await stripe.create_refund(order)
        except PaymentRefused:
            log.error("stripe refused a refund", refund_id=str(refund.id))
            facts = RefundFacts(
                stripe_refund_id="", refund_id=str(refund.id), status="failed", failure_reason="refused"
            )
    async with runtime.context(SYSTEM) as ctx:
        return await settle_refund(ctx, refund.id, facts)


async def _ask_about(runtime: Runtime, refund: RefundView) -> str:
    """How a refund is that was made at Stripe: it is never sent by us."""
    async with open_gateway(runtime.settings.stripe) as stripe:
        facts = await stripe.get_refund(refund.stripe_refund_id or "")
    async with runtime.context(SYSTEM) as ctx:
        return await settle_refund(ctx, refund.id, facts)


async def settle_refund(ctx: Context, refund_id: UUID, facts: RefundFacts) -> str:
    """Bring the refund to where Stripe says it is. Returns the outcome in words; told again, it does nothing."""
    before = await refunds.find_refund(ctx.session, refund_id)
    if before is None:
        return "unknown refund"
    payment = await repository.lock_payment(ctx.session, before.payment_id)  # locks: payment, refund, account
    refund = await refunds.lock_refund(ctx.session, refund_id)
    if refund is None:
        return "unknown refund"
    wrong = rules.foreign_refund(facts, refund, payment.payment_intent_id if payment else None)
    if wrong is not None:
        return f"mismatch:refund {wrong}"
    after = rules.refund_outcome(facts.status)
    now = await ctx.now()
    if after is None or not rules.is_news(refund.status, after):
        await refunds.set_checked(ctx.session, refund.id, now)
        return "no change"
    problem = (facts.failure_reason or "unknown") if after == "failed" else None
    version = await refunds.set_refund(
        ctx.session, refund.id, after, now, stripe_refund_id=facts.stripe_refund_id or None, problem=problem
    )
    about = {"refund_id": refund.id, "payment_id": refund.payment_id, "tenant_id": refund.tenant_id}
    if after == "succeeded":
        await tell_succeeded(ctx, msgspec.structs.replace(refund, status=after, version=version))
    if after == "failed":
        await billing.return_refund(ctx, _posting(refund))
        failed = RefundFailed(**about, amount=refund.amount, currency=refund.currency, reason=problem or "unknown")
        await ctx.emit(failed, version=version, tenant_id=refund.tenant_id)
    return f"refund {after}"


async def tell_succeeded(ctx: Context, refund: RefundView) -> None:
    """Money went back; for a refund in another state nothing is told."""
    if refund.status == "succeeded":
        about = {"refund_id": refund.id, "payment_id": refund.payment_id, "tenant_id": refund.tenant_id}
        done = RefundSucceeded(**about, amount=refund.amount, currency=refund.currency)
        await ctx.emit(done, version=refund.version, tenant_id=refund.tenant_id)


async def sweep_refunds(runtime: Runtime) -> int:
    """Ask again about refunds whose news is overdue. Returns how many were settled."""
    async with runtime.context(SYSTEM) as ctx:
        after = await ctx.policy(policies.SWEEP_AFTER)
        waiting = await refunds.list_waiting(ctx.session, await ctx.now(), after, AT_ONCE)

    async def ask(refund_id: UUID) -> bool:
        return (await send_refund(runtime, refund_id)) in ("refund succeeded", "refund failed")

    return await one_by_one(waiting, ask, "a refund could not be brought to its end")


async def _lock_undecided(ctx: Context, refund_id: UUID) -> RefundView:
    seen = await refunds.find_refund(ctx.session, refund_id)
    if seen is None:
        raise NotFound()
    await repository.lock_payment(ctx.session, seen.payment_id)
    refund = await refunds.lock_refund(ctx.session, refund_id)
    if refund is None or refund.status != "requested":
        raise RefundDecided()
    return refund


async def _require(ctx: Context, refund_id: UUID) -> RefundView:
    found = await refunds.find_refund(ctx.session, refund_id)
    if found is None:
        raise NotFound()
    return found


def _posting(refund: RefundView) -> PostRefund:
    return PostRefund(tenant_id=refund.tenant_id, refund_id=refund.id, amount=refund.amount, currency=refund.currency)
