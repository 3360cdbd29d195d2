"""The tables of the inbox: what each consumer has taken in, and what it will be given again."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from app.shared.db.base import Base


class ConsumerLease(Base):
    """Which process runs a consumer that must run once."""

    __tablename__ = "consumer_leases"

    consumer: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    expires_at: Mapped[datetime]


class DeferredEvent(Base):
    """An event that a consumer will be given again: it failed, or waits for an earlier one of its aggregate."""

    __tablename__ = "deferred_events"
    __table_args__ = (Index("deferred_events_aggregate", "consumer", "aggregate_id", "aggregate", "version"),)

    consumer: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    aggregate_id: Mapped[UUID]
    aggregate: Mapped[str]
    version: Mapped[int]
    failures: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    due_at: Mapped[datetime]


class ProcessedEvent(Base):
    """What a consumer has taken in: the same event twice has one effect, an older version none."""

    __tablename__ = "processed_events"
    __table_args__ = (
        Index("processed_events_age", "processed_at", postgresql_using="brin"),
        Index("processed_events_aggregate", "consumer", "aggregate_id", "aggregate", text("version DESC")),
    )

    consumer: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    aggregate_id: Mapped[UUID]
    version: Mapped[int]
    processed_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    aggregate: Mapped[str] = mapped_column(server_default="")
