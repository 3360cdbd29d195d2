"""Inbox, preferences, feed of events, webhooks."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.shared.db.base import Base
from app.shared.ids import ProjectId, TenantId, UserId, new_id


class InboxItem(Base):
    """What a person is shown of an event."""

    __tablename__ = "inbox_items"
    __table_args__ = (
        UniqueConstraint("event_id", "user_id"),
        Index("inbox_items_age", "created_at"),
        Index("inbox_items_list", "user_id", "tenant_id", text("id DESC")),
        Index("inbox_items_unread", "user_id", "tenant_id", text("id DESC"), postgresql_where=text("read_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UserId]
    tenant_id: Mapped[TenantId]
    project_id: Mapped[ProjectId | None]
    event_id: Mapped[UUID]
    kind: Mapped[str]
    subject_id: Mapped[UUID]
    data: Mapped[dict[str, object]] = mapped_column("facts")
    occurred_at: Mapped[datetime]
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]


class Preference(Base):
    """What a person wants to hear of, and by which way."""

    __tablename__ = "preferences"

    user_id: Mapped[UserId] = mapped_column(primary_key=True)
    choices: Mapped[dict[str, object]]
    version: Mapped[int] = mapped_column(server_default=text("1"))
    updated_at: Mapped[datetime]


class FeedEvent(Base):
    """The events of an organisation in the order that programs read them in."""

    __tablename__ = "feed_events"
    __table_args__ = (
        UniqueConstraint("id"),
        Index("feed_events_age", "created_at"),
    )

    tenant_id: Mapped[TenantId] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID]
    domain: Mapped[str]
    kind: Mapped[str]
    project_id: Mapped[ProjectId | None]
    data: Mapped[dict[str, object]] = mapped_column("facts")
    occurred_at: Mapped[datetime]
    created_at: Mapped[datetime]


class FeedHead(Base):
    """The last position of the feed of an organisation."""

    __tablename__ = "feed_heads"

    tenant_id: Mapped[TenantId] = mapped_column(primary_key=True)
    position: Mapped[int]


class WebhookEndpoint(Base):
    """Where an organisation wants its events sent."""

    __tablename__ = "webhook_endpoints"
    __table_args__ = (
        CheckConstraint("(wrapped_previous_secret IS NULL) = (previous_secret_until IS NULL)", name="check"),
        CheckConstraint("length(description) <= 200", name="description_check"),
        CheckConstraint("state IN ('enabled', 'disabled')", name="state_check"),
        CheckConstraint("length(url) BETWEEN 8 AND 2000", name="url_check"),
        Index("webhook_endpoints_tenant", "tenant_id", text("id DESC"), postgresql_where=text("deleted_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[TenantId]
    url: Mapped[str]
    description: Mapped[str]
    kinds: Mapped[list[str]]
    state: Mapped[str] = mapped_column(server_default="enabled")
    disabled_reason: Mapped[str | None]
    wrapped_secret: Mapped[bytes]
    wrapped_previous_secret: Mapped[bytes | None]
    previous_secret_until: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]
    created_by: Mapped[UUID | None]
    version: Mapped[int] = mapped_column(server_default=text("1"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
    sponsor_id: Mapped[UserId | None]


class WebhookDelivery(Base):
    """One event for one endpoint."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        CheckConstraint("(state = 'queued') = (ended_at IS NULL)", name="check"),
        CheckConstraint("state IN ('queued', 'delivered', 'failed')", name="state_check"),
        UniqueConstraint("endpoint_id", "message_id"),
        Index("webhook_deliveries_age", "created_at"),
        Index("webhook_deliveries_due", "due_at", postgresql_where=text("state = 'queued'")),
        Index("webhook_deliveries_list", "endpoint_id", text("id DESC")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    endpoint_id: Mapped[UUID] = mapped_column(ForeignKey("notification.webhook_endpoints.id"))
    tenant_id: Mapped[TenantId]
    message_id: Mapped[UUID]
    kind: Mapped[str]
    body: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="queued")
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class WebhookAttempt(Base):
    """One request of a delivery, and the answer."""

    __tablename__ = "webhook_attempts"
    __table_args__ = (
        CheckConstraint("length(answer) <= 4096", name="answer_check"),
        Index("webhook_attempts_delivery", "delivery_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    delivery_id: Mapped[UUID] = mapped_column(ForeignKey("notification.webhook_deliveries.id", ondelete="CASCADE"))
    started_at: Mapped[datetime]
    milliseconds: Mapped[int] = mapped_column(Integer)
    status: Mapped[int | None] = mapped_column(Integer)
    problem: Mapped[str | None]
    answer: Mapped[str]
