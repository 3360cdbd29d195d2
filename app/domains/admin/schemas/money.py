"""Forms and JSON of payments, refunds, corrections and webhooks."""

from typing import get_args
from uuid import UUID

import msgspec

from app.domains.admin.rules.approval import parse_amount
from app.domains.admin.rules.values import AdjustmentView
from app.domains.admin.service.adjustments import RequestAdjustment
from app.domains.payments.contracts import (
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

STATUSES: tuple[PaymentStatus, ...] = get_args(PaymentStatus)
REFUND_STATUSES: tuple[RefundStatus, ...] = get_args(RefundStatus)
AMOUNT = "Write the amount as 50 or 49.90."


class RefundForm(msgspec.Struct, frozen=True, kw_only=True):
    amount: str = ""
    reason: str = ""

    def command(self, payment_id: UUID) -> RequestRefund:
        """Raises ValidationFailed for text that is no amount."""
        return RequestRefund(payment_id=payment_id, amount=typed_amount(self.amount), reason=self.reason)


class RefundBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`amount` in micro-units: 25000000 is 25.00."""

    amount: int
    reason: str

    def command(self, payment_id: UUID) -> RequestRefund:
        return RequestRefund(payment_id=payment_id, amount=Micro(self.amount), reason=self.reason)


class ReasonForm(msgspec.Struct, frozen=True, kw_only=True):
    """The reason is kept in the audit log."""

    reason: str = ""


class CorrectionForm(msgspec.Struct, frozen=True, kw_only=True):
    tenant: str = ""
    amount: str = ""
    reason: str = ""

    def command(self) -> RequestAdjustment:
        """Raises ValidationFailed."""
        return RequestAdjustment(tenant_id=_tenant(self.tenant), amount=typed_amount(self.amount), reason=self.reason)


class CorrectionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`amount` in micro-units; a negative one deducts credit."""

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


def payment_search(status: str, search: str) -> PaymentSearch:
    """Raises ValidationFailed for an unknown state."""
    known = next((one for one in STATUSES if one == status), None)
    if status and known is None:
        raise ValidationFailed(fields={"state": f"one of {', '.join(STATUSES)}"})
    return PaymentSearch(status=known, identifier=search.strip().lower() if "-" in search else search.strip() or None)


def refund_status(status: str) -> RefundStatus | None:
    """Raises ValidationFailed for an unknown state."""
    known = next((one for one in REFUND_STATUSES if one == status), None)
    if status and known is None:
        raise ValidationFailed(fields={"state": f"one of {', '.join(REFUND_STATUSES)}"})
    return known


def typed_amount(text: str) -> Micro:
    """Raises ValidationFailed for text that is no amount."""
    amount = parse_amount(text)
    if amount is None:
        raise ValidationFailed(AMOUNT, fields={"amount": AMOUNT})
    return amount


def tenant_filter(text: str) -> UUID | None:
    """The id in a link; None for anything else."""
    try:
        return UUID(text.strip())
    except ValueError:
        return None


def _tenant(text: str) -> UUID:
    try:
        return UUID(text.strip())
    except ValueError as error:
        raise ValidationFailed(fields={"tenant": "Write the organisation's complete id."}) from error
