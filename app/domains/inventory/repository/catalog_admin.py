"""The catalog for operators: all types, every price and who announced it, images and the nodes where they are warm."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domains.inventory.contracts import ImageView, SkuView
from app.domains.inventory.repository import catalog, images
from app.domains.inventory.repository.catalog import SKU_COLUMNS
from app.domains.inventory.rules.pricing import PriceEntry
from app.shared.authz import PlatformScope


class UseOfType(msgspec.Struct, frozen=True, kw_only=True):
    """Machines of a type, how many of them are free, and how many rentals run on them."""

    machines: int
    free: int
    rentals: int


class WarmNode(msgspec.Struct, frozen=True, kw_only=True):
    """An image that a node of the type has deployed before."""

    node_id: UUID
    hostname: str
    image_code: str
    last_used_at: datetime


class AdminImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image, and on how many nodes it is warm."""

    image: ImageView
    warm_nodes: int


ALL_SKUS = text(SKU_COLUMNS + " ORDER BY position, gpu_count > 0 DESC, code")
LOCK_SKU = text(SKU_COLUMNS + " WHERE code = :code FOR UPDATE")
UPDATE_SKU = text("""
    UPDATE inventory.sku_catalog
    SET title = :title, description = :description, position = :position, on_sale = :on_sale, version = version + 1
    WHERE id = :id RETURNING version
""")
NODES_OF = text("SELECT sku_id, count(*) AS nodes FROM inventory.nodes WHERE state <> 'retired' GROUP BY sku_id")
ENTRY_COLUMNS = """
    SELECT p.id AS price_version_id, p.sku_id, p.currency, p.rate_whole_micro AS rate_whole,
           p.rate_gpu_micro AS rate_gpu, p.effective_from, p.announced_at, p.announced_by, w.withdrawn_at,
           w.reason AS withdraw_reason, p.seconded_by
    FROM inventory.sku_prices p LEFT JOIN inventory.price_withdrawals w ON w.price_id = p.id
"""
ENTRIES = text(ENTRY_COLUMNS + " WHERE p.sku_id = ANY(:ids) ORDER BY p.sku_id, p.currency, p.effective_from")
ENTRY = text(ENTRY_COLUMNS + " WHERE p.id = :id")
WITHDRAW = text("""
    INSERT INTO inventory.price_withdrawals (price_id, withdrawn_at, withdrawn_by, reason)
    VALUES (:id, :now, :actor_id, :reason) ON CONFLICT (price_id) DO NOTHING
""")
USE = text("""
    SELECT count(*) AS machines, count(*) FILTER (WHERE held.taken = 0 AND n.state = 'ready') AS free,
           coalesce(sum(held.rentals), 0)::bigint AS rentals
    FROM inventory.nodes n
    CROSS JOIN LATERAL (SELECT count(s.allocation_id) AS taken, count(DISTINCT s.allocation_id) AS rentals
                        FROM inventory.node_resource_slots s WHERE s.node_id = n.id) held
    WHERE n.sku_id = :sku_id AND n.state <> 'retired'
""")
ALL_IMAGES = text("""
    SELECT i.id, i.code, i.title, i.osystem, i.distro_series, i.is_default, i.retired_at, i.version,
           (SELECT count(*) FROM inventory.node_image_cache c WHERE c.image_id = i.id) AS warm
    FROM inventory.os_images i ORDER BY i.retired_at IS NOT NULL, i.is_default DESC, i.code
""")
LOCK_IMAGE = text("""
    SELECT id, code, title, osystem, distro_series, is_default, retired_at, version FROM inventory.os_images
    WHERE id = :id FOR UPDATE
""")
UPDATE_IMAGE = text("""
    UPDATE inventory.os_images
    SET title = :title, is_default = :is_default, version = version + 1,
        retired_at = CASE WHEN :retired THEN coalesce(retired_at, :now) END
    WHERE id = :id RETURNING version
""")
WARM = text("""
    SELECT n.id AS node_id, n.hostname, i.code AS image_code, c.last_used_at
    FROM inventory.nodes n JOIN inventory.node_image_cache c ON c.node_id = n.id
    JOIN inventory.os_images i ON i.id = c.image_id
    WHERE n.sku_id = :sku_id AND n.state <> 'retired' ORDER BY n.hostname, i.code LIMIT 2000
""")


