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


class ProcessEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Work off one message of the webhook inbox."""

    id: UUID


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
