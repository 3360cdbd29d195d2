"""Service accounts, their credentials and tokens, and the keys that sign them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domains.auth.contracts import ServiceAccountId
from app.shared.db.base import Base
from app.shared.ids import ProjectId, TenantId, UserId, new_id


class ServiceAccount(Base):
    """A program of one project, and the person who answers for it."""

    __tablename__ = "service_accounts"
    __table_args__ = (
        CheckConstraint("length(name) BETWEEN 1 AND 100", name="name_check"),
        UniqueConstraint("tenant_id", "name"),
    )

    id: Mapped[ServiceAccountId] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[TenantId] = mapped_column(ForeignKey("auth.tenants.id"))
    project_id: Mapped[ProjectId] = mapped_column(ForeignKey("auth.projects.id"))
    name: Mapped[str]
    created_by: Mapped[UUID]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(server_default=text("1"))
    sponsor_id: Mapped[UserId]
    unsponsored_at: Mapped[datetime | None]


class ServiceAccountCredential(Base):
    """The secret of a service account, as its hash."""

    __tablename__ = "service_account_credentials"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    service_account_id: Mapped[ServiceAccountId] = mapped_column(ForeignKey("auth.service_accounts.id"))
    secret_hash: Mapped[bytes]
    created_by: Mapped[UUID]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class ServiceAccountToken(Base):
    """An access token that was issued for a credential."""

    __tablename__ = "service_account_tokens"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    credential_id: Mapped[UUID] = mapped_column(ForeignKey("auth.service_account_credentials.id"))
    service_account_id: Mapped[ServiceAccountId] = mapped_column(ForeignKey("auth.service_accounts.id"))
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class SigningKey(Base):
    """The keys that sign access tokens; the private half is wrapped."""

    __tablename__ = "signing_keys"
    __table_args__ = (CheckConstraint("algorithm = 'Ed25519'", name="algorithm_check"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    algorithm: Mapped[str]
    public_jwk: Mapped[dict[str, object]]
    wrapped_private: Mapped[bytes]
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]
