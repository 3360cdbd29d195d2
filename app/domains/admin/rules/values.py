"""Values of the operator's console that repositories read and write. Amounts are micro-units, instants are UTC."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from app.shared.money import Micro

Format = Literal["csv", "jsonl"]
Result = Literal["allowed", "refused"]
AdjustmentStatus = Literal["requested", "approved", "rejected"]


class Dependency(msgspec.Struct, frozen=True, kw_only=True):
    """Something that Berth depends on, as a worker found it."""

    name: str
    ok: bool
    milliseconds: int
    detail: str


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A fault that is on at a simulator; `given` is its options as JSON."""

    simulator: str
    name: str
    given: str


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """Who decided. The decision `alone` is one of the requester, below the policy's amount."""

    subject_id: UUID
    decision: str
    decided_by: UUID
    reason: str
    decided_at: datetime


class ValueAct(msgspec.Struct, frozen=True, kw_only=True):
    """A refund or a correction (`subject_id` is its id) that gives value (positive) or takes it (negative)."""

    kind: Literal["refund", "adjustment"]
    subject_id: UUID
    tenant_id: UUID
    amount: Micro
    requested_by: UUID
    payment_id: UUID | None = None


class AdjustmentView(msgspec.Struct, frozen=True, kw_only=True):
    """A correction of an organisation's credit."""

    id: UUID
    tenant_id: UUID
    amount: Micro
    currency: str
    reason: str
    requested_by: UUID
    status: AdjustmentStatus
    created_at: datetime
    decided_at: datetime | None


class LedgerCheck(msgspec.Struct, frozen=True, kw_only=True):
    """A verification of the ledger; it runs while `finished_at` is None."""

    id: UUID
    requested_by: UUID | None
    requested_at: datetime
    finished_at: datetime | None
    ok: bool | None
    report: dict[str, object] | None


class AuditFilter(msgspec.Struct, frozen=True, kw_only=True):
    """None in a field means any value. The period includes `from_at` and excludes `to_at`."""

    actor_id: UUID | None = None
    actor_mail: str | None = None  # instead of `actor_id`
    action: str | None = None
    target_kind: str | None = None
    target_id: str | None = None
    tenant_id: UUID | None = None
    result: Result | None = None
    from_at: datetime | None = None
    to_at: datetime | None = None
    correlation_id: str | None = None


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the audit log, as it was written."""

    id: UUID
    occurred_at: datetime
    actor_kind: str
    actor_id: UUID | None
    actor_roles: list[str]
    action: str
    target_kind: str
    target_id: str
    result: Result
    reason: str | None
    details: dict[str, object]
    tenant_id: UUID | None
    project_id: UUID | None
    correlation_id: str
