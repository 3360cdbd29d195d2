"""Shells in the browser."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domains.terminal.contracts import TerminalId
from app.shared.db.base import Base
from app.shared.ids import ProjectId, TenantId, UserId, new_id


class TerminalSession(Base):
    """A shell in the browser."""

    __tablename__ = "terminal_sessions"
    __table_args__ = (
        CheckConstraint("(ended_at IS NULL) = (end_code IS NULL)", name="check"),
        Index("terminal_sessions_live", "user_id", postgresql_where=text("ended_at IS NULL")),
        Index("terminal_sessions_project", "tenant_id", "project_id", "allocation_id", text("opened_at DESC")),
    )

    id: Mapped[TerminalId] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[TenantId]
    project_id: Mapped[ProjectId]
    allocation_id: Mapped[UUID]
    user_id: Mapped[UserId]
    session_id: Mapped[UUID] = mapped_column(comment="the browser session that opened it")
    host: Mapped[str] = mapped_column(comment="the terminal host that holds the shell")
    opened_at: Mapped[datetime]
    last_attached_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    end_code: Mapped[str | None]
    version: Mapped[int] = mapped_column(server_default=text("1"))
