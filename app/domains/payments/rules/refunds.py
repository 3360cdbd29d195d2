"""The states of a refund, and how Stripe's report of one is read."""

import msgspec

from app.domains.payments.contracts import RefundStatus, RefundView
from app.domains.payments.rules.amounts import to_cents

KEY_SAFE_SECONDS = 20 * 3_600  # Stripe keeps idempotency keys for a day; before that a repeat finds the same refund
STATUS_OF: dict[str, RefundStatus] = {
    "pending": "sent",
    "requires_action": "sent",
    "succeeded": "succeeded",
    "failed": "failed",
    "canceled": "failed",
}
TRANSITIONS: dict[RefundStatus, frozenset[RefundStatus]] = {
    "requested": frozenset({"rejected", "approved"}),
    "rejected": frozenset(),
    "approved": frozenset({"sent", "succeeded", "failed"}),
    "sent": frozenset({"succeeded", "failed"}),
    "succeeded": frozenset({"failed"}),  # banks return refunds days after they accepted them
    "failed": frozenset(),
}


class StripeRefund(msgspec.Struct, frozen=True, kw_only=True):
    """A refund as Stripe reports it, in a webhook or in a response. Every field but the id may be missing."""

    stripe_refund_id: str
    refund_id: str | None = None  # Berth's id, from the metadata
    status: str | None = None
    failure_reason: str | None = None
    amount_cents: int | None = None
    currency: str | None = None
    payment_intent_id: str | None = None


def status_of(stripe_status: str | None) -> RefundStatus | None:
    """The refund's state for Stripe's; None when Stripe's decides nothing yet."""
    return STATUS_OF.get(stripe_status or "")


def may_become(before: RefundStatus, after: RefundStatus) -> bool:
    """Whether a refund may go from `before` to `after`."""
    return after in TRANSITIONS[before]


def mismatch(reported: StripeRefund, refund: RefundView, intent_id: str | None) -> str | None:
    """The part of Stripe's report that shows it is not about this refund; None when all agree."""
    if reported.amount_cents is not None and reported.amount_cents != to_cents(refund.amount):
        return "amount"
    if reported.currency is not None and reported.currency.upper() != refund.currency:
        return "currency"
    if reported.payment_intent_id not in (None, intent_id):
        return "intent"
    known = refund.stripe_refund_id or ""
    if reported.refund_id not in (None, str(refund.id)) or known not in ("", reported.stripe_refund_id or known):
        return "id"
    return None
