"""Processes a message of the inbox: decides what it is about and applies it.

A message that does not fit what Berth knows, or that Berth does not know, has no effect and opens a case for the
operators.
"""

from uuid import UUID

from app.domains.payments.repository.cases import CaseRepository
from app.domains.payments.repository.inbox import InboxRepository, Message
from app.domains.payments.repository.payments import PaymentRepository
from app.domains.payments.rules.amounts import to_cents
from app.domains.payments.rules.sessions import is_live
from app.domains.payments.service import cases, disputes, stripe_refunds
from app.domains.payments.service.messages import (
    checkout_session_of,
    dispute_of,
    number_of,
    refund_of,
    text_of,
)
from app.domains.payments.service.settle import UNKNOWN_PAYMENT, fail_attempt, settle
from app.domains.payments.service.webhooks import parse_id
from app.shared.context import Context

SESSION_EVENTS = frozenset(
    {
        "checkout.session.completed",
        "checkout.session.expired",
        "checkout.session.async_payment_succeeded",
    }
)
FAILED_EVENTS = frozenset({"payment_intent.payment_failed", "checkout.session.async_payment_failed"})
REFUND_EVENTS = frozenset({"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"})
DISPUTE_EVENTS = frozenset(
    f"charge.dispute.{what}" for what in ("created", "updated", "closed", "funds_withdrawn", "funds_reinstated")
)
# Steps of a payment that its Checkout session reports as a whole.
COVERED_BY_SESSION = frozenset(
    {
        "charge.succeeded", "charge.failed", "charge.pending", "charge.captured", "charge.updated", "charge.expired",
        "payment_intent.created", "payment_intent.succeeded", "payment_intent.processing",
        "payment_intent.requires_action", "payment_intent.partially_funded",
        "payment_intent.amount_capturable_updated",
    }
)  # fmt: skip
COVERED = "covered by its session"
# Other events that may move customers' money are for an operator to look at.
MONEY_EVENTS = ("charge.", "refund.", "payment_intent.", "checkout.session.")
REVIEW_EVENTS = frozenset({"radar.early_fraud_warning.created", "radar.early_fraud_warning.updated", "review.opened"})


async def process(ctx: Context, message_id: UUID) -> str:
    """Process one message and return the outcome. Repeating it does nothing."""
    inbox = InboxRepository(ctx.session)
    message = await inbox.lock(message_id)
    if message is None:
        return "no such message"
    if message.processed_at is not None:
        return "already processed"
    outcome = await _apply(ctx, message)
    error = outcome if outcome.startswith(("mismatch", "unknown")) else None
    now = await ctx.now()
    if error is not None:
        await _open_case(ctx, message, error)
    else:  # a deferred message takes effect now
        subject = f"{message.body.get('id') or message.event_id}:{UNKNOWN_PAYMENT}"
        await CaseRepository(ctx.session).close("unknown", subject, f"Its payment was settled: {outcome}.", now)
    await inbox.set_processed(message.id, outcome, error, now)
    return outcome


async def _open_case(ctx: Context, message: Message, error: str) -> None:
    body = message.body
    subject = f"{body.get('id') or message.event_id}:{error}"
    payment_id = _payment_id(body)
    payment = await PaymentRepository(ctx.session).find(payment_id) if payment_id else None
    summary = f"Stripe sent {message.type}, and it does not match Berth's records: {error}. It had no effect."
    await cases.open_case(ctx, error.partition(":")[0].partition(" ")[0], subject, summary, payment)


async def _apply(ctx: Context, message: Message) -> str:
    body, kind = message.body, message.type
    mismatch = _foreign(body, live=is_live(ctx.settings.stripe.secret_key))
    if mismatch is not None:
        return mismatch
    if kind in SESSION_EVENTS:
        session = checkout_session_of(body)
        known = await PaymentRepository(ctx.session).find_id_by_session(session.session_id)
        payment_id = known or parse_id(session.reference)
        return UNKNOWN_PAYMENT if payment_id is None else await settle(ctx, payment_id, session)
    if kind in FAILED_EVENTS:
        return await _apply_failure(ctx, kind, body)
    if kind in REFUND_EVENTS:
        return await stripe_refunds.apply_refund(ctx, refund_of(body))
    if kind == "charge.refunded":
        refunded, intent = number_of(body, "amount_refunded"), text_of(body, "payment_intent")
        if refunded is None:
            return "mismatch:charge without an amount"
        return await stripe_refunds.reconcile_charge(ctx, intent, parse_id(body.get("berth_payment")), refunded)
    if kind in DISPUTE_EVENTS:
        return await disputes.apply_dispute(ctx, kind, dispute_of(body))
    if kind == "payment_intent.canceled":
        return await _apply_canceled(ctx, body)
    if kind in COVERED_BY_SESSION:
        return COVERED
    return "unknown type" if kind.startswith(MONEY_EVENTS) or kind in REVIEW_EVENTS else "ignored"


def _foreign(body: dict[str, object], *, live: bool) -> str | None:
    if body.get("connected"):
        return "mismatch:account"
    if body.get("modes_differ") or body.get("livemode", live) is not live:
        return "mismatch:livemode"
    return None


async def _apply_failure(ctx: Context, kind: str, body: dict[str, object]) -> str:
    """An attempt failed. For a payment that this very session paid, it contradicts an earlier report."""
    payment_id = _payment_id(body)
    payment = await PaymentRepository(ctx.session).find(payment_id) if payment_id else None
    if payment is None:
        return "not about credit"
    if body.get("berth_tenant") not in (None, str(payment.tenant_id)):
        return "mismatch:metadata"
    total = body.get("amount_total", body.get("amount"))
    if isinstance(total, int) and total != to_cents(payment.amount):
        return "mismatch:amount"
    is_session = kind.startswith("checkout.")
    if is_session and payment.stripe_session_id not in (None, body.get("id")):
        return "mismatch:session"
    if is_session and payment.status == "paid":
        return "mismatch:failed after it was paid"
    return await fail_attempt(ctx, payment.id, str(body.get("failure") or "declined"))


async def _apply_canceled(ctx: Context, body: dict[str, object]) -> str:
    """A payment intent ended without money. One that paid a payment cannot be canceled."""
    paid = await PaymentRepository(ctx.session).find_id_by_intent(text_of(body, "id") or "")
    return COVERED if paid is None else "mismatch:canceled after it was paid"


def _payment_id(body: dict[str, object]) -> UUID | None:
    return parse_id(body.get("berth_payment")) or parse_id(body.get("client_reference_id"))
