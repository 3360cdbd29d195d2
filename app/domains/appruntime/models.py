"""Apps: manifests, instances, members, events."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domains.appruntime.contracts import AppId, ManifestId
from app.shared.db.base import Base
from app.shared.ids import ProjectId, TenantId, UserId, new_id


class AppManifest(Base):
    """A version of an app, as it was published; it never changes."""

    __tablename__ = "app_manifests"
    __table_args__ = (
        CheckConstraint("kind = 'web'", name="kind_check"),
        UniqueConstraint("slug", "version"),
        {"comment": "a published version never changes"},
    )

    id: Mapped[ManifestId] = mapped_column(primary_key=True, default=new_id)
    slug: Mapped[str]
    version: Mapped[str]
    title: Mapped[str]
    summary: Mapped[str]
    kind: Mapped[str]
    body: Mapped[dict[str, object]]
    published_at: Mapped[datetime]


class AppInstance(Base):
    """An app on a machine."""

    __tablename__ = "app_instances"
    __table_args__ = (
        CheckConstraint("(ended_at IS NULL) = (state <> 'released')", name="check"),
        CheckConstraint("handle ~ '^[0-9a-f]{12}$'", name="handle_check"),
        CheckConstraint(
            "state IN ('requested', 'installing', 'starting', 'running', 'stopping', 'stopped', 'failed', 'released')",
            name="state_check",
        ),
        CheckConstraint("wanted IN ('running', 'stopped', 'released')", name="wanted_check"),
        UniqueConstraint("handle"),
        Index("app_instances_machine", "allocation_id", postgresql_where=text("ended_at IS NULL")),
        Index(
            "app_instances_name",
            "tenant_id",
            "project_id",
            "name",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("app_instances_project", "tenant_id", "project_id", text("id DESC")),
    )

    id: Mapped[AppId] = mapped_column(primary_key=True, default=new_id)
    handle: Mapped[str] = mapped_column(comment="its folder on the machine and its host name")
    tenant_id: Mapped[TenantId]
    project_id: Mapped[ProjectId]
    allocation_id: Mapped[UUID]
    user_id: Mapped[UserId]
    manifest_id: Mapped[ManifestId] = mapped_column(ForeignKey("appruntime.app_manifests.id"))
    slug: Mapped[str]
    manifest_version: Mapped[str]
    title: Mapped[str]
    name: Mapped[str]
    login: Mapped[str]
    state: Mapped[str]
    wanted: Mapped[str]
    run: Mapped[int] = mapped_column(Integer)
    state_changed_at: Mapped[datetime]
    exit_code: Mapped[int | None] = mapped_column(Integer)
    failure_text: Mapped[str | None]
    correlation_id: Mapped[str]
    requested_at: Mapped[datetime]
    running_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(server_default=text("1"))


class AppInstanceMember(Base):
    """Who may use an app."""

    __tablename__ = "app_instance_members"
    __table_args__ = (
        CheckConstraint("role IN ('owner', 'user', 'viewer')", name="role_check"),
        Index("app_instance_members_person", "tenant_id", "project_id", "user_id"),
    )

    app_id: Mapped[AppId] = mapped_column(ForeignKey("appruntime.app_instances.id"), primary_key=True)
    tenant_id: Mapped[TenantId]
    project_id: Mapped[ProjectId]
    user_id: Mapped[UserId] = mapped_column(primary_key=True)
    role: Mapped[str]
    added_at: Mapped[datetime]


class AppInstanceEvent(Base):
    """A step of a start or a stop of an app."""

    __tablename__ = "app_instance_events"
    __table_args__ = (
        CheckConstraint("state IN ('in_progress', 'active', 'failed', 'ended')", name="state_check"),
        UniqueConstraint("app_id", "run", "step"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[TenantId]
    project_id: Mapped[ProjectId]
    app_id: Mapped[AppId] = mapped_column(ForeignKey("appruntime.app_instances.id"))
    run: Mapped[int] = mapped_column(Integer)
    step: Mapped[str]
    label: Mapped[str]
    state: Mapped[str]
    detail: Mapped[str] = mapped_column(server_default="")
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
