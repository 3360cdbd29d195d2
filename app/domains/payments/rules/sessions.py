"""What a Checkout session means for a payment, and whether it is the session of that payment."""

import msgspec

from app.domains.payments.rules.amounts import to_cents
from app.shared.money import Micro


class CheckoutSession(msgspec.Struct, frozen=True, kw_only=True):
    """A Checkout session as Stripe reports it, in a webhook or in a response. Every field but the id may be missing."""

    session_id: str
    reference: str | None = None
    status: str | None = None
    payment_status: str | None = None
    amount_cents: int | None = None
    currency: str | None = None
    payment_intent_id: str | None = None
    url: str | None = None
    mode: str | None = None
    livemode: bool | None = None
    payment: str | None = None  # Berth's id, from the metadata
    tenant: str | None = None  # Berth's id, from the metadata

    @property
    def is_paid(self) -> bool:
        """Whether the money has arrived. A completed session with a delayed method is not paid yet."""
        return self.payment_status == "paid"


class ExpectedSession(msgspec.Struct, frozen=True, kw_only=True):
    """What Berth recorded about a payment's session. `session_id` is None until Stripe's response is recorded."""

    payment_id: str
    tenant_id: str
    session_id: str | None
    intent_id: str | None


def amount_mismatch(session: CheckoutSession, payment_id: str, amount: Micro, currency: str) -> str | None:
    """The part of a paid session that differs from what was ordered; None when all agree."""
    if session.reference is not None and session.reference != payment_id:
        return "reference"
    if session.amount_cents != to_cents(amount):
        return "amount"
    if (session.currency or "").upper() != currency:
        return "currency"
    return None


def identity_mismatch(session: CheckoutSession, expected: ExpectedSession, *, live: bool) -> str | None:
    """The part of a session that shows it is not the session of this payment; None when all agree.

    A signature only proves that Stripe sent the message: it may be about another session, another mode, or another
    product of the same Stripe account.
    """
    if session.livemode is not None and session.livemode is not live:
        return "livemode"
    if session.mode not in (None, "payment"):
        return "mode"
    if session.reference is not None and session.reference != expected.payment_id:
        return "reference"
    if session.payment not in (None, expected.payment_id) or session.tenant not in (None, expected.tenant_id):
        return "metadata"
    if expected.session_id is None:
        return None if session.payment == expected.payment_id else "metadata"
    if session.session_id != expected.session_id:
        return "session"
    if expected.intent_id is not None and session.payment_intent_id not in (None, expected.intent_id):
        return "intent"
    return None


def is_live(secret_key: str) -> bool:
    """Whether the key moves real money: `sk_live_…`, and restricted keys `rk_live_…`."""
    return secret_key.split("_")[1:2] == ["live"]
