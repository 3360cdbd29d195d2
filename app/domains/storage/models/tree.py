"""Namespaces, folders, files, and how much room they take."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domains.storage.contracts import ObjectId
from app.shared.db.base import Base
from app.shared.ids import ProjectId, TenantId, new_id


class StorageNamespace(Base):
    """A tree of files of a project."""

    __tablename__ = "storage_namespaces"
    __table_args__ = (
        CheckConstraint("name ~ '^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$'", name="name_check"),
        UniqueConstraint("tenant_id", "project_id", "name"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[TenantId]
    project_id: Mapped[ProjectId]
    name: Mapped[str]
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(server_default=text("1"))


class StorageUsage(Base):
    """The row that quota is decided under: always the sums of objects and open uploads."""

    __tablename__ = "storage_usage"
    __table_args__ = (
        CheckConstraint("bytes >= 0", name="bytes_check"),
        CheckConstraint("objects >= 0", name="objects_check"),
        CheckConstraint("reserved_bytes >= 0", name="reserved_bytes_check"),
        CheckConstraint("reserved_objects >= 0", name="reserved_objects_check"),
        Index("storage_usage_tenant", "tenant_id"),
        {
            "comment": "the row that quota is decided under; always equal to the sums of storage_objects and open "
            "storage_uploads"
        },
    )

    project_id: Mapped[ProjectId] = mapped_column(primary_key=True)
    tenant_id: Mapped[TenantId]
    bytes: Mapped[int] = mapped_column(server_default=text("0"))
    objects: Mapped[int] = mapped_column(server_default=text("0"))
    reserved_bytes: Mapped[int] = mapped_column(server_default=text("0"))
    reserved_objects: Mapped[int] = mapped_column(server_default=text("0"))


class StorageFolder(Base):
    """A folder that exists, also an empty one."""

    __tablename__ = "storage_folders"

    namespace_id: Mapped[UUID] = mapped_column(ForeignKey("storage.storage_namespaces.id"), primary_key=True)
    parent: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]


class StorageObject(Base):
    """A file: visible, deleted but kept, or being purged."""

    __tablename__ = "storage_objects"
    __table_args__ = (
        CheckConstraint("(state = 'visible') = (deleted_at IS NULL)", name="check"),
        CheckConstraint("(state = 'visible') = (purge_at IS NULL)", name="check1"),
        CheckConstraint("size >= 0", name="size_check"),
        CheckConstraint("state IN ('visible', 'deleted', 'purging')", name="state_check"),
        Index(
            "storage_objects_gone",
            "namespace_id",
            text("deleted_at DESC"),
            "id",
            postgresql_where=text("state = 'deleted'"),
        ),
        Index("storage_objects_key", "project_id", "id"),
        Index(
            "storage_objects_name",
            "namespace_id",
            "folder",
            "name",
            unique=True,
            postgresql_where=text("state = 'visible'"),
        ),
        Index("storage_objects_purge", "purge_at", postgresql_where=text("state <> 'visible'")),
        Index(
            "storage_objects_size", "namespace_id", "folder", "size", "id", postgresql_where=text("state = 'visible'")
        ),
        Index(
            "storage_objects_time",
            "namespace_id",
            "folder",
            "created_at",
            "id",
            postgresql_where=text("state = 'visible'"),
        ),
    )

    id: Mapped[ObjectId] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[TenantId]
    project_id: Mapped[ProjectId]
    namespace_id: Mapped[UUID] = mapped_column(ForeignKey("storage.storage_namespaces.id"))
    folder: Mapped[str]
    name: Mapped[str]
    size: Mapped[int]
    content_type: Mapped[str]
    checksum: Mapped[str] = mapped_column(
        comment=(
            "base64 SHA-256 of the bytes, or with -N behind it the SHA-256 of the SHA-256s of N parts of part_size"
        )
    )
    part_size: Mapped[int | None]
    state: Mapped[str]
    damage: Mapped[str | None]
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
    purge_at: Mapped[datetime | None]
    replaced: Mapped[bool] = mapped_column(server_default=text("false"))
    version: Mapped[int] = mapped_column(server_default=text("1"))
