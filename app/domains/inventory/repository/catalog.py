"""Types and their dated prices. A price row is only ever added; the database refuses everything else."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domains.inventory.contracts import (
    Disk,
    NewPrice,
    NewSku,
    PriceVersionId,
    PriceView,
    SkuId,
    SkuView,
)
from app.domains.inventory.rules import SkuHardware
from app.shared.money import RateMicroPerHour

SKU_COLUMNS = """
    SELECT id, code, title, gpu_model, gpu_vendor_id, gpu_product_id, gpu_count, vram_gib, cpu_count, memory_gib,
           disks, network_gbps, sells_whole, sells_slots, retired_at, description, position, on_sale, version
    FROM inventory.sku_catalog
"""
SKUS_BY_ID = text(SKU_COLUMNS + " WHERE id = ANY(:ids)")
SKU_BY_CODE = text(SKU_COLUMNS + " WHERE code = :code")
SKUS_ON_SALE = text(SKU_COLUMNS + " WHERE retired_at IS NULL AND on_sale ORDER BY position, gpu_count > 0 DESC, code")
SKUS_OF_MACHINES = text(SKU_COLUMNS + " WHERE retired_at IS NULL ORDER BY code")
INSERT_SKU = text("""
    INSERT INTO inventory.sku_catalog (id, code, title, gpu_model, gpu_vendor_id, gpu_product_id, gpu_count, vram_gib,
        cpu_count, memory_gib, disks, network_gbps, sells_whole, sells_slots, created_at)
    VALUES (:id, :code, :title, :gpu_model, :gpu_vendor_id, :gpu_product_id, :gpu_count, :vram_gib, :cpu_count,
        :memory_gib, CAST(:disks AS jsonb), :network_gbps, :sells_whole, :sells_slots, :now)
    ON CONFLICT (code) DO NOTHING RETURNING id
""")
PRICE_COLUMNS = """
    SELECT id, sku_id, currency, rate_whole_micro, rate_gpu_micro, effective_from FROM inventory.sku_prices
"""
PRICES = text(
    PRICE_COLUMNS
    + """
    WHERE sku_id = ANY(:ids) AND currency = :currency
      AND NOT EXISTS (SELECT FROM inventory.price_withdrawals w WHERE w.price_id = sku_prices.id)
    ORDER BY sku_id, effective_from
    """
)
PRICES_AT = text("""
    SELECT p.id, p.sku_id, p.currency, p.rate_whole_micro, p.rate_gpu_micro, p.effective_from
    FROM unnest(CAST(:ids AS uuid[])) AS wanted (sku_id)
    CROSS JOIN LATERAL (SELECT * FROM inventory.sku_prices q
                        WHERE q.sku_id = wanted.sku_id AND q.currency = :currency AND q.effective_from <= :at
                          AND NOT EXISTS (SELECT FROM inventory.price_withdrawals w WHERE w.price_id = q.id)
                        ORDER BY q.effective_from DESC LIMIT 1) p
""")
INSERT_PRICE = text("""
    INSERT INTO inventory.sku_prices (id, sku_id, currency, rate_whole_micro, rate_gpu_micro, effective_from,
        announced_at, announced_by, seconded_by)
    VALUES (:id, :sku_id, :currency, :rate_whole, :rate_gpu, :effective_from, :now, :actor_id, :seconded_by)
    ON CONFLICT (sku_id, currency, effective_from) DO NOTHING RETURNING id
""")


async def list_skus(session: AsyncSession) -> list[SkuView]:
    """Types on sale: those with GPUs first."""
    return [view(row) for row in await session.execute(SKUS_ON_SALE)]


async def list_hardware(session: AsyncSession) -> list[SkuHardware]:
    """What types say about their machines; also those that are off sale."""
    return [
        SkuHardware(
            id=SkuId(row.id),
            code=row.code,
            gpu_vendor_id=row.gpu_vendor_id,
            gpu_product_id=row.gpu_product_id,
            gpu_count=row.gpu_count,
            cpu_count=row.cpu_count,
            memory_gib=row.memory_gib,
        )
        for row in await session.execute(SKUS_OF_MACHINES)
    ]


async def skus_by_id(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, SkuView]:
    """Types by id, retired ones too."""
    return {row.id: view(row) for row in await session.execute(SKUS_BY_ID, {"ids": list(ids)})}


async def find_sku(session: AsyncSession, code: str) -> SkuView | None:
    """A type by its code, retired ones too."""
    row = (await session.execute(SKU_BY_CODE, {"code": code})).one_or_none()
    return None if row is None else view(row)


async def append_sku(session: AsyncSession, sku_id: UUID, new: NewSku, now: datetime) -> bool:
    """Whether the type was added; False when the code exists."""
    values = msgspec.structs.asdict(new) | {"id": sku_id, "now": now, "disks": msgspec.json.encode(new.disks).decode()}
    return await session.scalar(INSERT_SKU, values) is not None


async def list_prices(session: AsyncSession, sku_ids: Sequence[UUID], currency: str) -> dict[UUID, list[PriceView]]:
    """All prices of the types, past and announced, oldest first."""
    found: dict[UUID, list[PriceView]] = {}
    for row in await session.execute(PRICES, {"ids": list(sku_ids), "currency": currency}):
        found.setdefault(row.sku_id, []).append(_price(row))
    return found


async def prices_at(
    session: AsyncSession, sku_ids: Sequence[UUID], currency: str, at: datetime
) -> dict[UUID, PriceView]:
    """The price of each type in force at `at`; without one it is absent."""
    rows = await session.execute(PRICES_AT, {"ids": list(sku_ids), "currency": currency, "at": at})
    return {row.sku_id: _price(row) for row in rows}


async def append_price(
    session: AsyncSession, price_id: UUID, sku_id: UUID, new: NewPrice, effective_from: datetime, now: datetime,
    actor_id: UUID | None, seconded_by: UUID | None,
) -> bool:  # fmt: skip
    """Whether the price was added; False when another one starts at the same instant."""
    values = {
        "id": price_id,
        "sku_id": sku_id,
        "currency": new.currency,
        "rate_whole": new.rate_whole,
        "rate_gpu": new.rate_gpu,
        "effective_from": effective_from,
        "now": now,
        "actor_id": actor_id,
        "seconded_by": seconded_by,
    }
    return await session.scalar(INSERT_PRICE, values) is not None


def view(row: Row[tuple[object, ...]]) -> SkuView:
    return SkuView(
        id=SkuId(row.id),
        code=row.code,
        title=row.title,
        gpu_model=row.gpu_model,
        gpu_count=row.gpu_count,
        vram_gib=row.vram_gib,
        cpu_count=row.cpu_count,
        memory_gib=row.memory_gib,
        disks=msgspec.convert(row.disks, tuple[Disk, ...]),
        network_gbps=row.network_gbps,
        sells_whole=row.sells_whole,
        sells_slots=row.sells_slots,
        retired=row.retired_at is not None,
        description=row.description,
        position=row.position,
        on_sale=row.on_sale,
        version=row.version,
    )


def _price(row: Row[tuple[object, ...]]) -> PriceView:
    return PriceView(
        price_version_id=PriceVersionId(row.id),
        sku_id=SkuId(row.sku_id),
        currency=row.currency,
        rate_whole=RateMicroPerHour(row.rate_whole_micro),
        rate_gpu=None if row.rate_gpu_micro is None else RateMicroPerHour(row.rate_gpu_micro),
        effective_from=row.effective_from,
    )
