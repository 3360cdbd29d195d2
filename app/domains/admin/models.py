"""The audit log, money by two people, checks of the ledger, announcements."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.shared.db.base import Base
from app.shared.ids import ProjectId, TenantId, new_id
from app.shared.money import Micro


class AuditLog(Base):
    """Who did what, and what was refused. Rows are only added; one partition a month."""

    __tablename__ = "audit_logs"
    __table_args__ = (
        CheckConstraint("result IN ('allowed', 'refused')", name="result_check"),
        Index("audit_logs_action", "action", text("occurred_at DESC"), text("id DESC")),
        Index("audit_logs_actor", "actor_id", text("occurred_at DESC"), text("id DESC")),
        Index("audit_logs_story", "correlation_id"),
        Index("audit_logs_target", "target_kind", "target_id", text("occurred_at DESC")),
        Index("audit_logs_tenant", "tenant_id", text("occurred_at DESC")),
        Index("audit_logs_time", text("occurred_at DESC"), text("id DESC")),
        {"postgresql_partition_by": "RANGE (occurred_at)"},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    occurred_at: Mapped[datetime] = mapped_column(primary_key=True)
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    actor_roles: Mapped[list[str]]
    action: Mapped[str]
    target_kind: Mapped[str]
    target_id: Mapped[str]
    result: Mapped[str]
    reason: Mapped[str | None]
    details: Mapped[dict[str, object]] = mapped_column(server_default="{}")
    tenant_id: Mapped[TenantId | None]
    project_id: Mapped[ProjectId | None]
    correlation_id: Mapped[str]


class RefusalWindow(Base):
    """Refusals of one kind within one window, counted on one row of the log."""

    __tablename__ = "refusal_windows"
    __table_args__ = (
        CheckConstraint("left_out >= 0", name="left_out_check"),
        Index("refusal_windows_closing", "closes_at"),
    )

    fingerprint: Mapped[bytes] = mapped_column(primary_key=True)
    row_id: Mapped[UUID]
    occurred_at: Mapped[datetime]
    closes_at: Mapped[datetime]
    left_out: Mapped[int] = mapped_column(Integer, server_default=text("0"))


class RefundApproval(Base):
    """The decision about a refund or an adjustment, by a second person or alone within the limit."""

    __tablename__ = "refund_approvals"
    __table_args__ = (
        CheckConstraint("(decision = 'alone') = (decided_by = requested_by)", name="check"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_check"),
        CheckConstraint("decision IN ('approved', 'rejected', 'alone')", name="decision_check"),
        CheckConstraint("subject_kind IN ('refund', 'adjustment')", name="subject_kind_check"),
        UniqueConstraint("subject_kind", "subject_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    tenant_id: Mapped[TenantId]
    amount: Mapped[Micro]
    currency: Mapped[str]
    requested_by: Mapped[UUID]
    decision: Mapped[str]
    decided_by: Mapped[UUID]
    reason: Mapped[str]
    decided_at: Mapped[datetime]


class ValueAct(Base):
    """What an operator gave back or booked within a day: what counts toward their limit."""

    __tablename__ = "value_acts"
    __table_args__ = (
        CheckConstraint("amount <> 0", name="amount_check"),
        CheckConstraint("decision IN ('pending', 'alone', 'approved', 'rejected')", name="decision_check"),
        CheckConstraint("kind IN ('refund', 'adjustment')", name="kind_check"),
        Index("value_acts_person", "requested_by", "asked_at"),
        Index("value_acts_tenant", "tenant_id", "asked_at"),
    )

    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    tenant_id: Mapped[TenantId]
    payment_id: Mapped[UUID | None]
    amount: Mapped[Micro]
    requested_by: Mapped[UUID]
    asked_at: Mapped[datetime]
    decision: Mapped[str]


class Adjustment(Base):
    """A correction of an account that an operator asked for."""

    __tablename__ = "adjustments"
    __table_args__ = (
        CheckConstraint("amount <> 0", name="amount_check"),
        CheckConstraint("(status = 'requested') = (decided_at IS NULL)", name="check"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_check"),
        CheckConstraint("length(reason) BETWEEN 3 AND 500", name="reason_check"),
        CheckConstraint("status IN ('requested', 'approved', 'rejected')", name="status_check"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[TenantId]
    amount: Mapped[Micro]
    currency: Mapped[str]
    reason: Mapped[str]
    requested_by: Mapped[UUID]
    status: Mapped[str]
    created_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]


class LedgerCheck(Base):
    """A recomputation of the ledger, and what it found."""

    __tablename__ = "ledger_checks"
    __table_args__ = (CheckConstraint("(finished_at IS NULL) = (report IS NULL)", name="check"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    requested_by: Mapped[UUID | None]
    requested_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    ok: Mapped[bool | None]
    report: Mapped[dict[str, object] | None]


class Announcement(Base):
    """A message over every page, for a while."""

    __tablename__ = "announcements"
    __table_args__ = (
        CheckConstraint("audience IN ('everybody', 'customers', 'operators')", name="audience_check"),
        CheckConstraint("to_at > from_at", name="check"),
        CheckConstraint("level IN ('good', 'busy', 'warn', 'bad')", name="level_check"),
        CheckConstraint("length(text) BETWEEN 3 AND 500", name="text_check"),
        Index("announcements_shown", "to_at", postgresql_where=text("withdrawn_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    text: Mapped[str]
    level: Mapped[str]
    audience: Mapped[str]
    from_at: Mapped[datetime]
    to_at: Mapped[datetime]
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
