"""Types, prices, images."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domains.inventory.contracts import ImageId, PriceVersionId, SkuId
from app.shared.db.base import Base, Json
from app.shared.ids import new_id
from app.shared.money import RateMicroPerHour


class Sku(Base):
    """A type of machine, as it is described and sold."""

    __tablename__ = "sku_catalog"
    __table_args__ = (
        CheckConstraint("sells_whole OR sells_slots", name="check"),
        CheckConstraint("gpu_count > 0 OR (NOT sells_slots)", name="check1"),
        CheckConstraint("(gpu_count > 0) = (gpu_model IS NOT NULL)", name="check2"),
        CheckConstraint(
            "(gpu_count > 0) = ((gpu_vendor_id IS NOT NULL) AND (gpu_product_id IS NOT NULL))", name="check3"
        ),
        CheckConstraint("code ~ '^[a-z0-9][a-z0-9-]{0,39}$'", name="code_check"),
        CheckConstraint("cpu_count > 0", name="cpu_count_check"),
        CheckConstraint("length(description) <= 500", name="description_check"),
        CheckConstraint("gpu_count BETWEEN 0 AND 64", name="gpu_count_check"),
        CheckConstraint("memory_gib > 0", name="memory_gib_check"),
        CheckConstraint("network_gbps > 0", name="network_gbps_check"),
        CheckConstraint('("position" >= 0) AND ("position" <= 9999)', name="position_check"),
        CheckConstraint("length(title) BETWEEN 1 AND 100", name="title_check"),
        CheckConstraint("vram_gib >= 0", name="vram_gib_check"),
        UniqueConstraint("code"),
    )

    id: Mapped[SkuId] = mapped_column(primary_key=True, default=new_id)
    code: Mapped[str]
    title: Mapped[str]
    gpu_model: Mapped[str | None]
    gpu_vendor_id: Mapped[str | None]
    gpu_product_id: Mapped[str | None]
    gpu_count: Mapped[int] = mapped_column(Integer)
    vram_gib: Mapped[int] = mapped_column(Integer)
    cpu_count: Mapped[int] = mapped_column(Integer)
    memory_gib: Mapped[int] = mapped_column(Integer)
    disks: Mapped[list[dict[str, object]]] = mapped_column(Json)
    network_gbps: Mapped[int] = mapped_column(Integer)
    sells_whole: Mapped[bool]
    sells_slots: Mapped[bool]
    retired_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(server_default=text("1"))
    description: Mapped[str] = mapped_column(server_default="")
    position: Mapped[int] = mapped_column(Integer, server_default=text("100"))
    on_sale: Mapped[bool] = mapped_column(server_default=text("true"))


class SkuPrice(Base):
    """A price from an instant on; rows are only added."""

    __tablename__ = "sku_prices"
    __table_args__ = (
        CheckConstraint("effective_from >= announced_at", name="check"),
        CheckConstraint("seconded_by <> announced_by", name="check1"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_check"),
        CheckConstraint("rate_gpu_micro >= 0", name="rate_gpu_micro_check"),
        CheckConstraint("rate_whole_micro >= 0", name="rate_whole_micro_check"),
        UniqueConstraint("sku_id", "currency", "effective_from"),
    )

    id: Mapped[PriceVersionId] = mapped_column(primary_key=True, default=new_id)
    sku_id: Mapped[SkuId] = mapped_column(ForeignKey("inventory.sku_catalog.id"))
    currency: Mapped[str]
    rate_whole_micro: Mapped[RateMicroPerHour]
    rate_gpu_micro: Mapped[RateMicroPerHour | None]
    effective_from: Mapped[datetime]
    announced_at: Mapped[datetime]
    announced_by: Mapped[UUID | None]
    seconded_by: Mapped[UUID | None]


class PriceWithdrawal(Base):
    """An announced price that does not come into force."""

    __tablename__ = "price_withdrawals"
    __table_args__ = (CheckConstraint("length(reason) BETWEEN 3 AND 500", name="reason_check"),)

    price_id: Mapped[PriceVersionId] = mapped_column(primary_key=True)
    withdrawn_at: Mapped[datetime]
    withdrawn_by: Mapped[UUID | None]
    reason: Mapped[str]


class OsImage(Base):
    """What a machine can be installed with."""

    __tablename__ = "os_images"
    __table_args__ = (
        CheckConstraint("code ~ '^[a-z0-9][a-z0-9./-]{0,59}$'", name="code_check"),
        CheckConstraint("length(title) BETWEEN 1 AND 100", name="title_check"),
        UniqueConstraint("code"),
        UniqueConstraint("osystem", "distro_series"),
        Index("os_images_one_default", "is_default", unique=True, postgresql_where=text("is_default")),
    )

    id: Mapped[ImageId] = mapped_column(primary_key=True, default=new_id)
    code: Mapped[str]
    title: Mapped[str]
    osystem: Mapped[str]
    distro_series: Mapped[str]
    is_default: Mapped[bool] = mapped_column(server_default=text("false"))
    retired_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(server_default=text("1"))
