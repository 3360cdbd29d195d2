"""Amounts that people type, and what a Checkout session means for a payment. Pure; integers only."""

import re

from app.domains.payments.contracts import SessionFacts, Status
from app.shared.money import MICRO_PER_CENT, Micro

TYPED = re.compile(r"^\s*[$€£]?\s*([0-9]{1,9})(?:[.,]([0-9]{1,2}))?\s*$", re.ASCII)
PRESETS = (25, 50, 100, 500)
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
