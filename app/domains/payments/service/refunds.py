"""Refunds to the card that paid: requested, approved, sent, and settled.

The credit leaves the customer's account in the transaction that approves the refund. A job then asks Stripe, with the
refund's id as idempotency key. A refund that the bank does not accept becomes credit again. The caller decides who may
approve.
"""

from uuid import UUID

import msgspec
import structlog

from app.domains.billing import public as billing
from app.domains.billing.contracts import PostRefund
from app.domains.payments import policies
from app.domains.payments.contracts import RefundView, RequestRefund
from app.domains.payments.errors import PaymentNotPaid, PaymentRefused, RefundDecided, RefundNotLeft, RefundTooLarge
from app.domains.payments.events import RefundFailed, RefundSucceeded
from app.domains.payments.gateway import RefundOrder, StripeGateway, gateway_of
from app.domains.payments.repository.disputes import DisputeRepository
from app.domains.payments.repository.payments import PaymentRepository
from app.domains.payments.repository.refunds import RefundRepository, RefundSums
from app.domains.payments.rules import amounts
from app.domains.payments.rules import refunds as rules
from app.domains.payments.rules.refunds import StripeRefund
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
SEND_JOB = "payments.send_refund"
MAX_OVERDUE = 50  # per run of the sweeper


class SendRefund(msgspec.Struct, frozen=True, kw_only=True):
    """A job: ask Stripe for an approved refund."""

    id: UUID


def check_refund(amount: Micro) -> None:
    """Raises ValidationFailed for an amount that no payment could refund."""
    if amount <= 0 or amount % MICRO_PER_CENT:
        raise ValidationFailed(fields={"amount": "Write an amount above zero, with at most two decimals."})


async def request_refund(ctx: Context, command: RequestRefund) -> RefundView:
    """Request a refund; no money moves yet. Raises NotFound, PaymentNotPaid, RefundTooLarge, ValidationFailed."""
    require(ctx.actor, Permission.PLATFORM_MONEY_MANAGE)
    if ctx.actor.id is None:
        raise Forbidden()
    payment = await PaymentRepository(ctx.session).lock(command.payment_id)
    if payment is None:
        raise NotFound()
    if payment.status != "paid" or payment.payment_intent_id is None:
        raise PaymentNotPaid()
    check_refund(command.amount)
    sums = await _sums_with_disputes(ctx, payment.id)
    unspent = (await billing.balance(ctx, payment.tenant_id)).credit
    maximum = amounts.refundable(payment.amount, sums.refunded, sums.reserved, unspent)
    if command.amount > maximum:
        limit = money(maximum, payment.currency)
        raise RefundTooLarge(
            f"At most {limit} can be refunded: paid, not refunded yet and unspent.", refundable=maximum
        )
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
        created_at=await ctx.now(),
        approved_at=None,
        settled_at=None,
    )
    await RefundRepository(ctx.session).append(refund, refund.created_at)
    return refund


async def approve_refund(ctx: Context, refund_id: UUID) -> RefundView:
    """Take the credit and send the refund by a job. The caller has checked that the actor may approve it.

    Raises NotFound, RefundDecided, RefundNotLeft, InsufficientCredit (spent meanwhile).
    """
    require(ctx.actor, Permission.PLATFORM_MONEY_MANAGE)
    refund = await _lock_requested(ctx, refund_id)
    await _check_left(ctx, refund)
    await billing.post_refund(ctx, _posting(refund))
    await RefundRepository(ctx.session).set_status(refund.id, "approved", await ctx.now())
    await ctx.enqueue(SEND_JOB, SendRefund(id=refund.id), aggregate_id=refund.id)
    return await _get(ctx, refund.id)


async def reject_refund(ctx: Context, refund_id: UUID, problem: str) -> RefundView:
    """Reject a requested refund. Raises NotFound, RefundDecided."""
    require(ctx.actor, Permission.PLATFORM_MONEY_MANAGE)
    refund = await _lock_requested(ctx, refund_id)
    await RefundRepository(ctx.session).set_status(refund.id, "rejected", await ctx.now(), problem=problem)
    return await _get(ctx, refund.id)


async def send_refund(runtime: Runtime, refund_id: UUID) -> str:
    """Ask Stripe for an approved refund, or about one that was sent. Returns the outcome. Raises PaymentsUnavailable:
    try again."""
    async with runtime.context(SYSTEM) as ctx:
        refund = await RefundRepository(ctx.session).find(refund_id)
        payment = await PaymentRepository(ctx.session).find(refund.payment_id) if refund else None
        age = (await ctx.now() - refund.approved_at).total_seconds() if refund and refund.approved_at else 0
    if refund is None or payment is None or payment.payment_intent_id is None:
        return "no such refund"
    if refund.status not in ("approved", "sent"):
        return "settled already"
    stripe = gateway_of(runtime)
    if refund.origin == "stripe":  # made at Stripe: Berth never sends it
        reported = await stripe.get_refund(refund.stripe_refund_id or "")
    else:
        look_first = age > rules.KEY_SAFE_SECONDS or refund.status == "sent"
        reported = await _send(stripe, refund, payment.payment_intent_id, look_first=look_first)
    async with runtime.context(SYSTEM) as ctx:
        return await settle_refund(ctx, refund.id, reported)


