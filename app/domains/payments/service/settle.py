"""What Stripe says becomes what the ledger says: exactly once, in any order, in any number.

The row of the payment is locked first; the amount and the currency come from that row only. A session that says
something else is recorded as a problem and brings no credit.
"""

from uuid import UUID

import structlog

from app.domains.billing import public as billing
from app.domains.billing.contracts import PostCredit
from app.domains.payments import repository, rules
from app.domains.payments.contracts import AboutPayment, SessionFacts
from app.domains.payments.events import PaymentFailed, PaymentSucceeded
from app.domains.payments.service import cases
from app.shared.context import Context

WAITING = "payments.process_waiting"
log = structlog.get_logger("berth.payments")


async def settle(ctx: Context, payment_id: UUID, facts: SessionFacts) -> str:
    """Bring the payment to where the session is. Returns the outcome in one word; `mismatch:<what>` needs a person."""
    payment = await repository.lock_payment(ctx.session, payment_id)
    if payment is None:
        return "unknown payment"
    wrong = await _foreign(ctx, payment, facts)
    if wrong is not None:
        return await _mismatch(ctx, payment, facts, wrong)
    if payment.status == "paid":
        return "already paid"
    if rules.is_paid(facts):
        return await _pay(ctx, payment, facts)
    if facts.status == "expired":
        await repository.set_closed(ctx.session, payment.id, "expired", await ctx.now())
        return "expired"
    await repository.set_checked(ctx.session, payment.id, await ctx.now())
    return "no change"


async def _foreign(ctx: Context, payment: repository.Payment, facts: SessionFacts) -> str | None:
    ours = rules.OurSession(
        payment_id=str(payment.id), tenant_id=str(payment.tenant_id), session_id=payment.stripe_session_id,
        intent_id=payment.payment_intent_id,
    )  # fmt: skip
    wrong = rules.foreign(facts, ours, live=rules.is_live(ctx.settings.stripe.secret_key))
    if wrong is None and rules.is_paid(facts):
        taken = await repository.find_id_by_intent(ctx.session, facts.payment_intent_id or "")
        wrong = "intent" if not facts.payment_intent_id or taken not in (None, payment.id) else None
    return wrong


async def _mismatch(ctx: Context, payment: repository.Payment, facts: SessionFacts, what: str) -> str:
    """No effect, and a record for the operators: on the payment while it is open, and as a case."""
    log.error("payment does not match its intent", payment_id=str(payment.id), what=what)
    await repository.set_problem(ctx.session, payment.id, f"mismatch:{what}", await ctx.now())
    said = (
        f"A Checkout session at Stripe ({facts.payment_status or facts.status}) is not this payment's: {what} differs."
    )
    await cases.open_case(ctx, "mismatch", f"{facts.session_id}:mismatch:{what}", said, payment)
    return f"mismatch:{what}"


async def _pay(ctx: Context, payment: repository.Payment, facts: SessionFacts) -> str:
    now = await ctx.now()
    wrong = rules.mismatch(facts, str(payment.id), payment.amount, payment.currency)
    if wrong is not None:
        return await _mismatch(ctx, payment, facts, wrong)
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
    if await repository.has_waiting(ctx.session, facts.payment_intent_id or ""):
        await ctx.enqueue(WAITING, AboutPayment(payment_id=payment.id), aggregate_id=payment.id)
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
