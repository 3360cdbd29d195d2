"""Money that moves at Stripe itself has its effect in the ledger: refunds made there, and disputes.

Unspent credit is taken back; what was spent is owed from then on. Every fact is applied by what it says about the
present, under the payment's lock, so that it may come twice, late, and in any order.
"""

from uuid import UUID

import msgspec

from app.domains.billing import public as billing
from app.domains.billing.contracts import PostWithdrawal
from app.domains.payments import repository, rules
from app.domains.payments.contracts import AboutPayment, Dispute, DisputeFacts, RefundFacts, RefundView
from app.domains.payments.gateway import open_gateway
from app.domains.payments.repository import Payment, outside
from app.domains.payments.repository import refunds as refund_rows
from app.domains.payments.service import cases, refunds
from app.shared.authz.actor import SYSTEM
from app.shared.context import Context, Runtime
from app.shared.formats import money
from app.shared.ids import new_id
from app.shared.money import MICRO_PER_CENT, Micro
from app.shared.records import keep_unread

LOOK_UP = "payments.look_up_refunds"
UNREAD_SECONDS = 86_400  # that operators are shown what could not be read: nothing asks again by itself
WAITS = "unknown payment"  # it is looked at again once a payment with that intent is settled


async def apply_refund(ctx: Context, facts: RefundFacts) -> str:
    """Ours is brought to where Stripe says it is; one that was made at Stripe is taken into the books. Returns the
    outcome in words."""
    known = await refund_rows.find_id_by_stripe(ctx.session, facts.stripe_refund_id) or _uuid(facts.refund_id)
    if known is not None:
        return await refunds.settle_refund(ctx, known, facts)
    payment = await _lock_payment(ctx, facts.payment_intent_id)
    if payment is None:
        return WAITS
    if await refund_rows.find_id_by_stripe(ctx.session, facts.stripe_refund_id) is not None:
        return await apply_refund(ctx, facts)  # another worker was faster
    return await _take_in(ctx, payment, facts)


async def _take_in(ctx: Context, payment: Payment, facts: RefundFacts) -> str:
    amount = Micro((facts.amount_cents or 0) * MICRO_PER_CENT)
    sums = await refund_rows.sums_of(ctx.session, payment.id)
    if (facts.currency or "").upper() != payment.currency:
        return "mismatch:refund currency"
    if amount <= 0 or sums.refunded + amount > payment.amount:
        return "mismatch:refund amount"
    status = rules.refund_outcome(facts.status) or "sent"
    now = await ctx.now()
    refund = RefundView(
        id=new_id(),
        payment_id=payment.id,
        tenant_id=payment.tenant_id,
        amount=amount,
        currency=payment.currency,
        status=status,
        reason="Made at Stripe",
        requested_by=None,
        stripe_refund_id=facts.stripe_refund_id,
        problem=facts.failure_reason if status == "failed" else None,
        version=1,
        created_at=now,
        approved_at=now,
        settled_at=None if status == "sent" else now,
        origin="stripe",
    )
    await refund_rows.add_outside(ctx.session, refund, now)
    if status != "failed":
        await billing.post_withdrawal(ctx, _taking(refund))
        await refunds.tell_succeeded(ctx, refund)
    return f"refund made at Stripe: {status}"


async def reconcile_charge(ctx: Context, payment_intent_id: str | None, payment_id: UUID | None, cents: int) -> str:
    """Compare what Stripe says went back of a charge with what we know of; for more, Stripe is asked which refunds."""
    payment = await _lock_payment(ctx, payment_intent_id)
    if payment is None or payment_id not in (None, payment.id):
        return WAITS if payment_id is None or payment is None else "mismatch:metadata"
    sums = await refund_rows.sums_of(ctx.session, payment.id)
    if cents <= rules.cents(sums.refunded):
        return "refunds agree"
    await ctx.enqueue(LOOK_UP, AboutPayment(payment_id=payment.id), aggregate_id=payment.id)
    return "refunds are looked up"


async def look_up_refunds(runtime: Runtime, payment_id: UUID) -> list[str]:
    """Take every refund of a payment from Stripe. Raises PaymentsUnavailable: ask again."""
    async with runtime.context(SYSTEM) as ctx:
        payment = await repository.find_payment(ctx.session, payment_id)
    if payment is None or payment.payment_intent_id is None:
        return []
    async with open_gateway(runtime.settings.stripe) as stripe:
        found = await stripe.list_refunds(payment.payment_intent_id)
        await keep_unread(runtime.valkey, "Stripe refunds", stripe.unread, UNREAD_SECONDS)
    outcomes = []
    for facts in found:
        async with runtime.context(SYSTEM) as ctx:
            outcome = await apply_refund(ctx, facts)
            if outcome.startswith(("mismatch", "unknown")):
                about = f"A refund of this payment at Stripe does not fit: {outcome}."
                await cases.open_case(ctx, "mismatch", f"{facts.stripe_refund_id}:{outcome}", about, payment)
            outcomes.append(outcome)
    return outcomes


