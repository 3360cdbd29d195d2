"""The tables of the inbox: what each consumer has taken in."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.shared.db.base import Base


class ConsumerLease(Base):
    """Which process runs a consumer that must run once."""

    __tablename__ = "consumer_leases"

    consumer: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    expires_at: Mapped[datetime]


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
