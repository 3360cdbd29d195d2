"""Refunds as Stripe reports them: Berth's own are settled, those made at Stripe are recorded in the books.

Unspent credit is withdrawn; what was spent is owed from then on. Reports are applied under the payment's lock, so they
may come twice, late and in any order.
"""

from uuid import UUID

from app.domains.billing import public as billing
from app.domains.billing.contracts import PostWithdrawal
from app.domains.payments.contracts import RefundView
from app.domains.payments.gateway import gateway_of
from app.domains.payments.repository.payments import Payment, PaymentRepository
from app.domains.payments.repository.refunds import RefundRepository
from app.domains.payments.rules import refunds as rules
from app.domains.payments.rules.amounts import from_cents, to_cents
from app.domains.payments.rules.refunds import StripeRefund
from app.domains.payments.service import cases, refunds
from app.domains.payments.service.settle import UNKNOWN_PAYMENT, AboutPayment
from app.domains.payments.service.webhooks import parse_id
from app.shared.authz.actor import SYSTEM
from app.shared.context import Context, Runtime
from app.shared.ids import new_id
from app.shared.records import keep_unread

LOOK_UP_JOB = "payments.look_up_refunds"
UNREAD_SECONDS = 86_400  # how long operators see records that could not be read: nothing reads them again by itself


async def apply_refund(ctx: Context, reported: StripeRefund) -> str:
    """Apply a report about a refund and return the outcome."""
    stored = RefundRepository(ctx.session)
    refund_id = await stored.find_id_by_stripe(reported.stripe_refund_id) or parse_id(reported.refund_id)
    if refund_id is not None:
        return await refunds.settle_refund(ctx, refund_id, reported)
    payment = await PaymentRepository(ctx.session).lock_by_intent(reported.payment_intent_id)
    if payment is None:
        return UNKNOWN_PAYMENT
    if await stored.find_id_by_stripe(reported.stripe_refund_id) is not None:
        return await apply_refund(ctx, reported)  # another worker recorded it meanwhile
    return await _record(ctx, payment, reported)


async def reconcile_charge(ctx: Context, payment_intent_id: str | None, payment_id: UUID | None, cents: int) -> str:
    """Compare the refunded amount of a charge with the known refunds. When it is more, a job looks them up at
    Stripe."""
    payment = await PaymentRepository(ctx.session).lock_by_intent(payment_intent_id)
    if payment is None or payment_id not in (None, payment.id):
        return UNKNOWN_PAYMENT if payment_id is None or payment is None else "mismatch:metadata"
    sums = await RefundRepository(ctx.session).get_sums(payment.id)
    if cents <= to_cents(sums.refunded):
        return "refunds agree"
    await ctx.enqueue(LOOK_UP_JOB, AboutPayment(payment_id=payment.id), aggregate_id=payment.id)
    return "refunds are looked up"


async def look_up_refunds(runtime: Runtime, payment_id: UUID) -> list[str]:
    """Apply every refund that Stripe has of a payment. Returns the outcomes. Raises PaymentsUnavailable: try again."""
    async with runtime.context(SYSTEM) as ctx:
        payment = await PaymentRepository(ctx.session).find(payment_id)
    if payment is None or payment.payment_intent_id is None:
        return []
    stripe = gateway_of(runtime)
    reports = await stripe.list_refunds(payment.payment_intent_id)
    await keep_unread(runtime.valkey, "Stripe refunds", stripe.unread, UNREAD_SECONDS)
    outcomes = []
    for reported in reports:
        async with runtime.context(SYSTEM) as ctx:
            outcome = await apply_refund(ctx, reported)
            if outcome.startswith(("mismatch", "unknown")):
                summary = f"A refund of this payment at Stripe does not match Berth's records: {outcome}."
                await cases.open_case(ctx, "mismatch", f"{reported.stripe_refund_id}:{outcome}", summary, payment)
            outcomes.append(outcome)
    return outcomes


async def _record(ctx: Context, payment: Payment, reported: StripeRefund) -> str:
    amount, stored = from_cents(reported.amount_cents), RefundRepository(ctx.session)
    sums = await stored.get_sums(payment.id)
    if (reported.currency or "").upper() != payment.currency:
        return "mismatch:refund currency"
    if amount <= 0 or sums.refunded + amount > payment.amount:
        return "mismatch:refund amount"
    status, now = rules.status_of(reported.status) or "sent", await ctx.now()
    refund = RefundView(
        id=new_id(),
        payment_id=payment.id,
        tenant_id=payment.tenant_id,
        amount=amount,
        currency=payment.currency,
        status=status,
        reason="Made at Stripe",
        requested_by=None,
        stripe_refund_id=reported.stripe_refund_id,
        problem=reported.failure_reason if status == "failed" else None,
        version=1,
        created_at=now,
        approved_at=now,
        settled_at=None if status == "sent" else now,
        origin="stripe",
    )
    await stored.append_from_stripe(refund, now)
    if status != "failed":
        await billing.post_withdrawal(ctx, _withdrawal(refund))
        await refunds.emit_succeeded(ctx, refund)
    return f"refund made at Stripe: {status}"


def _withdrawal(refund: RefundView) -> PostWithdrawal:
    return PostWithdrawal(
        tenant_id=refund.tenant_id,
        cause_id=refund.id,
        reference=f"refund:{refund.id}",
        kind="refund",
        amount=refund.amount,
        currency=refund.currency,
    )
