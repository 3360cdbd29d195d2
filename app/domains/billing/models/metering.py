"""Metering, and the levels of the runway."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Identity, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domains.billing.contracts import TransactionId
from app.shared.db.base import Base
from app.shared.ids import ProjectId, TenantId, new_id
from app.shared.money import Micro, RateMicroPerHour


class MeteredAllocation(Base):
    """What is metered: rate, and from when to when."""

    __tablename__ = "metered_allocations"
    __table_args__ = (
        CheckConstraint("ended_at >= metered_from", name="check"),
        CheckConstraint("num_nulls(metered_from, sku_id, price_version_id, rate) IN (0, 4)", name="check1"),
        CheckConstraint("gpus >= 0", name="gpus_check"),
        CheckConstraint("date_trunc('second', metered_from, 'UTC') = metered_from", name="metered_from_check"),
        CheckConstraint("rate >= 0", name="rate_check"),
        Index(
            "metered_allocations_active",
            "tenant_id",
            postgresql_where=text("metered_from IS NOT NULL AND ended_at IS NULL"),
        ),
        Index(
            "metered_allocations_period", "tenant_id", "metered_from", postgresql_where=text("metered_from IS NOT NULL")
        ),
        Index(
            "metered_allocations_starting",
            "tenant_id",
            postgresql_where=text("metered_from IS NULL AND ended_at IS NULL"),
        ),
        Index("metered_allocations_ended", "tenant_id", "ended_at", postgresql_where=text("metered_from IS NOT NULL")),
        Index("metered_allocations_tenant", "tenant_id", "allocation_id"),
    )

    allocation_id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[TenantId]
    project_id: Mapped[ProjectId]
    label: Mapped[str] = mapped_column(server_default="")
    currency: Mapped[str]
    sku_id: Mapped[UUID | None]
    price_version_id: Mapped[UUID | None]
    rate: Mapped[RateMicroPerHour | None]
    metered_from: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(server_default=text("1"))
    created_at: Mapped[datetime]
    gpus: Mapped[int] = mapped_column(Integer, server_default=text("0"))


class UsageRecord(Base):
    """Seconds of use and their price, without gaps and overlaps for an allocation. Rows are only added."""

    __tablename__ = "usage_records"
    __table_args__ = (
        CheckConstraint("EXTRACT(epoch FROM (to_at - from_at)) = (seconds)::numeric", name="check"),
        CheckConstraint(
            "amount = (billing.charge(rate, (elapsed + seconds)) - billing.charge(rate, elapsed))", name="check1"
        ),
        CheckConstraint("amount = 0 OR transaction_id IS NOT NULL", name="check2"),
        CheckConstraint("elapsed >= 0", name="elapsed_check"),
        CheckConstraint("rate >= 0", name="rate_check"),
        CheckConstraint("seconds > 0", name="seconds_check"),
        Index(
            "usage_records_tile",
            "allocation_id",
            "from_at",
            unique=True,
            postgresql_include=["to_at", "elapsed", "seconds"],
        ),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    from_at: Mapped[datetime] = mapped_column(primary_key=True)
    to_at: Mapped[datetime]
    elapsed: Mapped[int]
    seconds: Mapped[int]
    rate: Mapped[RateMicroPerHour]
    amount: Mapped[Micro]
    allocation_id: Mapped[UUID]
    tenant_id: Mapped[TenantId]
    project_id: Mapped[ProjectId]
    sku_id: Mapped[UUID]
    price_version_id: Mapped[UUID]
    transaction_id: Mapped[TransactionId | None]


class DailyUsage(Base):
    """Usage of a closed day, by project and type. Derived from the meters; a row never changes."""

    __tablename__ = "daily_usage"
    __table_args__ = (
        CheckConstraint("seconds > 0", name="seconds_check"),
        CheckConstraint("machines > 0", name="machines_check"),
        CheckConstraint("started BETWEEN 0 AND machines", name="check"),
    )

    tenant_id: Mapped[TenantId] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    project_id: Mapped[ProjectId] = mapped_column(primary_key=True)
    sku_id: Mapped[UUID] = mapped_column(primary_key=True)
    seconds: Mapped[int]
    gpu_seconds: Mapped[int]
    amount: Mapped[Micro]
    machines: Mapped[int] = mapped_column(Integer)
    started: Mapped[int] = mapped_column(Integer)


class DailyUsageProgress(Base):
    """The first open day of an organisation in its calendar, when it begins, and when it ends."""

    __tablename__ = "daily_usage_progress"
    __table_args__ = (
        CheckConstraint("(open_from IS NULL) = (open_at IS NULL)", name="check"),
        Index("daily_usage_progress_due", "closes_at"),
    )

    tenant_id: Mapped[TenantId] = mapped_column(primary_key=True)
    time_zone: Mapped[str] = mapped_column(server_default="UTC")
    open_from: Mapped[date | None]
    open_at: Mapped[datetime | None]
    closes_at: Mapped[datetime] = mapped_column(server_default=text("'1970-01-01 00:00:00+00'"))


class WriteOff(Base):
    """Use that no money covered, by organisation and time. Written with its transaction; rows are only added."""

    __tablename__ = "write_offs"
    __table_args__ = (CheckConstraint("amount > 0", name="amount_check"),)

    tenant_id: Mapped[TenantId] = mapped_column(primary_key=True)
    occurred_at: Mapped[datetime] = mapped_column(primary_key=True)
    transaction_id: Mapped[TransactionId] = mapped_column(primary_key=True)
    amount: Mapped[Micro]


class LowBalanceEvent(Base):
    """When an organisation crossed a level of its runway."""

    __tablename__ = "low_balance_events"
    __table_args__ = (
        CheckConstraint("level IN ('fine', 'notice', 'warning', 'critical', 'exhausted')", name="level_check"),
        Index("low_balance_events_latest", "tenant_id", text("id DESC")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[TenantId]
    level: Mapped[str]
    runway_seconds: Mapped[int | None]
    funds: Mapped[Micro]
    burn: Mapped[int]
    occurred_at: Mapped[datetime]
