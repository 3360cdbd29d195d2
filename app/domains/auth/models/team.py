"""Organisations, projects, roles, invitations."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domains.auth.contracts import InvitationId, ServiceAccountId
from app.shared.db.base import Base
from app.shared.ids import ProjectId, TenantId, UserId, new_id


class Tenant(Base):
    """An organisation: it pays, and its members see its projects."""

    __tablename__ = "tenants"
    __table_args__ = (
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_check"),
        CheckConstraint("length(name) BETWEEN 1 AND 100", name="name_check"),
    )

    id: Mapped[TenantId] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    currency: Mapped[str] = mapped_column(server_default="USD")
    time_zone: Mapped[str] = mapped_column(server_default="UTC")
    created_at: Mapped[datetime]
    suspended_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(server_default=text("1"))
    suspended_reason: Mapped[str | None]


class Project(Base):
    """What an organisation keeps apart: machines, files, roles."""

    __tablename__ = "projects"
    __table_args__ = (
        CheckConstraint("length(name) BETWEEN 1 AND 100", name="name_check"),
        UniqueConstraint("tenant_id", "name"),
    )

    id: Mapped[ProjectId] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[TenantId] = mapped_column(ForeignKey("auth.tenants.id"))
    name: Mapped[str]
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(server_default=text("1"))


class Membership(Base):
    """One role of one person or service account, in an organisation, a project or the platform."""

    __tablename__ = "memberships"
    __table_args__ = (
        CheckConstraint("(user_id IS NULL) <> (service_account_id IS NULL)", name="check"),
        CheckConstraint("(tenant_id IS NULL) = (role LIKE 'platform%')", name="check1"),
        CheckConstraint("(project_id IS NOT NULL) = (role LIKE 'project%')", name="check2"),
        CheckConstraint(
            "role IN ('platform_admin', 'platform_operator', 'platform_finance', 'platform_auditor', "
            "'tenant_owner', 'tenant_admin', 'tenant_billing', 'tenant_member', 'project_admin', "
            "'project_member', 'project_viewer')",
            name="role_check",
        ),
        UniqueConstraint(
            "user_id",
            "service_account_id",
            "tenant_id",
            "project_id",
            "role",
            name="memberships_user_id_service_account_id_tenant_id_project_id_key",
            postgresql_nulls_not_distinct=True,
        ),
        Index("memberships_account", "service_account_id"),
        Index(
            "memberships_one_role",
            "user_id",
            "tenant_id",
            "project_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("user_id IS NOT NULL AND tenant_id IS NOT NULL"),
        ),
        Index("memberships_tenant", "tenant_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UserId | None] = mapped_column(ForeignKey("auth.users.id"))
    service_account_id: Mapped[ServiceAccountId | None] = mapped_column(ForeignKey("auth.service_accounts.id"))
    tenant_id: Mapped[TenantId | None] = mapped_column(ForeignKey("auth.tenants.id"))
    project_id: Mapped[ProjectId | None] = mapped_column(ForeignKey("auth.projects.id"))
    role: Mapped[str]
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(server_default=text("1"))


class Invitation(Base):
    """A role offered to an address."""

    __tablename__ = "invitations"
    __table_args__ = (
        CheckConstraint("(project_id IS NOT NULL) = (role LIKE 'project%')", name="check"),
        CheckConstraint("(state = 'pending') = (closed_at IS NULL)", name="check1"),
        CheckConstraint("length(email) BETWEEN 3 AND 254", name="email_check"),
        CheckConstraint(
            "role IN ('tenant_owner', 'tenant_admin', 'tenant_billing', 'tenant_member', "
            "'project_admin', 'project_member', 'project_viewer')",
            name="role_check",
        ),
        CheckConstraint("state IN ('pending', 'accepted', 'declined', 'revoked', 'expired')", name="state_check"),
        Index("invitations_address", "email_key", postgresql_where=text("state = 'pending'")),
        Index("invitations_due", "expires_at", postgresql_where=text("state = 'pending'")),
        Index(
            "invitations_pending",
            "tenant_id",
            "project_id",
            "email_key",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("state = 'pending'"),
        ),
        Index("invitations_tenant", "tenant_id", text("id DESC")),
    )

    id: Mapped[InvitationId] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[TenantId] = mapped_column(ForeignKey("auth.tenants.id"))
    project_id: Mapped[ProjectId | None] = mapped_column(ForeignKey("auth.projects.id"))
    email: Mapped[str]
    email_key: Mapped[str]
    role: Mapped[str]
    state: Mapped[str]
    invited_by: Mapped[UUID]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime]
    sent_count: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    expires_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[UUID | None]
    version: Mapped[int] = mapped_column(server_default=text("1"))
