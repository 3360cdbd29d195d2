"""Uploads, links, copies, and comparisons with S3."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domains.storage.contracts import ObjectId
from app.shared.db.base import Base, Json
from app.shared.ids import ProjectId, TenantId, new_id


class StorageUpload(Base):
    """An upload that has begun, in one piece or in parts."""

    __tablename__ = "storage_uploads"
    __table_args__ = (
        CheckConstraint("(part_size IS NULL) = (sha256 IS NOT NULL)", name="check"),
        CheckConstraint("size >= 0", name="size_check"),
        CheckConstraint("state IN ('open', 'ended')", name="state_check"),
        Index("storage_uploads_expiry", "expires_at"),
        Index(
            "storage_uploads_open",
            "tenant_id",
            "project_id",
            "namespace_id",
            "id",
            postgresql_where=text("state = 'open'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id, comment="becomes the id of the object")
    tenant_id: Mapped[TenantId]
    project_id: Mapped[ProjectId]
    namespace_id: Mapped[UUID] = mapped_column(ForeignKey("storage.storage_namespaces.id"))
    folder: Mapped[str]
    name: Mapped[str]
    size: Mapped[int]
    content_type: Mapped[str]
    sha256: Mapped[str | None]
    part_size: Mapped[int | None]
    s3_upload_id: Mapped[str | None]
    overwrite: Mapped[bool]
    state: Mapped[str]
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class StorageUploadPart(Base):
    """A part that has arrived."""

    __tablename__ = "storage_upload_parts"
    __table_args__ = (CheckConstraint("number BETWEEN 1 AND 10000", name="number_check"),)

    upload_id: Mapped[UUID] = mapped_column(
        ForeignKey("storage.storage_uploads.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    sha256: Mapped[str]


class StorageLink(Base):
    """A link that lets anybody read a file, for a while."""

    __tablename__ = "storage_links"
    __table_args__ = (
        CheckConstraint("(ended_at IS NULL) = (ended_code IS NULL)", name="check"),
        Index("storage_links_live", "expires_at", postgresql_where=text("ended_at IS NULL")),
        Index("storage_links_object", "object_id", "expires_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[TenantId]
    project_id: Mapped[ProjectId]
    object_id: Mapped[ObjectId] = mapped_column(ForeignKey("storage.storage_objects.id", ondelete="CASCADE"))
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[UUID | None]
    ended_code: Mapped[str | None]


class StorageCopy(Base):
    """A copy of a file to a machine."""

    __tablename__ = "storage_copies"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'in_progress', 'active', 'failed')", name="state_check"),
        Index("storage_copies_live", "beat_at", postgresql_where=text("ended_at IS NULL")),
        Index("storage_copies_machine", "tenant_id", "project_id", "allocation_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[TenantId]
    project_id: Mapped[ProjectId]
    object_id: Mapped[ObjectId]
    allocation_id: Mapped[UUID]
    machine: Mapped[str]
    label: Mapped[str]
    target: Mapped[str]
    size: Mapped[int]
    done: Mapped[int] = mapped_column(server_default=text("0"))
    state: Mapped[str] = mapped_column(comment="active means done well, as in every timeline")
    problem: Mapped[str | None]
    target_data: Mapped[dict[str, object] | None] = mapped_column("place")  # no longer read or written
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime]
    heartbeat_at: Mapped[datetime] = mapped_column("beat_at")
    ended_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(server_default=text("1"))


class StorageReport(Base):
    """A comparison of S3 with our rows."""

    __tablename__ = "storage_reports"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    objects_seen: Mapped[int]
    rows_seen: Mapped[int]
    orphans: Mapped[int]
    orphan_bytes: Mapped[int]
    removed: Mapped[int]
    missing: Mapped[int]
    size_differs: Mapped[int]
    healed: Mapped[int]
    uploads_aborted: Mapped[int]
    usage_corrected: Mapped[int]
    samples: Mapped[object] = mapped_column(Json)
