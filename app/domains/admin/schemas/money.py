"""Forms, JSON and pages about money."""

from typing import get_args
from urllib.parse import urlencode
from uuid import UUID

import msgspec

from app.domains.admin.contracts.money import (
    AdjustmentView,
    AloneLeft,
    LedgerReport,
    PaymentDetail,
    RequestAdjustment,
)
from app.domains.admin.rules.approval import parse_amount
from app.domains.payments.contracts import (
    PAYMENT_STATES,
    REFUND_STATES,
    Case,
    InboxMessage,
    OperatorPayment,
    PaymentSearch,
    PaymentStatus,
    RefundStatus,
    RefundView,
    RequestRefund,
)
from app.shared.errors import ValidationFailed
from app.shared.money import Micro
from app.shared.telemetry.sanitize import sanitize
from app.web.show_code import ApiCall, call

Chip = tuple[str, str, bool]
Tab = tuple[str, str, bool, int | None]
STATUSES: tuple[PaymentStatus, ...] = get_args(PaymentStatus)
REFUND_STATUSES: tuple[RefundStatus, ...] = get_args(RefundStatus)
AMOUNT = "Write the amount as 50 or 49.90."
LOOKS: dict[str, tuple[str, str]] = {**PAYMENT_STATES, **REFUND_STATES}
PLACES = (
    ("Payments", "/admin/money"),
    ("Refunds", "/admin/money/refunds"),
    ("Corrections", "/admin/money/corrections"),
    ("To decide", "/admin/money/cases"),
    ("Webhooks", "/admin/money/webhooks"),
    ("Ledger", "/admin/money/ledger"),
)


class RefundForm(msgspec.Struct, frozen=True, kw_only=True):
    amount: str = ""
    reason: str = ""

    def command(self, payment_id: UUID) -> RequestRefund:
        """Raises ValidationFailed for what is no amount."""
        return RequestRefund(payment_id=payment_id, amount=typed_amount(self.amount), reason=self.reason)


class RefundBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`amount` in micro-units: 25000000 is 25.00."""

    amount: int
    reason: str

    def command(self, payment_id: UUID) -> RequestRefund:
        return RequestRefund(payment_id=payment_id, amount=Micro(self.amount), reason=self.reason)


class ReasonForm(msgspec.Struct, frozen=True, kw_only=True):
    """Why; it is kept in the audit log."""

    reason: str = ""


class CorrectionForm(msgspec.Struct, frozen=True, kw_only=True):
    tenant: str = ""
    amount: str = ""
    reason: str = ""

    def command(self) -> RequestAdjustment:
        """Raises ValidationFailed."""
        return RequestAdjustment(tenant_id=_tenant(self.tenant), amount=typed_amount(self.amount), reason=self.reason)


class CorrectionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`amount` in micro-units; a negative one takes credit away."""

    tenant_id: UUID
    amount: int
    reason: str

    def command(self) -> RequestAdjustment:
        return RequestAdjustment(tenant_id=self.tenant_id, amount=Micro(self.amount), reason=self.reason)


class PaymentsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    items: tuple[OperatorPayment, ...]
    next_cursor: UUID | None


class RefundsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    items: tuple[RefundView, ...]
    next_cursor: UUID | None


class CorrectionsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    items: tuple[AdjustmentView, ...]
    next_cursor: UUID | None


class CasesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    items: tuple[Case, ...]
    next_cursor: UUID | None


class WebhooksAnswer(msgspec.Struct, frozen=True, kw_only=True):
    items: tuple[InboxMessage, ...]
    next_cursor: UUID | None


class MoneyPage(msgspec.Struct, frozen=True, kw_only=True):
    """What the lists of admin/money*.html get; `rows` are of the list that the page shows."""

    tabs: tuple[Tab, ...]
    rows: (
        tuple[OperatorPayment, ...]
        | tuple[RefundView, ...]
        | tuple[AdjustmentView, ...]
        | tuple[InboxMessage, ...]
        | tuple[Case, ...]
    )
    looks: dict[str, tuple[str, str]]
    chips: tuple[Chip, ...] = ()
    names: dict[str, str] = {}
    search: str = ""
    tenant: str = ""
    first_href: str | None = None
    next_href: str | None = None
    may_manage: bool = False
    actor_id: UUID | None = None
    alone: AloneLeft | None = None