async def settle_refund(ctx: Context, refund_id: UUID, reported: StripeRefund) -> str:
    """Bring the refund to the state that Stripe reports. Returns the outcome. Repeating it does nothing."""
    stored = RefundRepository(ctx.session)
    before = await stored.find(refund_id)
    if before is None:
        return "unknown refund"
    payment = await PaymentRepository(ctx.session).lock(before.payment_id)
    refund = await stored.lock(refund_id)
    if refund is None:
        return "unknown refund"
    mismatch = rules.mismatch(reported, refund, payment.payment_intent_id if payment else None)
    if mismatch is not None:
        return f"mismatch:refund {mismatch}"
    status, now = rules.status_of(reported.status), await ctx.now()
    if status is None or not rules.may_become(refund.status, status):
        await stored.set_checked(refund.id, now)
        return "no change"
    problem = (reported.failure_reason or "unknown") if status == "failed" else None
    stripe_id = reported.stripe_refund_id or None
    version = await stored.set_status(refund.id, status, now, stripe_refund_id=stripe_id, problem=problem)
    settled = msgspec.structs.replace(refund, status=status, problem=problem, version=version)
    if status == "failed":
        await _fail(ctx, settled)
    else:
        await emit_succeeded(ctx, settled)
    return f"refund {status}"


async def emit_succeeded(ctx: Context, refund: RefundView) -> None:
    """Emit that a refund succeeded; nothing for a refund in another state."""
    if refund.status == "succeeded":
        event = RefundSucceeded(
            refund_id=refund.id,
            payment_id=refund.payment_id,
            tenant_id=refund.tenant_id,
            amount=refund.amount,
            currency=refund.currency,
        )
        await ctx.emit(event, version=refund.version, tenant_id=refund.tenant_id)


async def sweep_refunds(runtime: Runtime) -> int:
    """Ask again about refunds whose news is overdue. Returns how many were settled."""
    async with runtime.context(SYSTEM) as ctx:
        after = await ctx.policy(policies.SWEEP_AFTER)
        overdue = await RefundRepository(ctx.session).list_overdue(await ctx.now(), after, MAX_OVERDUE)

    async def ask(refund_id: UUID) -> bool:
        return (await send_refund(runtime, refund_id)) in ("refund succeeded", "refund failed")

    return await one_by_one(overdue, ask, "a refund could not be settled")


async def _send(stripe: StripeGateway, refund: RefundView, intent_id: str, *, look_first: bool) -> StripeRefund:
    """Create the refund. One that may exist is looked for first: Stripe forgets idempotency keys after a day."""
    order = RefundOrder(
        refund_id=str(refund.id),
        tenant_id=str(refund.tenant_id),
        payment_intent_id=intent_id,
        amount_cents=amounts.to_cents(refund.amount),
    )
    try:
        existing = await stripe.find_refund(order) if look_first else None
        return existing or await stripe.create_refund(order)
    except PaymentRefused:
        log.error("stripe refused a refund", refund_id=order.refund_id)
        return StripeRefund(stripe_refund_id="", refund_id=order.refund_id, status="failed", failure_reason="refused")


async def _fail(ctx: Context, refund: RefundView) -> None:
    await billing.return_refund(ctx, _posting(refund))
    event = RefundFailed(
        refund_id=refund.id,
        payment_id=refund.payment_id,
        tenant_id=refund.tenant_id,
        amount=refund.amount,
        currency=refund.currency,
        reason=refund.problem or "unknown",
    )
    await ctx.emit(event, version=refund.version, tenant_id=refund.tenant_id)


async def _sums_with_disputes(ctx: Context, payment_id: UUID) -> RefundSums:
    """The refunds of a payment; disputed money counts as refunded."""
    sums = await RefundRepository(ctx.session).get_sums(payment_id)
    withdrawn = await DisputeRepository(ctx.session).get_withdrawn(payment_id)
    return RefundSums(Micro(sums.refunded + withdrawn), sums.reserved)


async def _check_left(ctx: Context, refund: RefundView) -> None:
    """Raises RefundNotLeft when money was refunded or disputed at Stripe meanwhile and less is left than requested."""
    payment = await PaymentRepository(ctx.session).find(refund.payment_id)
    sums = await _sums_with_disputes(ctx, refund.payment_id)
    left = Micro(max(0, (payment.amount if payment else 0) - sums.refunded))
    if refund.amount > left:
        text = f"Only {money(left, refund.currency)} of this payment is left: the rest was refunded or is disputed."
        raise RefundNotLeft(text, refundable=left)


async def _lock_requested(ctx: Context, refund_id: UUID) -> RefundView:
    refund = await _get(ctx, refund_id)
    await PaymentRepository(ctx.session).lock(refund.payment_id)
    locked = await RefundRepository(ctx.session).lock(refund_id)
    if locked is None or locked.status != "requested":
        raise RefundDecided()
    return locked


async def _get(ctx: Context, refund_id: UUID) -> RefundView:
    refund = await RefundRepository(ctx.session).find(refund_id)
    if refund is None:
        raise NotFound()
    return refund


def _posting(refund: RefundView) -> PostRefund:
    return PostRefund(tenant_id=refund.tenant_id, refund_id=refund.id, amount=refund.amount, currency=refund.currency)
