"""The table of work on many rows."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from app.shared.db.base import Base
from app.shared.ids import TenantId, new_id


class Batch(Base):
    """Work on many rows, done step by step, with its progress."""

    __tablename__ = "batches"
    __table_args__ = (
        CheckConstraint("(ended_at IS NULL) = (state = 'running')", name="check"),
        CheckConstraint("(place_id IS NULL) = (place_rank IS NULL)", name="check1"),
        CheckConstraint("done >= 0", name="done_check"),
        CheckConstraint("passed >= 0", name="passed_check"),
        CheckConstraint("state IN ('running', 'done', 'stopped')", name="state_check"),
        CheckConstraint("total >= 0", name="total_check"),
        Index("batches_due", "due_at", postgresql_where=text("ended_at IS NULL")),
        Index("batches_ended", "ended_at", postgresql_where=text("ended_at IS NOT NULL")),
        Index("batches_newest", text("started_at DESC"), text("id DESC")),
        Index("batches_under_way", "name", "subject_id", unique=True, postgresql_where=text("ended_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    title: Mapped[str]
    subject_id: Mapped[UUID]
    tenant_id: Mapped[TenantId | None]
    arguments: Mapped[dict[str, object]]
    total: Mapped[int]
    done: Mapped[int] = mapped_column(server_default=text("0"))
    passed: Mapped[int] = mapped_column(server_default=text("0"))
    round: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    step: Mapped[int] = mapped_column(server_default=text("0"))
    idle: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    position_id: Mapped[UUID | None] = mapped_column("place_id")
    position_rank: Mapped[int | None] = mapped_column("place_rank")
    state: Mapped[str] = mapped_column(server_default="running")
    outcome: Mapped[str] = mapped_column(server_default="")
    last_error: Mapped[str | None]
    correlation_id: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    touched_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    due_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    ended_at: Mapped[datetime | None]
