"""Amounts: as people type them, in Stripe's unit, and how much of a payment may be refunded."""

import re

from app.shared.money import MICRO_PER_CENT, Micro

TYPED = re.compile(r"^\s*[$€£]?\s*([0-9]{1,9})(?:[.,]([0-9]{1,2}))?\s*$", re.ASCII)
PRESETS = (25, 50, 100, 500)


def parse_amount(text: str) -> Micro | None:
    """`25`, `25.5`, `25,50` or `$25.50` in micro-units; None for anything else, thousands separators included."""
    match = TYPED.match(text)
    if match is None:
        return None
    return from_cents(int(match[1]) * 100 + int((match[2] or "0").ljust(2, "0")))


def to_cents(amount: Micro) -> int:
    """The amount in Stripe's unit. Raises ValueError for a fraction of a cent."""
    cents, rest = divmod(amount, MICRO_PER_CENT)
    if rest:
        raise ValueError("a payment is a whole number of cents")
    return cents


def from_cents(cents: int | None) -> Micro:
    """Stripe's unit in micro-units; zero when Stripe sent no amount."""
    return Micro((cents or 0) * MICRO_PER_CENT)


def refundable(amount: Micro, refunded: Micro, reserved: Micro, unspent: Micro) -> Micro:
    """How much of a payment may be refunded now: the amount minus refunds that were made or requested, but at most the
    tenant's unspent credit. Whole cents."""
    rest = min(amount - refunded - reserved, unspent)
    return Micro(max(0, rest) // MICRO_PER_CENT * MICRO_PER_CENT)
