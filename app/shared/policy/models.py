"""The tables of the policies."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.shared.db.base import Base, Json
from app.shared.ids import ProjectId, TenantId, new_id


class PolicyValue(Base):
    """A policy as it is set for everybody, for an organisation or for a project."""

    __tablename__ = "policy_values"
    __table_args__ = (
        CheckConstraint("project_id IS NULL OR tenant_id IS NOT NULL", name="check"),
        UniqueConstraint("key", "tenant_id", "project_id", postgresql_nulls_not_distinct=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    key: Mapped[str]
    tenant_id: Mapped[TenantId | None]
    project_id: Mapped[ProjectId | None]
    value: Mapped[object] = mapped_column(Json)
    set_by: Mapped[UUID | None]
    set_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    reason: Mapped[str] = mapped_column(server_default="")


class PolicyChange(Base):
    """Each change of a policy with its reason; rows are only added."""

    __tablename__ = "policy_changes"
    __table_args__ = (
        CheckConstraint("project_id IS NULL OR tenant_id IS NOT NULL", name="check"),
        CheckConstraint("length(reason) BETWEEN 3 AND 500", name="reason_check"),
        CheckConstraint("version > 0", name="version_check"),
        UniqueConstraint("key", "version"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    key: Mapped[str]
    version: Mapped[int]
    tenant_id: Mapped[TenantId | None]
    project_id: Mapped[ProjectId | None]
    before: Mapped[object | None] = mapped_column(Json)
    after: Mapped[object | None] = mapped_column(Json)
    reason: Mapped[str]
    changed_by: Mapped[UUID | None]
    changed_at: Mapped[datetime]
