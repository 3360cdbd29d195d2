"""Commands and views of payments that the operator's console uses. Amounts are micro-units, instants UTC."""

from datetime import datetime
from typing import Literal, NewType
from uuid import UUID

import msgspec

from app.shared.money import Micro

PaymentId = NewType("PaymentId", UUID)
PaymentStatus = Literal["created", "open", "paid", "expired", "failed"]
RefundStatus = Literal["requested", "rejected", "approved", "sent", "succeeded", "failed"]
# How each state looks on every page: the tone of its pill, and its label.
PAYMENT_STATES: dict[str, tuple[str, str]] = {
    "created": ("in_progress", "Created"),
    "open": ("waiting", "Open"),
    "paid": ("active", "Paid"),
    "expired": ("ended", "Expired"),
    "failed": ("failed", "Failed"),
}
REFUND_STATES: dict[str, tuple[str, str]] = {
    "requested": ("waiting", "Requested"),
    "rejected": ("ended", "Rejected"),
    "approved": ("in_progress", "Approved"),
    "sent": ("in_progress", "Sent"),
    "succeeded": ("active", "Succeeded"),
    "failed": ("failed", "Failed"),
}


class RequestRefund(msgspec.Struct, frozen=True, kw_only=True):
    """Refund part of a payment to the card that paid it."""

    payment_id: UUID
    amount: Micro
    reason: str


class RefundView(msgspec.Struct, frozen=True, kw_only=True):
    """One refund. `problem` is why the card's bank did not accept it."""

    id: UUID
    payment_id: UUID
    tenant_id: UUID
    amount: Micro
    currency: str
    status: RefundStatus
    reason: str
    requested_by: UUID | None  # None for a refund that was made at Stripe
    stripe_refund_id: str | None
    problem: str | None
    version: int
    created_at: datetime
    approved_at: datetime | None
    settled_at: datetime | None
    origin: Literal["berth", "stripe"] = "berth"


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A question about money that an operator has to decide. `subject` is Stripe's name for what it is about."""

    id: UUID
    kind: str
    subject: str
    summary: str
    payment_id: UUID | None
    tenant_id: UUID | None
    amount: Micro | None
    currency: str | None
    opened_at: datetime
    decided_at: datetime | None = None
    decided_by: UUID | None = None
    decision: str = ""


class DecideCase(msgspec.Struct, frozen=True, kw_only=True):
    """Close a case; `reason` says what was done about it."""

    case_id: UUID
    reason: str


class OperatorPayment(msgspec.Struct, frozen=True, kw_only=True):
    """A payment as operators see it. `refunded` counts refunds that arrived or are on their way."""

    id: UUID
    tenant_id: UUID
    user_id: UUID | None
    amount: Micro
    currency: str
    status: PaymentStatus
    stripe_session_id: str | None
    payment_intent_id: str | None
    problem: str | None
    version: int
    created_at: datetime
    paid_at: datetime | None
    refunded: Micro
    reserved: Micro  # refunds that wait for approval


class PaymentSearch(msgspec.Struct, frozen=True, kw_only=True):
    """Filters; each narrows the list. `identifier` is a whole id of Berth or of Stripe."""

    status: PaymentStatus | None = None
    tenant_id: UUID | None = None
    identifier: str | None = None


class InboxMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook as it was received. Only the fields that Berth uses are stored."""

    id: UUID
    event_id: str
    type: str
    body: dict[str, object]
    received_at: datetime
    processed_at: datetime | None
    outcome: str | None
    error: str | None
