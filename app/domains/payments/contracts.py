"""Commands and views of payments. Amounts are micro-units unless a name says cents; instants UTC."""

from datetime import datetime
from typing import Literal, NewType
from uuid import UUID

import msgspec

from app.shared.money import Micro

PaymentId = NewType("PaymentId", UUID)
Status = Literal["created", "open", "paid", "expired", "failed"]


class AddCredit(msgspec.Struct, frozen=True, kw_only=True):
    """Buy `amount` of credit in the tenant's currency."""

    amount: Micro


class PaymentRecorded(msgspec.Struct, frozen=True, kw_only=True):
    """The intent is committed; what an idempotent repeat gets back."""

    payment_id: PaymentId


class PaymentView(msgspec.Struct, frozen=True, kw_only=True):
    """One payment. `checkout_url` is where to pay while it is open; `problem` the code of the last failed attempt."""

    id: PaymentId
    amount: Micro
    currency: str
    status: Status
    checkout_url: str | None
    problem: str | None
    created_at: datetime
    paid_at: datetime | None


class SessionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What Stripe says about a Checkout session, from a webhook or from an answer; every field may be missing."""

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
    payment: str | None = None  # ours, from the metadata
    tenant: str | None = None  # ours, from the metadata


class ProcessEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Work off one message of the webhook inbox."""

    id: UUID


RefundStatus = Literal["requested", "rejected", "approved", "sent", "succeeded", "failed"]


class RequestRefund(msgspec.Struct, frozen=True, kw_only=True):
    """Send part of a payment back to the card it came from."""

    payment_id: UUID
    amount: Micro
    reason: str


class RefundView(msgspec.Struct, frozen=True, kw_only=True):
    """One refund. `problem` is why the card's bank did not take it."""

    id: UUID
    payment_id: UUID
    tenant_id: UUID
    amount: Micro
    currency: str
    status: RefundStatus
    reason: str
    requested_by: UUID | None  # None: it was made at Stripe itself
    stripe_refund_id: str | None
    problem: str | None
    version: int
    created_at: datetime
    approved_at: datetime | None
    settled_at: datetime | None
    origin: Literal["berth", "stripe"] = "berth"


class RefundFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What Stripe says about a refund, from a webhook or from an answer; every field but the id may be missing."""

    stripe_refund_id: str
    refund_id: str | None = None  # ours, from the metadata
    status: str | None = None
    failure_reason: str | None = None
    amount_cents: int | None = None
    currency: str | None = None
    payment_intent_id: str | None = None


class DisputeFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What Stripe says about a dispute; `told_at` is when it said so, in Unix seconds."""

    stripe_dispute_id: str
    payment_intent_id: str | None
    status: str
    amount_cents: int | None
    currency: str | None
    reason: str
    told_at: int


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """A payment that somebody disputes at their bank. `is_taken`: the credit is taken back now."""

    id: UUID
    payment_id: UUID
    tenant_id: UUID
    stripe_dispute_id: str
    amount: Micro
    currency: str
    status: str
    reason: str
    told_at: int
    is_taken: bool
    moves: int


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """Something about money that a person has to decide, since `opened_at`; `subject` is what Stripe calls it."""

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
    """Say what was done about it."""

    case_id: UUID
    reason: str


class AboutPayment(msgspec.Struct, frozen=True, kw_only=True):
    """A job about one payment."""

    payment_id: UUID


class SendRefund(msgspec.Struct, frozen=True, kw_only=True):
    """Ask Stripe for an approved refund."""

    id: UUID


class OperatorPayment(msgspec.Struct, frozen=True, kw_only=True):
    """A payment as an operator sees it. `refunded` counts refunds that arrived or are on their way."""

    id: UUID
    tenant_id: UUID
    user_id: UUID | None
    amount: Micro
    currency: str
    status: Status
    stripe_session_id: str | None
    payment_intent_id: str | None
    problem: str | None
    version: int
    created_at: datetime
    paid_at: datetime | None
    refunded: Micro
    reserved: Micro  # refunds that wait for approval


class PaymentSearch(msgspec.Struct, frozen=True, kw_only=True):
    """Each field narrows. `word` is a whole id of ours or of Stripe's."""

    status: Status | None = None
    tenant_id: UUID | None = None
    word: str | None = None


class InboxMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook as it was taken in: only the fields that we use were ever kept."""

    id: UUID
    event_id: str
    type: str
    body: dict[str, object]
    received_at: datetime
    processed_at: datetime | None
    outcome: str | None
    error: str | None


class CreditPage(msgspec.Struct, frozen=True, kw_only=True):
    """The page "Add credit"."""

    currency: str
    available: Micro
    burn_per_hour: int
    funds: Micro
    minimum: Micro
    maximum: Micro
    presets: tuple["Preset", ...]
    chosen: str
    canceled: bool


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """An amount on offer, with the seconds it lasts from now on together with what is there; None = nothing burns."""

    amount: Micro
    units: str
    runway_seconds: int | None


class ReturnPage(msgspec.Struct, frozen=True, kw_only=True):
    """Back from the Checkout page."""

    payment: PaymentView
    available: Micro
    is_waiting: bool
