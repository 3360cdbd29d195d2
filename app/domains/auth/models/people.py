"""People, what they sign in with, and their sessions."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, Sequence, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domains.auth.contracts import SessionId
from app.shared.db.base import Base
from app.shared.ids import ProjectId, TenantId, UserId, new_id

POSIX_UIDS = Sequence(
    "posix_uids", start=20_001, minvalue=20_001, maxvalue=59_999, schema="auth", metadata=Base.metadata
)


class User(Base):
    """A person."""

    __tablename__ = "users"
    __table_args__ = (
        UniqueConstraint("issuer", "subject"),
        Index("users_email_key", "email_key"),
    )

    id: Mapped[UserId] = mapped_column(primary_key=True, default=new_id)
    issuer: Mapped[str | None]
    subject: Mapped[str | None]
    email: Mapped[str]
    email_verified: Mapped[bool]
    name: Mapped[str]
    created_at: Mapped[datetime]
    last_login_at: Mapped[datetime]
    suspended_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(server_default=text("1"))
    email_key: Mapped[str] = mapped_column(server_default="")
    suspended_reason: Mapped[str | None]


class UserIdentity(Base):
    """What a person signs in with: issuer and subject, found by their hash."""

    __tablename__ = "identities"
    __table_args__ = (Index("identities_user", "user_id"),)

    key: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[UserId] = mapped_column(ForeignKey("auth.users.id"))
    issuer: Mapped[str]
    subject: Mapped[str]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime]


class UserPosixIdentity(Base):
    """The login and the number that a person has on every machine."""

    __tablename__ = "user_posix_identities"
    __table_args__ = (
        CheckConstraint("login ~ '^[a-z][a-z0-9_-]{0,30}$'", name="login_check"),
        UniqueConstraint("login"),
        UniqueConstraint("uid"),
    )

    user_id: Mapped[UserId] = mapped_column(ForeignKey("auth.users.id"), primary_key=True)
    login: Mapped[str]
    uid: Mapped[int] = mapped_column(Integer, server_default=POSIX_UIDS.next_value())


class OidcSession(Base):
    """A sign-in, of a browser or of the command line."""

    __tablename__ = "oidc_sessions"
    __table_args__ = (
        CheckConstraint("method IN ('oidc', 'internal', 'cli')", name="method_check"),
        UniqueConstraint("token_hash"),
        Index("oidc_sessions_place", "tenant_id", "user_id"),
        Index("oidc_sessions_user", "user_id", text("created_at DESC")),
    )

    id: Mapped[SessionId] = mapped_column(primary_key=True, default=new_id)
    token_hash: Mapped[bytes]
    user_id: Mapped[UserId] = mapped_column(ForeignKey("auth.users.id"))
    tenant_id: Mapped[TenantId | None]
    project_id: Mapped[ProjectId | None]
    method: Mapped[str]
    user_agent: Mapped[str]
    address: Mapped[str]
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_reason: Mapped[str | None]


class ViewAs(Base):
    """An operator looking at an organisation as its members see it."""

    __tablename__ = "views_as"
    __table_args__ = (
        CheckConstraint("expires_at > started_at", name="check"),
        CheckConstraint("length(reason) BETWEEN 3 AND 500", name="reason_check"),
        Index("views_as_open", "session_id", unique=True, postgresql_where=text("ended_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    session_id: Mapped[SessionId] = mapped_column(ForeignKey("auth.oidc_sessions.id"))
    operator_id: Mapped[UserId] = mapped_column(ForeignKey("auth.users.id"))
    tenant_id: Mapped[TenantId] = mapped_column(ForeignKey("auth.tenants.id"))
    project_id: Mapped[ProjectId | None] = mapped_column(ForeignKey("auth.projects.id"))
    reason: Mapped[str]
    started_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class AuthorizationCode(Base):
    """A code that the command line exchanges for a session, once."""

    __tablename__ = "authorization_codes"
    __table_args__ = (Index("authorization_codes_expiry", "expires_at"),)

    code_hash: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[UserId] = mapped_column(ForeignKey("auth.users.id"))
    tenant_id: Mapped[TenantId | None]
    project_id: Mapped[ProjectId | None]
    redirect_uri: Mapped[str]
    code_challenge: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    session_id: Mapped[SessionId | None]


class RefreshToken(Base):
    """What renews a session of the command line; each works once."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (Index("refresh_tokens_session", "session_id"),)

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    session_id: Mapped[SessionId] = mapped_column(ForeignKey("auth.oidc_sessions.id"))
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
