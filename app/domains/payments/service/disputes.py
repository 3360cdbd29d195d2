"""Disputes: the credit is withdrawn while the bank has the money, and returned when the dispute is won.

Each report is applied by what it says about the present, under the payment's lock, so it may come twice, late and in
any order.
"""

import msgspec

from app.domains.billing import public as billing
from app.domains.billing.contracts import PostWithdrawal
from app.domains.payments.repository.cases import CaseRepository
from app.domains.payments.repository.disputes import Dispute, DisputeRepository
from app.domains.payments.repository.payments import Payment, PaymentRepository
from app.domains.payments.rules import disputes as rules
from app.domains.payments.rules.amounts import from_cents
from app.domains.payments.rules.disputes import StripeDispute
from app.domains.payments.service import cases
from app.domains.payments.service.settle import UNKNOWN_PAYMENT
from app.shared.context import Context
from app.shared.formats import money
from app.shared.ids import new_id


async def apply_dispute(ctx: Context, event: str, reported: StripeDispute) -> str:
    """Apply a report about a dispute and return the outcome."""
    payment = await PaymentRepository(ctx.session).lock_by_intent(reported.payment_intent_id)
    if payment is None:
        return UNKNOWN_PAYMENT
    status = rules.status_after(event, reported.status)
    dispute = await DisputeRepository(ctx.session).lock(reported.stripe_dispute_id)
    if dispute is None:
        mismatch = _mismatch(payment, reported)
        if mismatch is not None:
            return mismatch
        dispute = await _append(ctx, payment, reported, status)
    elif not rules.is_newer((dispute.reported_at, dispute.status), (reported.reported_at, status)):
        return "no change"
    if dispute.payment_id != payment.id or from_cents(reported.amount_cents) != dispute.amount:
        return "mismatch:dispute amount"
    if status not in rules.WITHDRAWN | rules.KEPT:
        return f"unknown dispute status {status}"
    await _move(ctx, payment, dispute, status, reported.reported_at)
    return f"dispute {status}"


def _mismatch(payment: Payment, reported: StripeDispute) -> str | None:
    if (reported.currency or "").upper() != payment.currency:
        return "mismatch:dispute currency"
    if not 0 < from_cents(reported.amount_cents) <= payment.amount:
        return "mismatch:dispute amount"
    return None


async def _append(ctx: Context, payment: Payment, reported: StripeDispute, status: str) -> Dispute:
    dispute = Dispute(
        id=new_id(),
        payment_id=payment.id,
        tenant_id=payment.tenant_id,
        stripe_dispute_id=reported.stripe_dispute_id,
        amount=from_cents(reported.amount_cents),
        currency=payment.currency,
        status=status,
        reason=reported.reason,
        reported_at=reported.reported_at,
        is_taken=False,
        moves=0,
    )
    await DisputeRepository(ctx.session).append(dispute, await ctx.now())
    return dispute


async def _move(ctx: Context, payment: Payment, before: Dispute, status: str, reported_at: int) -> None:
    taken = status in rules.WITHDRAWN
    moves = before.moves + (taken != before.is_taken)
    dispute = msgspec.structs.replace(before, status=status, reported_at=reported_at, is_taken=taken, moves=moves)
    if taken != before.is_taken:
        await (billing.post_withdrawal if taken else billing.return_withdrawal)(ctx, _withdrawal(dispute))
    await DisputeRepository(ctx.session).update(dispute, await ctx.now())
    if status in rules.CLOSED:
        decision, now = f"Closed at Stripe: {status}.", await ctx.now()
        await CaseRepository(ctx.session).close("dispute", dispute.stripe_dispute_id, decision, now)
        return
    amount, reason = money(dispute.amount, dispute.currency), dispute.reason or "no reason given"
    summary = f"{amount} is disputed ({reason}, {status}). Answer it at Stripe or accept it."
    await cases.open_case(ctx, "dispute", dispute.stripe_dispute_id, summary, payment, dispute.amount)


def _withdrawal(dispute: Dispute) -> PostWithdrawal:
    return PostWithdrawal(
        tenant_id=dispute.tenant_id,
        cause_id=dispute.id,
        reference=f"dispute:{dispute.id}:{dispute.moves}",
        kind="dispute" if dispute.is_taken else "dispute_returned",
        amount=dispute.amount,
        currency=dispute.currency,
    )
