"""Why payments refuses a request, in terms that a person can act on."""

from app.shared.errors import Conflict, DomainError, ServiceUnavailable, ValidationFailed


class PaymentsUnavailable(ServiceUnavailable):
    code = "payments_unavailable"
    title = "The payment service is not available right now. Nothing was charged; try again in a moment."


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
    title = "This message has no readable id and type."


class RefundTooLarge(ValidationFailed):
    """`refundable` is how much of this payment may be refunded, in micro-units."""

    code = "refund_too_large"
    title = "That is more than can be refunded."
    field = "amount"


class RefundNotLeft(Conflict):
    """Raised at the approval: the amount was right when the refund was requested. `refundable` is what is left, in
    micro-units."""

    code = "refund_not_left"
    title = "Less of this payment is left than this refund: it was refunded or disputed meanwhile."


class RefundDecided(Conflict):
    code = "refund_decided"
    title = "This refund was already approved or rejected."


class PaymentNotPaid(Conflict):
    code = "payment_not_paid"
    title = "This payment was not paid, so it cannot be refunded."
