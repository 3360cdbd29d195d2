"""What Stripe says becomes what the ledger says: exactly once, in any order, in any number.

The row of the payment is locked first; the amount and the currency come from that row only. A session that says
something else is recorded as a problem and brings no credit.
"""

from uuid import UUID

import structlog

from app.context import Context
from app.domains.billing import public as billing
from app.domains.billing.contracts import PostCredit
from app.domains.payments import repository, rules
from app.domains.payments.contracts import SessionFacts
from app.domains.payments.events import PaymentFailed, PaymentSucceeded

log = structlog.get_logger("berth.payments")


async def settle(ctx: Context, payment_id: UUID, facts: SessionFacts) -> str:
    """Bring the payment to where the session is. Returns the outcome in one word; `mismatch:<what>` needs a person."""
    payment = await repository.lock_payment(ctx.session, payment_id)
    if payment is None:
        return "unknown payment"
    if payment.status == "paid":
        return "already paid"
    if rules.is_paid(facts):
        return await _pay(ctx, payment, facts)
    if facts.status == "expired":
        await repository.set_closed(ctx.session, payment.id, "expired", await ctx.now())
        return "expired"
    await repository.set_checked(ctx.session, payment.id, await ctx.now())
    return "no change"


async def _pay(ctx: Context, payment: repository.Payment, facts: SessionFacts) -> str:
    now = await ctx.now()
    wrong = rules.mismatch(facts, str(payment.id), payment.amount, payment.currency)
    if wrong is not None:
        log.error("payment does not match its intent", payment_id=str(payment.id), what=wrong)
        await repository.set_problem(ctx.session, payment.id, f"mismatch:{wrong}", now)
        return f"mismatch:{wrong}"
    await billing.post_credit(
        ctx,
        PostCredit(
            tenant_id=payment.tenant_id,
            amount=payment.amount,
            currency=payment.currency,
            reference=f"payment:{payment.id}",
            source="payment",
            cause_id=payment.id,
        ),
    )
    version = await repository.set_paid(ctx.session, payment.id, facts.session_id, facts.payment_intent_id, now)
    fact = PaymentSucceeded(
        payment_id=payment.id, tenant_id=payment.tenant_id, amount=payment.amount, currency=payment.currency
    )
    await ctx.emit(fact, version=version, tenant_id=payment.tenant_id, project_id=payment.project_id)
    return "paid"


async def fail_attempt(ctx: Context, payment_id: UUID, reason: str) -> str:
    """An attempt failed: remember why. The Checkout page stays open, so the payment does too."""
    payment = await repository.lock_payment(ctx.session, payment_id)
    if payment is None:
        return "unknown payment"
    version = await repository.set_problem(ctx.session, payment.id, reason, await ctx.now())
    if version is None:
        return "already paid"
    fact = PaymentFailed(payment_id=payment.id, tenant_id=payment.tenant_id, reason=reason)
    await ctx.emit(fact, version=version, tenant_id=payment.tenant_id, project_id=payment.project_id)
    return "attempt failed"
