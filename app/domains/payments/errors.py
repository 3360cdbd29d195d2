"""What payments refuses, with a reason that a person can act on."""

from app.shared.errors import Conflict, DomainError, ServiceUnavailable, ValidationFailed


class PaymentsUnavailable(ServiceUnavailable):
    code = "payments_unavailable"
    title = "The payment service does not answer right now. Nothing was charged; try again in a moment."


class PaymentRefused(DomainError):
    code = "payment_refused"
    status = 502
    title = "The payment service did not accept this request. Nothing was charged."


class BadSignature(DomainError):
    code = "webhook_signature_invalid"
    status = 400
    title = "This message is not signed by the payment service, or it is too old."


class BadEvent(DomainError):
    code = "webhook_unreadable"
    status = 400
    title = "This message has no id and type that we can read."


class RefundTooLarge(ValidationFailed):
    """`refundable` is what may still go back of this payment, in micro-units."""

    code = "refund_too_large"
    title = "That is more than can be refunded."
    field = "amount"


class RefundNotLeft(Conflict):
    """Found at the decision: the amount was right when it was asked for. `refundable` is what is left, in
    micro-units."""

    code = "refund_not_left"
    title = "So much of this payment went back meanwhile that this refund is not left."


class RefundDecided(Conflict):
    code = "refund_decided"
    title = "This refund was decided already."


class PaymentNotPaid(Conflict):
    code = "payment_not_paid"
    title = "Nothing was paid here, so nothing can go back."