async def apply_dispute(ctx: Context, kind: str, facts: DisputeFacts) -> str:
    """Take the credit when the bank has the money, give it back when the dispute is won. Returns the outcome."""
    payment = await _lock_payment(ctx, facts.payment_intent_id)
    if payment is None:
        return WAITS
    status = rules.dispute_status(kind, facts.status)
    before = await outside.lock_dispute(ctx.session, facts.stripe_dispute_id)
    if before is None:
        wrong = _misfit(payment, facts)
        if wrong is not None:
            return wrong
        before = await _remember(ctx, payment, facts, status)
    elif not rules.is_newer(before, status, facts.told_at):
        return "no change"
    if before.payment_id != payment.id or Micro((facts.amount_cents or 0) * MICRO_PER_CENT) != before.amount:
        return "mismatch:dispute amount"
    if status not in rules.TAKEN | rules.KEPT:
        return f"unknown dispute status {status}"
    await _move(ctx, payment, before, status, facts.told_at)
    return f"dispute {status}"


def _misfit(payment: Payment, facts: DisputeFacts) -> str | None:
    if (facts.currency or "").upper() != payment.currency:
        return "mismatch:dispute currency"
    if not 0 < (facts.amount_cents or 0) * MICRO_PER_CENT <= payment.amount:
        return "mismatch:dispute amount"
    return None


async def _remember(ctx: Context, payment: Payment, facts: DisputeFacts, status: str) -> Dispute:
    dispute = Dispute(
        id=new_id(),
        payment_id=payment.id,
        tenant_id=payment.tenant_id,
        stripe_dispute_id=facts.stripe_dispute_id,
        amount=Micro((facts.amount_cents or 0) * MICRO_PER_CENT),
        currency=payment.currency,
        status=status,
        reason=facts.reason,
        told_at=facts.told_at,
        is_taken=False,
        moves=0,
    )
    await outside.add_dispute(ctx.session, dispute, await ctx.now())
    return dispute


async def _move(ctx: Context, payment: Payment, before: Dispute, status: str, told_at: int) -> None:
    taken = status in rules.TAKEN
    moves = before.moves + (taken != before.is_taken)
    after = msgspec.structs.replace(before, status=status, told_at=told_at, is_taken=taken, moves=moves)
    if taken != before.is_taken:
        await (billing.post_withdrawal if taken else billing.return_withdrawal)(ctx, _disputing(after))
    await outside.move_dispute(ctx.session, after, await ctx.now())
    if status in rules.CLOSED:
        said = f"Closed at Stripe: {status}."
        await outside.close_case(ctx.session, "dispute", before.stripe_dispute_id, said, await ctx.now())
        return
    amount = money(before.amount, before.currency)
    said = f"{amount} is disputed ({before.reason or 'no reason given'}, {status}): answer it at Stripe or accept it."
    await cases.open_case(ctx, "dispute", before.stripe_dispute_id, said, payment, before.amount)


async def _lock_payment(ctx: Context, intent_id: str | None) -> Payment | None:
    payment_id = await repository.find_id_by_intent(ctx.session, intent_id) if intent_id else None
    return None if payment_id is None else await repository.lock_payment(ctx.session, payment_id)


def _taking(refund: RefundView) -> PostWithdrawal:
    return PostWithdrawal(
        tenant_id=refund.tenant_id, cause_id=refund.id, reference=f"refund:{refund.id}", kind="refund",
        amount=refund.amount, currency=refund.currency,
    )  # fmt: skip


def _disputing(dispute: Dispute) -> PostWithdrawal:
    return PostWithdrawal(
        tenant_id=dispute.tenant_id,
        cause_id=dispute.id,
        reference=f"dispute:{dispute.id}:{dispute.moves}",
        kind="dispute" if dispute.is_taken else "dispute_returned",
        amount=dispute.amount,
        currency=dispute.currency,
    )


def _uuid(value: str | None) -> UUID | None:
    try:
        return UUID(value) if value else None
    except ValueError:
        return None
