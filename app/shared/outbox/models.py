"""The tables of the outbox."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Integer, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.shared.db.base import Base, Xid8
from app.shared.ids import ProjectId, TenantId, new_id


class OutboxEvent(Base):
    """What must follow from a transaction: an event, a job or a call of a workflow, written with it."""

    __tablename__ = "outbox_events"
    __table_args__ = (
        CheckConstraint("kind IN ('event', 'job', 'workflow')", name="kind_check"),
        CheckConstraint("shard BETWEEN 0 AND 15", name="shard_check"),
        Index("outbox_events_pending", "kind", "shard", "id", postgresql_where=text("published_at IS NULL")),
        Index(
            "outbox_events_published",
            "published_at",
            "stream_sequence",
            postgresql_using="brin",
            postgresql_with={"pages_per_range": "32", "autosummarize": "on"},
        ),
        Index("outbox_events_committed", "xid", postgresql_where=text("published_at IS NULL")),
        {"postgresql_partition_by": "RANGE (created_at)"},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(primary_key=True, server_default=text("clock_timestamp()"))
    kind: Mapped[str]
    name: Mapped[str]
    aggregate_id: Mapped[UUID]
    shard: Mapped[int] = mapped_column(SmallInteger)
    version: Mapped[int]
    payload: Mapped[dict[str, object]]
    tenant_id: Mapped[TenantId | None]
    project_id: Mapped[ProjectId | None]
    correlation_id: Mapped[str]
    causation_id: Mapped[str | None]
    due_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    last_error: Mapped[str | None]
    published_at: Mapped[datetime | None]
    stream_sequence: Mapped[int | None]
    xid: Mapped[int | None] = mapped_column(Xid8, server_default=text("pg_current_xact_id()"))  # who made it pending


class OutboxLease(Base):
    """Which relay works on which of the sixteen shards, and until when."""

    __tablename__ = "outbox_leases"
    __table_args__ = (CheckConstraint("shard BETWEEN 0 AND 15", name="shard_check"),)

    shard: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    owner: Mapped[str | None]
    token: Mapped[int] = mapped_column(server_default=text("0"))
    expires_at: Mapped[datetime] = mapped_column(server_default=text("'-infinity'::timestamp with time zone"))


class DeadLetter(Base):
    """Messages that nobody could process, kept for an operator."""

    __tablename__ = "dead_letters"
    __table_args__ = (
        UniqueConstraint("source", "message_id"),
        Index("dead_letters_newest", text("created_at DESC"), text("id DESC")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    source: Mapped[str]
    name: Mapped[str]
    message_id: Mapped[UUID | None]
    body: Mapped[dict[str, object]]
    error: Mapped[str]
    attempts: Mapped[int] = mapped_column(Integer)
    correlation_id: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    redriven_at: Mapped[datetime | None]
    discarded_at: Mapped[datetime | None]
