"""Refunds, corrections and the books as operators see them. Amounts are micro-units."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from app.domains.billing.contracts import HouseBalance
from app.domains.payments.contracts import OperatorPayment, RefundView
from app.shared.money import Micro

AdjustmentStatus = Literal["requested", "approved", "rejected"]


class DecideRefund(msgspec.Struct, frozen=True, kw_only=True):
    """Approve or reject a refund that somebody else asked for."""

    refund_id: UUID
    reason: str = ""


class RefundMoved(msgspec.Struct, frozen=True, kw_only=True):
    """Where a refund is now; `approved` means that it is on its way."""

    refund_id: UUID
    payment_id: UUID
    status: str


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """Who decided: `alone` is the one who asked, below the policy's amount."""

    subject_id: UUID
    decision: str
    decided_by: UUID
    reason: str
    decided_at: datetime


class RefundDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A refund with its approval and names."""

    refund: RefundView
    approval: Approval | None
    names: dict[str, str]
    may_decide: bool
    why_not: str


class ValueAct(msgspec.Struct, frozen=True, kw_only=True):
    """Value that somebody gives (positive) or takes (negative): a refund or a correction, `subject_id` its id."""

    kind: Literal["refund", "adjustment"]
    subject_id: UUID
    tenant_id: UUID
    amount: Micro
    requested_by: UUID
    payment_id: UUID | None = None


class AloneLeft(msgspec.Struct, frozen=True, kw_only=True):
    """What one person may still give alone before a second one is needed: `left` is the least of the three, each of
    which is `limit` less what was given in the last `window_hours` or is asked for."""

    limit: Micro
    window_hours: int
    by_person: Micro
    for_organisation: Micro | None
    of_payment: Micro | None
    left: Micro


class PaymentDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A payment with what may go back of it, its refunds and its ledger transaction."""

    payment: OperatorPayment
    refundable: Micro
    alone_maximum: Micro
    alone: AloneLeft
    refunds: tuple[RefundView, ...]
    transaction_id: UUID | None
    names: dict[str, str]
    may_refund: bool


class RequestAdjustment(msgspec.Struct, frozen=True, kw_only=True):
    """Correct an organisation's credit: positive gives, negative takes."""

    tenant_id: UUID
    amount: Micro
    reason: str


class DecideAdjustment(msgspec.Struct, frozen=True, kw_only=True):
    adjustment_id: UUID
    reason: str = ""


class AdjustmentView(msgspec.Struct, frozen=True, kw_only=True):
    """One correction."""

    id: UUID
    tenant_id: UUID
    amount: Micro
    currency: str
    reason: str
    requested_by: UUID
    status: AdjustmentStatus
    created_at: datetime
    decided_at: datetime | None


class ReplayWebhook(msgspec.Struct, frozen=True, kw_only=True):
    message_id: UUID


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    message_id: UUID


class CheckLedger(msgspec.Struct, frozen=True, kw_only=True):
    """Recompute the whole ledger in the background."""


class CheckStarted(msgspec.Struct, frozen=True, kw_only=True):
    check_id: UUID


class LedgerCheck(msgspec.Struct, frozen=True, kw_only=True):
    """A verification of the ledger; without `finished_at` it is still under way."""

    id: UUID
    requested_by: UUID | None
    requested_at: datetime
    finished_at: datetime | None
    ok: bool | None
    report: dict[str, object] | None


class LedgerReport(msgspec.Struct, frozen=True, kw_only=True):
    """What all accounts hold, and the last verification."""

    balances: tuple[HouseBalance, ...]
    last: LedgerCheck | None
