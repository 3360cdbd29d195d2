"""Amounts that people type, and what a Checkout session means for a payment. Pure; integers only."""

import re

import msgspec

from app.domains.payments.contracts import Dispute, RefundFacts, RefundStatus, RefundView, SessionFacts, Status
from app.shared.money import MICRO_PER_CENT, Micro

TYPED = re.compile(r"^\s*[$€£]?\s*([0-9]{1,9})(?:[.,]([0-9]{1,2}))?\s*$", re.ASCII)
PRESETS = (25, 50, 100, 500)
REFUND_STATES: dict[str, RefundStatus] = {
    "pending": "sent",
    "requires_action": "sent",
    "succeeded": "succeeded",
    "failed": "failed",
    "canceled": "failed",
}
NEXT: dict[RefundStatus, frozenset[RefundStatus]] = {
    "requested": frozenset({"rejected", "approved"}),
    "rejected": frozenset(),
    "approved": frozenset({"sent", "succeeded", "failed"}),
    "sent": frozenset({"succeeded", "failed"}),
    "succeeded": frozenset({"failed"}),
    "failed": frozenset(),
}
KEY_SAFE_SECONDS = 20 * 3_600  # Stripe keeps idempotency keys for a day; before that a repeat is the same refund
FINAL: frozenset[Status] = frozenset({"paid", "expired", "failed"})


def parse_amount(text: str) -> Micro | None:
    """`25`, `25.5`, `25,50` or `$25.50` in micro-units; None for anything else, thousands separators included."""
    match = TYPED.match(text)
    if match is None:
        return None
    cents = int(match[1]) * 100 + int((match[2] or "0").ljust(2, "0"))
    return Micro(cents * MICRO_PER_CENT)


def cents(amount: Micro) -> int:
    """Stripe's unit. The amount must be whole cents."""
    whole, rest = divmod(amount, MICRO_PER_CENT)
    if rest:
        raise ValueError("a payment is a whole number of cents")
    return whole


def is_paid(facts: SessionFacts) -> bool:
    """Whether the money has arrived; a completed session with a delayed method is not paid yet."""
    return facts.payment_status == "paid"


def mismatch(facts: SessionFacts, payment_id: str, amount: Micro, currency: str) -> str | None:
    """What of the session is not what we asked for; None when all is. What we asked for is what counts."""
    if facts.reference is not None and facts.reference != payment_id:
        return "reference"
    if facts.amount_cents != cents(amount):
        return "amount"
    if (facts.currency or "").upper() != currency:
        return "currency"
    return None


def foreign(facts: SessionFacts, ours: "OurSession", *, live: bool) -> str | None:
    """Which part of a signed session says that it is not the one of this payment; None when all agree. A signature only
    says that Stripe sent it: it may be about another session, another account's mode, or another product of ours."""
    if facts.livemode is not None and facts.livemode is not live:
        return "livemode"
    if facts.mode not in (None, "payment"):
        return "mode"
    if facts.reference is not None and facts.reference != ours.payment_id:
        return "reference"
    if facts.payment not in (None, ours.payment_id) or facts.tenant not in (None, ours.tenant_id):
        return "metadata"
    if ours.session_id is None:
        return None if facts.payment == ours.payment_id else "metadata"
    if facts.session_id != ours.session_id:
        return "session"
    if ours.intent_id is not None and facts.payment_intent_id not in (None, ours.intent_id):
        return "intent"
    return None


def foreign_refund(facts: RefundFacts, ours: RefundView, intent_id: str | None) -> str | None:
    """Which part of what Stripe says about a refund is not that of ours; None when all that is said agrees."""
    if facts.amount_cents is not None and facts.amount_cents != cents(ours.amount):
        return "amount"
    if facts.currency is not None and facts.currency.upper() != ours.currency:
        return "currency"
    if facts.payment_intent_id not in (None, intent_id):
        return "intent"
    if facts.refund_id not in (None, str(ours.id)) or (ours.stripe_refund_id or "") not in (
        "",
        facts.stripe_refund_id or ours.stripe_refund_id,
    ):
        return "id"
    return None


class OurSession(msgspec.Struct, frozen=True, kw_only=True):
    """What we know of a payment's Checkout session; the session's id is None while Stripe's answer is not recorded."""

    payment_id: str
    tenant_id: str
    session_id: str | None
    intent_id: str | None


def is_live(secret_key: str) -> bool:
    """Whether the key moves real money: `sk_live_…`, and restricted keys `rk_live_…`."""
    return secret_key.split("_")[1:2] == ["live"]


# Where a dispute leaves the money (docs.stripe.com/disputes/how-disputes-work): with the bank from its beginning
# until it is won; an inquiry (`warning_…`) moves none.
TAKEN = frozenset({"needs_response", "under_review", "appeal_needs_response", "appeal_under_review", "lost"})
KEPT = frozenset({"won", "prevented", "warning_needs_response", "warning_under_review", "warning_closed"})
CLOSED = frozenset({"won", "lost", "prevented", "warning_closed"})
# The way of a dispute; events of one second are told apart by it.
STEPS = ("warning_needs_response", "warning_under_review", "needs_response", "under_review", *sorted(CLOSED))


def dispute_status(kind: str, status: str) -> str:
    """The status that an event means: what it says of the funds is stronger than the status beside it."""
    if kind == "charge.dispute.funds_reinstated" and status != "lost":
        return "won"
    if kind == "charge.dispute.funds_withdrawn" and status not in TAKEN:
        return "needs_response"
    return status


def is_newer(before: Dispute, status: str, told_at: int) -> bool:
    """Whether news about a dispute is later than what is known; of one second, what is further on its way is later."""
    return (told_at, _step(status)) >= (before.told_at, _step(before.status))


def _step(status: str) -> int:
    return 4 if status in CLOSED else STEPS.index(status) if status in STEPS else 5


def refundable(amount: Micro, refunded: Micro, reserved: Micro, unspent: Micro) -> Micro:
    """What may still go back of a payment: neither more than was paid, less what went back or is asked for, nor more
    than the buyer has unspent; whole cents."""
    left = min(amount - refunded - reserved, unspent)
    return Micro(max(0, left) // MICRO_PER_CENT * MICRO_PER_CENT)


def refund_outcome(status: str | None) -> RefundStatus | None:
    """Our state for Stripe's word; None for one that says nothing yet."""
    return REFUND_STATES.get(status or "")


def is_news(before: RefundStatus, after: RefundStatus) -> bool:
    """Whether a refund may go from `before` to `after`: never backwards, and a failure is the last word (banks return
    refunds days after they took them)."""
    return after in NEXT[before]