class PaymentPage(msgspec.Struct, frozen=True, kw_only=True):
    """What admin/payment.html gets."""

    detail: PaymentDetail
    looks: dict[str, tuple[str, str]]
    call: ApiCall


class WebhookPage(msgspec.Struct, frozen=True, kw_only=True):
    """What admin/webhook.html gets; the body is sanitized once more."""

    message: InboxMessage
    body: str
    may_manage: bool


class LedgerPage(msgspec.Struct, frozen=True, kw_only=True):
    """What admin/ledger.html gets."""

    tabs: tuple[Tab, ...]
    report: LedgerReport


def money_page(
    path: str, rows: tuple[object, ...], cursor: UUID | None, next_cursor: UUID | None, **more: object
) -> MoneyPage:
    """One list. `more` holds the filter as `asked` (name -> value) and the other fields of the page."""
    asked = {name: value for name, value in dict(more.pop("asked", {})).items() if value}  # type: ignore[call-overload]
    ahead = urlencode({**asked, "cursor": str(next_cursor)})
    return MoneyPage(
        tabs=tabs(path),
        rows=rows,  # type: ignore[arg-type]  # rows of one kind
        looks=LOOKS,
        first_href=f"{path}{_query(asked)}" if cursor else None,
        next_href=f"{path}?{ahead}" if next_cursor else None,
        **more,  # type: ignore[arg-type]
    )


def tabs(path: str) -> tuple[Tab, ...]:
    """The places of Money; `path` is the one shown."""
    return tuple((text, href, href == path, None) for text, href in PLACES)


def payment_search(status: str, word: str) -> PaymentSearch:
    """Raises ValidationFailed for a state that does not exist."""
    known = next((one for one in STATUSES if one == status), None)
    if status and known is None:
        raise ValidationFailed(fields={"state": f"one of {', '.join(STATUSES)}"})
    return PaymentSearch(status=known, identifier=word.strip().lower() if "-" in word else word.strip() or None)


def refund_status(status: str) -> RefundStatus | None:
    """Raises ValidationFailed for a state that does not exist."""
    known = next((one for one in REFUND_STATUSES if one == status), None)
    if status and known is None:
        raise ValidationFailed(fields={"state": f"one of {', '.join(REFUND_STATUSES)}"})
    return known


def state_chips(path: str, states: tuple[str, ...], on: str, **kept: str) -> tuple[Chip, ...]:
    """A chip for each state; the one that is on leads back."""
    return tuple(
        (LOOKS[one][1], path + _query({**kept, "state": "" if one == on else one}), one == on) for one in states
    )


def payment_page(detail: PaymentDetail) -> PaymentPage:
    """One payment, with the request that a refund is."""
    body = RefundBody(amount=detail.refundable, reason="why")
    path = f"/api/v1/admin/payments/{detail.payment.id}/refunds"
    words = ("admin", "payments", "refund", str(detail.payment.id), "--reason", "why")
    return PaymentPage(detail=detail, looks=LOOKS, call=call("POST", path, body, cli=words))


def webhook_page(message: InboxMessage, *, may_manage: bool) -> WebhookPage:
    """One webhook."""
    body = msgspec.json.format(msgspec.json.encode(sanitize(message.body)), indent=2).decode()
    return WebhookPage(message=message, body=body, may_manage=may_manage)


def typed_amount(text: str) -> Micro:
    """Raises ValidationFailed for what is no amount."""
    amount = parse_amount(text)
    if amount is None:
        raise ValidationFailed(AMOUNT, fields={"amount": AMOUNT})
    return amount


def tenant_filter(text: str) -> UUID | None:
    """The organisation that a link names; None for anything else."""
    try:
        return UUID(text.strip())
    except ValueError:
        return None


def _tenant(text: str) -> UUID:
    try:
        return UUID(text.strip())
    except ValueError as error:
        raise ValidationFailed(fields={"tenant": "Write the organisation's whole id."}) from error


def _query(asked: dict[str, str]) -> str:
    kept = {name: value for name, value in asked.items() if value}
    return f"?{urlencode(kept)}" if kept else ""
