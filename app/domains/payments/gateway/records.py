"""Reads objects of the Stripe SDK: a field that is missing or of another type is None, never an exception."""

from app.domains.payments.rules.refunds import StripeRefund
from app.domains.payments.rules.sessions import CheckoutSession
from app.shared.records import flag, whole


def checkout_session_of(session: object) -> CheckoutSession:
    """Fields that Stripe left out are None. Raises ValueError without an id."""
    return CheckoutSession(
        session_id=_id(session),
        reference=text_of(getattr(session, "client_reference_id", None)),
        status=text_of(getattr(session, "status", None)),
        payment_status=text_of(getattr(session, "payment_status", None)),
        amount_cents=whole(getattr(session, "amount_total", None)),
        currency=text_of(getattr(session, "currency", None)),
        payment_intent_id=_reference(session, "payment_intent"),
        url=text_of(getattr(session, "url", None)),
        mode=text_of(getattr(session, "mode", None)),
        livemode=flag(getattr(session, "livemode", None)),
        payment=_metadata(session, "berth_payment"),
        tenant=_metadata(session, "berth_tenant"),
    )


def refund_of(refund: object) -> StripeRefund:
    """Fields that Stripe left out are None. Raises ValueError without an id."""
    return StripeRefund(
        stripe_refund_id=_id(refund),
        refund_id=_metadata(refund, "berth_refund"),
        status=text_of(getattr(refund, "status", None)),
        failure_reason=text_of(getattr(refund, "failure_reason", None)),
        amount_cents=whole(getattr(refund, "amount", None)),
        currency=text_of(getattr(refund, "currency", None)),
        payment_intent_id=_reference(refund, "payment_intent"),
    )


def _id(record: object) -> str:
    record_id = text_of(getattr(record, "id", None))
    if not record_id:
        raise ValueError("it has no id")
    return record_id


def _reference(record: object, name: str) -> str | None:
    """The id of another object, which may be expanded."""
    value = getattr(record, name, None)
    return text_of(value if isinstance(value, str) else getattr(value, "id", None))


def _metadata(record: object, name: str) -> str | None:
    """What Berth wrote into the metadata."""
    import stripe

    metadata = getattr(record, "metadata", None)
    known = isinstance(metadata, stripe.StripeObject) and name in metadata
    return text_of(metadata[name]) if known and metadata is not None else None


def text_of(value: object) -> str | None:
    """The value when it is a text; None otherwise."""
    return value if isinstance(value, str) else None
