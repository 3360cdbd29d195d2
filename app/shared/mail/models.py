"""The table of mails that wait to be sent."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from app.shared.db.base import Base
from app.shared.ids import TenantId, UserId, new_id


class Mail(Base):
    """A mail to send. Its values are wrapped, and forgotten once it has ended."""

    __tablename__ = "mails"
    __table_args__ = (
        CheckConstraint("(state = 'queued') = (ended_at IS NULL)", name="check"),
        CheckConstraint("state <> 'queued' OR wrapped_values IS NOT NULL", name="check1"),
        CheckConstraint("length(recipient) BETWEEN 3 AND 254 AND recipient !~ '[[:cntrl:]]'", name="recipient_check"),
        CheckConstraint("state IN ('queued', 'sent', 'failed')", name="state_check"),
        CheckConstraint("template ~ '^[a-z][a-z0-9_]{0,39}$'", name="template_check"),
        Index("mails_ended", "ended_at", postgresql_where=text("state <> 'queued'")),
        Index("mails_queued", "due_at", postgresql_where=text("state = 'queued'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    recipient: Mapped[str]
    template: Mapped[str]
    wrapped_values: Mapped[bytes | None]
    tenant_id: Mapped[TenantId | None]
    user_id: Mapped[UserId | None]
    state: Mapped[str] = mapped_column(server_default="queued")
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    last_error: Mapped[str | None]
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
