"""What the simulated Stripe remembers: one struct per resource. Wire forms are made in `render`.

Amounts are whole minor units (cents), times are Unix seconds.
"""

import secrets
import string

import msgspec

_ALPHABET = string.ascii_letters + string.digits


def new_id(prefix: str, length: int = 24) -> str:
    """A random id in Stripe's manner, e.g. `ch_` and 24 letters and digits."""
    return prefix + "_" + "".join(secrets.choice(_ALPHABET) for _ in range(length))


class Customer(msgspec.Struct, kw_only=True):
    """A buyer."""

    id: str
    created: int
    email: str | None = None
    name: str | None = None
    phone: str | None = None
    description: str | None = None
    metadata: dict[str, str] = {}


class LineItem(msgspec.Struct, kw_only=True):
    """One line of a checkout session."""

    id: str
    name: str
    description: str | None
    unit_amount: int
    quantity: int

    @property
    def total(self) -> int:
        """Minor units."""
        return self.unit_amount * self.quantity


class Session(msgspec.Struct, kw_only=True):
    """A hosted checkout: `open`, then `complete` or `expired`."""

    id: str
    created: int
    expires_at: int
    currency: str
    line_items: list[LineItem]
    success_url: str
    cancel_url: str | None
    client_reference_id: str | None
    customer: str | None
    email: str | None
    customer_email: str | None
    customer_name: str | None
    metadata: dict[str, str]
    submit_type: str | None
    intent_metadata: dict[str, str]
    intent_description: str | None
    receipt_email: str | None
    status: str = "open"
    payment_status: str = "unpaid"
    payment_intent: str | None = None

    @property
    def total(self) -> int:
        """Minor units."""
        return sum(item.total for item in self.line_items)


class Failure(msgspec.Struct, frozen=True):
    """Why a payment attempt failed."""

    code: str
    decline_code: str | None
    message: str


class Intent(msgspec.Struct, kw_only=True):
    """A payment intent: one per session, made at the first attempt to pay."""

    id: str
    created: int
    client_secret: str
    amount: int
    currency: str
    customer: str | None
    description: str | None
    receipt_email: str | None
    metadata: dict[str, str]
    status: str = "requires_payment_method"
    payment_method: str | None = None
    latest_charge: str | None = None
    failure: Failure | None = None
    pending_card: "CardDetails | None" = None


class CardDetails(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a card: never its number or CVC."""

    brand: str
    last4: str
    exp_month: int
    exp_year: int
    name: str
    payment_method: str
    email: str | None


class Charge(msgspec.Struct, kw_only=True):
    """One attempt that reached the (simulated) bank."""

    id: str
    created: int
    amount: int
    currency: str
    customer: str | None
    description: str | None
    receipt_email: str | None
    metadata: dict[str, str]
    payment_intent: str
    card: CardDetails
    amount_refunded: int = 0
    disputed: bool = False
    three_d_secure: bool = False
    failure: Failure | None = None


class Refund(msgspec.Struct, kw_only=True):
    """Money sent back for a charge."""

    id: str
    created: int
    amount: int
    currency: str
    charge: str
    payment_intent: str
    reason: str | None
    metadata: dict[str, str]
    status: str = "succeeded"
    failure_reason: str | None = None


class Dispute(msgspec.Struct, kw_only=True):
    """A charge that its card's holder disputes; an inquiry has a status that begins with `warning_`."""

    id: str
    created: int
    amount: int
    currency: str
    charge: str
    payment_intent: str
    reason: str
    status: str
    brand: str
    due_by: int


class Event(msgspec.Struct, kw_only=True):
    """A fact, with the object as it was then."""

    id: str
    created: int
    type: str
    object: dict[str, object]
    request_id: str | None = None
    idempotency_key: str | None = None


class Attempt(msgspec.Struct, frozen=True):
    """One try to deliver: Unix time, and the status answered or what went wrong."""

    at: float
    status: int | None
    error: str | None


class Delivery(msgspec.Struct, kw_only=True):
    """An event on its way to the webhook endpoint: `pending`, `delivered` or `lost`."""

    id: str
    event: str
    due: float
    state: str = "pending"
    attempts: list[Attempt] = []


class StoredAnswer(msgspec.Struct, kw_only=True):
    """What a request with an idempotency key was answered, for 24 hours."""

    id: str
    created: float
    fingerprint: str
    request_id: str
    status: int
    body: bytes