async def list_all(session: AsyncSession, scope: PlatformScope) -> list[SkuView]:
    """Every type, in the order of the catalog; what is not on sale too."""
    return [catalog.view(row) for row in await session.execute(ALL_SKUS)]


async def count_nodes(session: AsyncSession, scope: PlatformScope) -> dict[UUID, int]:
    """How many machines of each type there are; a type without one is absent."""
    return {row.sku_id: row.nodes for row in await session.execute(NODES_OF)}


async def count_use(session: AsyncSession, scope: PlatformScope, sku_id: UUID) -> UseOfType:
    """How many machines the type has, how many are free, how many rentals run on them."""
    return UseOfType(**(await session.execute(USE, {"sku_id": sku_id})).one()._mapping)


async def lock_sku(session: AsyncSession, scope: PlatformScope, code: str) -> SkuView | None:
    """A type under its lock."""
    row = (await session.execute(LOCK_SKU, {"code": code})).one_or_none()
    return None if row is None else catalog.view(row)


async def update_sku(session: AsyncSession, sku: SkuView) -> int:
    """Write how it is shown and whether it is sold; its new version."""
    values = {name: getattr(sku, name) for name in ("id", "title", "description", "position", "on_sale")}
    return int((await session.execute(UPDATE_SKU, values)).scalar_one())


async def entries(session: AsyncSession, scope: PlatformScope, ids: Sequence[UUID]) -> dict[UUID, list[PriceEntry]]:
    """Every price of these types, oldest first, those that were withdrawn too."""
    found: dict[UUID, list[PriceEntry]] = {}
    for row in await session.execute(ENTRIES, {"ids": list(ids)}):
        found.setdefault(row.sku_id, []).append(PriceEntry(**row._mapping))
    return found


async def find_entry(session: AsyncSession, scope: PlatformScope, price_id: UUID) -> PriceEntry | None:
    """One price."""
    row = (await session.execute(ENTRY, {"id": price_id})).one_or_none()
    return None if row is None else PriceEntry(**row._mapping)


async def withdraw(session: AsyncSession, price_id: UUID, reason: str, actor_id: UUID | None, now: datetime) -> None:
    """Withdraw it; the first withdrawal counts. The database refuses it for a price that has started."""
    await session.execute(WITHDRAW, {"id": price_id, "reason": reason, "actor_id": actor_id, "now": now})


async def list_images(session: AsyncSession, scope: PlatformScope) -> list[AdminImage]:
    """Every image, those on offer first."""
    return [AdminImage(image=images.view(row), warm_nodes=row.warm) for row in await session.execute(ALL_IMAGES)]


async def lock_image(session: AsyncSession, scope: PlatformScope, image_id: UUID) -> ImageView | None:
    """An image under its lock."""
    row = (await session.execute(LOCK_IMAGE, {"id": image_id})).one_or_none()
    return None if row is None else images.view(row)


async def update_image(session: AsyncSession, image: ImageView, now: datetime) -> int:
    """Write it; a new default takes the place of the old one. Its new version."""
    if image.is_default:
        await session.execute(images.DROP_DEFAULT)
    values = {name: getattr(image, name) for name in ("id", "title", "is_default", "retired")}
    return int((await session.execute(UPDATE_IMAGE, values | {"now": now})).scalar_one())


async def warm_nodes(session: AsyncSession, scope: PlatformScope, sku_id: UUID) -> list[WarmNode]:
    """Which machines of the type have which image warm."""
    return [WarmNode(**row._mapping) for row in await session.execute(WARM, {"sku_id": sku_id})]
