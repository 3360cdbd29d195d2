"""The table of changes that need a second person."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.shared.db.base import Base
from app.shared.ids import TenantId, new_id


class ChangeRequest(Base):
    """A change that waits for a second person, or waited."""

    __tablename__ = "change_requests"
    __table_args__ = (
        CheckConstraint("(status = 'requested') = (decided_at IS NULL)", name="check"),
        CheckConstraint("(decided_at IS NULL) = (decided_by IS NULL)", name="check1"),
        CheckConstraint("status <> 'approved' OR decided_by <> requested_by", name="check2"),
        CheckConstraint("length(decision_reason) <= 500", name="decision_reason_check"),
        CheckConstraint("length(reason) BETWEEN 3 AND 500", name="reason_check"),
        CheckConstraint("status IN ('requested', 'approved', 'rejected')", name="status_check"),
        CheckConstraint("length(summary) BETWEEN 3 AND 500", name="summary_check"),
        Index("change_requests_waiting", "id", postgresql_where=text("status = 'requested'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    action: Mapped[str]
    command: Mapped[dict[str, object]]
    target: Mapped[str]
    summary: Mapped[str]
    reason: Mapped[str]
    tenant_id: Mapped[TenantId | None]
    requested_by: Mapped[UUID]
    requested_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(server_default="requested")
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    decision_reason: Mapped[str] = mapped_column(server_default="")
