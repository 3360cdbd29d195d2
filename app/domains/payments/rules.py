"""Amounts that people type, and what a Checkout session means for a payment. Pure; integers only."""

import re

from app.domains.payments.contracts import RefundStatus, SessionFacts, Status
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
