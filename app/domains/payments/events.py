"""Events of payments: ids and amounts only."""

from uuid import UUID

from app.shared.events import Event, event


@event("payments.payment.succeeded", aggregate="payment_id")
class PaymentSucceeded(Event, frozen=True, kw_only=True):
    """A payment arrived and was added as credit. `amount` is in micro-units."""

    payment_id: UUID
    tenant_id: UUID
    amount: int
    currency: str


@event("payments.payment.failed", aggregate="payment_id")
class PaymentFailed(Event, frozen=True, kw_only=True):
    """An attempt failed, for example a declined card. The Checkout page stays open. `reason` is a code."""

    payment_id: UUID
    tenant_id: UUID
    reason: str


@event("payments.refund.succeeded", aggregate="refund_id")
class RefundSucceeded(Event, frozen=True, kw_only=True):
    """A refund arrived at the card. `amount` is in micro-units."""

    refund_id: UUID
    payment_id: UUID
    tenant_id: UUID
    amount: int
    currency: str


@event("payments.refund.failed", aggregate="refund_id")
class RefundFailed(Event, frozen=True, kw_only=True):
    """The card's bank did not accept a refund; the amount is credit again. `reason` is a code."""

    refund_id: UUID
    payment_id: UUID
    tenant_id: UUID
    amount: int
    currency: str
    reason: str
