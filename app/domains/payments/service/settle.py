"""Settles a payment from its Checkout session: exactly once, in any order, however often Stripe reports it.

The payment is locked first; amount and currency come from Berth's own record. A session that differs from it is
recorded as a problem and adds no credit.
"""

from uuid import UUID

import msgspec
import structlog

from app.domains.billing import public as billing
from app.domains.billing.contracts import PostCredit
from app.domains.payments.events import PaymentFailed, PaymentSucceeded
from app.domains.payments.repository.inbox import InboxRepository
from app.domains.payments.repository.payments import Payment, PaymentRepository
from app.domains.payments.rules import sessions
from app.domains.payments.rules.sessions import CheckoutSession, ExpectedSession
from app.domains.payments.service import cases
from app.shared.context import Context

DEFERRED_JOB = "payments.process_waiting"
UNKNOWN_PAYMENT = "unknown payment"  # a message with this outcome is processed again once its payment is settled
log = structlog.get_logger("berth.payments")


class AboutPayment(msgspec.Struct, frozen=True, kw_only=True):
    """A job about one payment."""

    payment_id: UUID


async def settle(ctx: Context, payment_id: UUID, session: CheckoutSession) -> str:
    """Bring the payment to the state of its session. Returns the outcome; `mismatch:<what>` needs an operator."""
    payments = PaymentRepository(ctx.session)
    payment = await payments.lock(payment_id)
    if payment is None:
        return UNKNOWN_PAYMENT
    mismatch = await _identity_mismatch(ctx, payment, session)
    if mismatch is not None:
        return await _record_mismatch(ctx, payment, session, mismatch)
    if payment.status == "paid":
        return "already paid"
    if session.is_paid:
        return await _pay(ctx, payment, session)
    if session.status == "expired":
        await payments.set_closed(payment.id, "expired", await ctx.now())
        return "expired"
    await payments.set_checked(payment.id, await ctx.now())
    return "no change"


async def fail_attempt(ctx: Context, payment_id: UUID, reason: str) -> str:
    """Record why an attempt failed. The Checkout page stays open, and so does the payment."""
    payments = PaymentRepository(ctx.session)
    payment = await payments.lock(payment_id)
    if payment is None:
        return UNKNOWN_PAYMENT
    version = await payments.set_problem(payment.id, reason, await ctx.now())
    if version is None:
        return "already paid"
    event = PaymentFailed(payment_id=payment.id, tenant_id=payment.tenant_id, reason=reason)
    await ctx.emit(event, version=version, tenant_id=payment.tenant_id, project_id=payment.project_id)
    return "attempt failed"


async def _identity_mismatch(ctx: Context, payment: Payment, session: CheckoutSession) -> str | None:
    expected = ExpectedSession(
        payment_id=str(payment.id),
        tenant_id=str(payment.tenant_id),
        session_id=payment.stripe_session_id,
        intent_id=payment.payment_intent_id,
    )
    live = sessions.is_live(ctx.settings.stripe.secret_key)
    mismatch = sessions.identity_mismatch(session, expected, live=live)
    if mismatch is None and session.is_paid:
        intent_id = session.payment_intent_id
        known = await PaymentRepository(ctx.session).find_id_by_intent(intent_id or "")
        return "intent" if not intent_id or known not in (None, payment.id) else None
    return mismatch


async def _record_mismatch(ctx: Context, payment: Payment, session: CheckoutSession, what: str) -> str:
    """Record it on the payment while it is open, and as a case."""
    log.error("payment does not match its session", payment_id=str(payment.id), what=what)
    await PaymentRepository(ctx.session).set_problem(payment.id, f"mismatch:{what}", await ctx.now())
    status = session.payment_status or session.status
    summary = f"A Checkout session at Stripe ({status}) does not belong to this payment: {what} differs."
    await cases.open_case(ctx, "mismatch", f"{session.session_id}:mismatch:{what}", summary, payment)
    return f"mismatch:{what}"


async def _pay(ctx: Context, payment: Payment, session: CheckoutSession) -> str:
    mismatch = sessions.amount_mismatch(session, str(payment.id), payment.amount, payment.currency)
    if mismatch is not None:
        return await _record_mismatch(ctx, payment, session, mismatch)
    credit = PostCredit(
        tenant_id=payment.tenant_id,
        amount=payment.amount,
        currency=payment.currency,
        reference=f"payment:{payment.id}",
        source="payment",
        cause_id=payment.id,
    )
    await billing.post_credit(ctx, credit)
    intent_id, now = session.payment_intent_id, await ctx.now()
    version = await PaymentRepository(ctx.session).set_paid(payment.id, session.session_id, intent_id, now)
    if await InboxRepository(ctx.session).has_deferred(intent_id or ""):
        await ctx.enqueue(DEFERRED_JOB, AboutPayment(payment_id=payment.id), aggregate_id=payment.id)
    event = PaymentSucceeded(
        payment_id=payment.id, tenant_id=payment.tenant_id, amount=payment.amount, currency=payment.currency
    )
    await ctx.emit(event, version=version, tenant_id=payment.tenant_id, project_id=payment.project_id)
    return "paid"
