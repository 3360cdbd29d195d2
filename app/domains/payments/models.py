"""Payments, webhooks of Stripe, refunds, disputes, cases."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.domains.payments.contracts import PaymentId
from app.shared.db.base import Base
from app.shared.ids import ProjectId, TenantId, UserId, new_id
from app.shared.money import Micro


class PaymentSession(Base):
    """A payment from the intent to the money."""

    __tablename__ = "payment_sessions"
    __table_args__ = (
        CheckConstraint("amount > 0 AND ((amount % 10000) = 0)", name="amount_check"),
        CheckConstraint("(status = 'paid') = (paid_at IS NOT NULL)", name="check"),
        CheckConstraint("status <> 'open' OR stripe_session_id IS NOT NULL", name="check1"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_check"),
        CheckConstraint("status IN ('created', 'open', 'paid', 'expired', 'failed')", name="status_check"),
        ExcludeConstraint(("payment_intent_id", "="), using="hash", name="payment_sessions_intent_once"),
        ExcludeConstraint(("stripe_session_id", "="), using="hash", name="payment_sessions_session_once"),
        Index("payment_sessions_newest", text("id DESC")),
        Index("payment_sessions_tenant", "tenant_id", text("id DESC")),
        Index("payment_sessions_waiting", "created_at", postgresql_where=text("status IN ('created', 'open')")),
    )

    id: Mapped[PaymentId] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[TenantId]
    project_id: Mapped[ProjectId | None]
    user_id: Mapped[UserId | None]
    amount: Mapped[Micro]
    currency: Mapped[str]
    status: Mapped[str]
    stripe_session_id: Mapped[str | None]
    payment_intent_id: Mapped[str | None]
    checkout_url: Mapped[str | None]
    problem: Mapped[str | None]
    version: Mapped[int] = mapped_column(server_default=text("1"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]


class PaymentEvent(Base):
    """A webhook as it came in; processed once."""

    __tablename__ = "payment_events"
    __table_args__ = (
        CheckConstraint("length(event_id) BETWEEN 1 AND 8192", name="event_id_check"),
        ExcludeConstraint((text("((provider || ' ') || event_id)"), "="), using="hash", name="payment_events_once"),
        Index("payment_events_intent", text("(body ->> 'payment_intent')"), postgresql_using="hash"),
        Index("payment_events_newest", text("id DESC")),
        Index("payment_events_pending", "received_at", postgresql_where=text("processed_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    provider: Mapped[str]
    event_id: Mapped[str]
    type: Mapped[str]
    body: Mapped[dict[str, object]]
    received_at: Mapped[datetime]
    processed_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    error: Mapped[str | None]


class Refund(Base):
    """Money that goes back to a card."""

    __tablename__ = "refunds"
    __table_args__ = (
        CheckConstraint("amount > 0 AND ((amount % 10000) = 0)", name="amount_check"),
        CheckConstraint("(status IN ('rejected', 'succeeded', 'failed')) = (settled_at IS NOT NULL)", name="check"),
        CheckConstraint("(status IN ('requested', 'rejected')) = (approved_at IS NULL)", name="check1"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_check"),
        CheckConstraint("origin IN ('berth', 'stripe')", name="origin_check"),
        CheckConstraint("length(reason) BETWEEN 3 AND 500", name="reason_check"),
        CheckConstraint("(origin = 'berth') = (requested_by IS NOT NULL)", name="somebody_asked"),
        CheckConstraint(
            "status IN ('requested', 'rejected', 'approved', 'sent', 'succeeded', 'failed')", name="status_check"
        ),
        CheckConstraint("origin = 'berth' OR stripe_refund_id IS NOT NULL", name="theirs_has_id"),
        ExcludeConstraint(("stripe_refund_id", "="), using="hash", name="refunds_stripe_once"),
        Index("refunds_payment", "payment_id"),
        Index("refunds_tenant", "tenant_id", text("id DESC")),
        Index("refunds_waiting", "updated_at", postgresql_where=text("status IN ('approved', 'sent')")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    payment_id: Mapped[PaymentId] = mapped_column(ForeignKey("payments.payment_sessions.id"))
    tenant_id: Mapped[TenantId]
    amount: Mapped[Micro]
    currency: Mapped[str]
    status: Mapped[str]
    reason: Mapped[str]
    requested_by: Mapped[UUID | None]
    stripe_refund_id: Mapped[str | None]
    problem: Mapped[str | None]
    version: Mapped[int] = mapped_column(server_default=text("1"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    approved_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    origin: Mapped[str] = mapped_column(server_default="berth")


class Dispute(Base):
    """A payment that the card holder disputes."""

    __tablename__ = "disputes"
    __table_args__ = (
        CheckConstraint("amount > 0 AND ((amount % 10000) = 0)", name="amount_check"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_check"),
        ExcludeConstraint(("stripe_dispute_id", "="), using="hash", name="disputes_stripe_once"),
        Index("disputes_payment", "payment_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    payment_id: Mapped[PaymentId] = mapped_column(ForeignKey("payments.payment_sessions.id"))
    tenant_id: Mapped[TenantId]
    stripe_dispute_id: Mapped[str]
    amount: Mapped[Micro]
    currency: Mapped[str]
    status: Mapped[str]
    reason: Mapped[str] = mapped_column(server_default="")
    reported_at: Mapped[int] = mapped_column("told_at")
    is_taken: Mapped[bool] = mapped_column(server_default=text("false"))
    moves: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Case(Base):
    """Where Stripe and we disagree, and what an operator decided."""

    __tablename__ = "cases"
    __table_args__ = (
        CheckConstraint("(decided_at IS NULL) = (decision = '')", name="check"),
        CheckConstraint("length(decision) <= 500", name="decision_check"),
        ExcludeConstraint((text("((kind || ' ') || subject)"), "="), using="hash", name="cases_once"),
        Index("cases_open", "id", postgresql_where=text("decided_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str]
    subject: Mapped[str]
    summary: Mapped[str]
    payment_id: Mapped[PaymentId | None]
    tenant_id: Mapped[TenantId | None]
    amount: Mapped[Micro | None]
    currency: Mapped[str | None]
    opened_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    decision: Mapped[str] = mapped_column(server_default="")
