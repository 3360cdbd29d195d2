"""Reads a stored message as what it is about: a Checkout session, a refund or a dispute."""

from collections.abc import Mapping

from app.domains.payments.rules.disputes import StripeDispute
from app.domains.payments.rules.refunds import StripeRefund
from app.domains.payments.rules.sessions import CheckoutSession

Body = Mapping[str, object]


def checkout_session_of(body: Body) -> CheckoutSession:
    """The Checkout session in a message."""
    texts = _texts(body)
    livemode = body.get("livemode")
    return CheckoutSession(
        session_id=texts.get("id", ""),
        reference=texts.get("client_reference_id"),
        status=texts.get("status"),
        payment_status=texts.get("payment_status"),
        amount_cents=number_of(body, "amount_total"),
        currency=texts.get("currency"),
        payment_intent_id=texts.get("payment_intent"),
        mode=texts.get("mode"),
        livemode=livemode if isinstance(livemode, bool) else None,
        payment=texts.get("berth_payment"),
        tenant=texts.get("berth_tenant"),
    )


def refund_of(body: Body) -> StripeRefund:
    """The refund in a message."""
    texts = _texts(body)
    return StripeRefund(
        stripe_refund_id=texts.get("id", ""),
        refund_id=texts.get("berth_refund"),
        status=texts.get("status"),
        failure_reason=texts.get("failure_reason"),
        amount_cents=number_of(body, "amount"),
        currency=texts.get("currency"),
        payment_intent_id=texts.get("payment_intent"),
    )


def dispute_of(body: Body) -> StripeDispute:
    """The dispute in a message."""
    texts = _texts(body)
    return StripeDispute(
        stripe_dispute_id=texts.get("id", ""),
        payment_intent_id=texts.get("payment_intent"),
        status=texts.get("status", ""),
        amount_cents=number_of(body, "amount"),
        currency=texts.get("currency"),
        reason=texts.get("reason", ""),
        reported_at=number_of(body, "event_created") or 0,
    )


def text_of(body: Body, name: str) -> str | None:
    """A field as text; None when it is none."""
    value = body.get(name)
    return value if isinstance(value, str) else None


def number_of(body: Body, name: str) -> int | None:
    """A field as a whole number; None when it is none."""
    value = body.get(name)
    return value if isinstance(value, int) else None


def _texts(body: Body) -> dict[str, str]:
    return {name: value for name, value in body.items() if isinstance(value, str)}
