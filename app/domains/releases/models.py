"""SSH certificates, the keys of people, and where those are attached."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domains.releases.contracts import KeyId
from app.shared.db.base import Base
from app.shared.ids import ProjectId, TenantId, UserId, new_id


class SshCertificate(Base):
    """A certificate that was issued, for one login on one machine."""

    __tablename__ = "allocation_ssh_public_keys"
    __table_args__ = (
        CheckConstraint("refused_at IS NULL OR ended_at IS NOT NULL", name="check"),
        CheckConstraint("purpose IN ('terminal', 'probe', 'command_line', 'app')", name="purpose_check"),
        Index("allocation_ssh_public_keys_allocation", "tenant_id", "allocation_id", text("created_at DESC")),
        Index(
            "allocation_ssh_public_keys_ending",
            "allocation_id",
            postgresql_where=text("ended_at IS NOT NULL AND refused_at IS NULL"),
        ),
        Index(
            "allocation_ssh_public_keys_held",
            "tenant_id",
            "user_id",
            postgresql_where=text("purpose = 'command_line' AND ended_at IS NULL"),
        ),
    )

    serial: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    tenant_id: Mapped[TenantId]
    project_id: Mapped[ProjectId]
    allocation_id: Mapped[UUID]
    user_id: Mapped[UserId | None]
    login: Mapped[str]
    principal: Mapped[str]
    purpose: Mapped[str]
    public_key: Mapped[str]
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime]
    created_at: Mapped[datetime]
    session_id: Mapped[UUID | None]
    ended_at: Mapped[datetime | None]
    ended_code: Mapped[str | None]
    refused_at: Mapped[datetime | None]


class KeyAttachment(Base):
    """A key on a machine: whether it is wanted there, and what became of it."""

    __tablename__ = "key_attachments"
    __table_args__ = (
        CheckConstraint("wanted = (state IN ('pending', 'attached', 'failed'))", name="check"),
        CheckConstraint("state IN ('pending', 'attached', 'failed', 'detaching', 'detached')", name="state_check"),
        Index("key_attachments_held", "tenant_id", "owner_id", postgresql_where=text("wanted")),
        Index("key_attachments_key", "key_id"),
        Index(
            "key_attachments_open", "changed_at", postgresql_where=text("state IN ('pending', 'failed', 'detaching')")
        ),
    )

    allocation_id: Mapped[UUID] = mapped_column(primary_key=True)
    key_id: Mapped[KeyId] = mapped_column(ForeignKey("releases.user_ssh_keys.id"), primary_key=True)
    tenant_id: Mapped[TenantId]
    project_id: Mapped[ProjectId]
    owner_id: Mapped[UserId]
    login: Mapped[str]
    wanted: Mapped[bool]
    state: Mapped[str]
    detail: Mapped[str] = mapped_column(server_default="")
    tries: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    changed_at: Mapped[datetime]
    attached_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class UserSshKey(Base):
    """The public key of a person."""

    __tablename__ = "user_ssh_keys"
    __table_args__ = (
        CheckConstraint("length(name) BETWEEN 1 AND 100", name="name_check"),
        Index(
            "user_ssh_keys_fingerprint",
            "owner_id",
            "fingerprint",
            unique=True,
            postgresql_where=text("revoked_at IS NULL"),
        ),
        Index("user_ssh_keys_name", "owner_id", "name", unique=True, postgresql_where=text("revoked_at IS NULL")),
    )

    id: Mapped[KeyId] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[UserId]
    name: Mapped[str]
    algorithm: Mapped[str]
    bits: Mapped[int] = mapped_column(Integer)
    public_key: Mapped[str]
    fingerprint: Mapped[str]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(server_default=text("1"))
