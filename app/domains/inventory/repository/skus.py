"""Types of machines."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from app.domains.inventory.contracts import LaunchTerms, NewSku, SkuView
from app.domains.inventory.models import Node, Sku
from app.domains.inventory.rules import SkuHardware
from app.shared.authz import PlatformScope
from app.shared.db.repository import Repository, columns


class UseOfType(msgspec.Struct, frozen=True, kw_only=True):
    """Machines of a type, how many of them are free, and how many rentals run on them."""

    machines: int
    free: int
    rentals: int


EACH = select(*columns(SkuView, Sku, retired=Sku.retired_at.is_not(None)))
BY_ID = EACH.where(Sku.id.in_(bindparam("ids")))
BY_CODE = EACH.where(Sku.code == bindparam("code"))
LOCK = BY_CODE.with_for_update()
ALL = EACH.order_by(Sku.position, (Sku.gpu_count > 0).desc(), Sku.code)
ON_SALE = ALL.where(Sku.retired_at.is_(None), Sku.on_sale)
HARDWARE = select(*columns(SkuHardware, Sku)).where(Sku.retired_at.is_(None)).order_by(Sku.code)
NODES = select(Node.sku_id, func.count().label("nodes")).where(Node.state != "retired").group_by(Node.sku_id)
USE = text("""
    SELECT count(*) AS machines, count(*) FILTER (WHERE held.taken = 0 AND n.state = 'ready') AS free,
           coalesce(sum(held.rentals), 0)::bigint AS rentals
    FROM inventory.nodes n
    CROSS JOIN LATERAL (SELECT count(s.allocation_id) AS taken, count(DISTINCT s.allocation_id) AS rentals
                        FROM inventory.node_resource_slots s WHERE s.node_id = n.id) held
    WHERE n.sku_id = :sku_id AND n.state <> 'retired'
""")

TERMS = text("""
    SELECT to_jsonb(k) || jsonb_build_object('retired', false) AS sku,
           to_jsonb(i) || jsonb_build_object('retired', i.retired_at IS NOT NULL) AS image, p.price,
           CAST(:currency AS text) AS currency
    FROM (SELECT) launch
    LEFT JOIN inventory.sku_catalog k ON k.code = :sku AND k.retired_at IS NULL AND k.on_sale
    LEFT JOIN inventory.os_images i ON CASE WHEN CAST(:image AS text) = '' THEN i.is_default ELSE i.code = :image END
    LEFT JOIN LATERAL (
        SELECT jsonb_build_object(
                   'price_version_id', q.id, 'sku_id', q.sku_id, 'currency', q.currency,
                   'rate_whole', q.rate_whole_micro, 'rate_gpu', q.rate_gpu_micro, 'effective_from', q.effective_from
               ) AS price
        FROM inventory.sku_prices q
        WHERE q.sku_id = k.id AND q.currency = :currency AND q.effective_from <= :at
          AND NOT EXISTS (SELECT FROM inventory.price_withdrawals w WHERE w.price_id = q.id)
        ORDER BY q.effective_from DESC LIMIT 1
    ) p ON true
""")


class SkuRepository(Repository):
    """Types by code and id; a row is never removed."""

    async def list_skus(self) -> list[SkuView]:
        """Types on sale: those with GPUs first."""
        return await self._list_views(SkuView, ON_SALE)

    async def list_all(self, scope: PlatformScope) -> list[SkuView]:
        """Every type, in the order of the catalog; what is not on sale too."""
        return await self._list_views(SkuView, ALL)

    async def list_hardware(self) -> list[SkuHardware]:
        """What types say about their machines; also those that are off sale."""
        return await self._list_views(SkuHardware, HARDWARE)

    async def list_by_id(self, ids: Sequence[UUID]) -> dict[UUID, SkuView]:
        """Types by id, retired ones too."""
        return {sku.id: sku for sku in await self._list_views(SkuView, BY_ID, ids=list(ids))}

    async def find_sku(self, code: str) -> SkuView | None:
        """A type by its code, retired ones too."""
        return await self._find_view(SkuView, BY_CODE, code=code)

    async def get_terms(self, sku: str, image: str, currency: str, at: datetime) -> LaunchTerms:
        """The type on sale of this code, the image (the default one for an empty code), and the price at `at`."""
        values = {"sku": sku, "image": image, "currency": currency, "at": at}
        row = (await self._session.execute(TERMS, values)).mappings().one()
        return msgspec.convert(dict(row), LaunchTerms, strict=False)

    async def lock_sku(self, scope: PlatformScope, code: str) -> SkuView | None:
        """A type under its lock."""
        return await self._find_view(SkuView, LOCK, code=code)

    async def append_sku(self, sku_id: UUID, new: NewSku, now: datetime) -> bool:
        """Whether the type was added; False when the code exists."""
        values = msgspec.structs.asdict(new) | {"disks": msgspec.to_builtins(new.disks)}
        sku = insert(Sku).values(id=sku_id, created_at=now, **values)
        sku = sku.on_conflict_do_nothing(index_elements=["code"])
        return await self._session.scalar(sku.returning(Sku.id)) is not None

    async def update_sku(self, sku: SkuView) -> int:
        """Write how it is shown and whether it is sold; its new version."""
        changed = update(Sku).where(Sku.id == sku.id)
        changed = changed.values(
            title=sku.title,
            description=sku.description,
            position=sku.position,
            on_sale=sku.on_sale,
            version=Sku.version + 1,
        )
        return (await self._session.execute(changed.returning(Sku.version))).scalar_one()

    async def count_nodes(self, scope: PlatformScope) -> dict[UUID, int]:
        """How many machines of each type there are; a type without one is absent."""
        return {row.sku_id: row.nodes for row in await self._session.execute(NODES)}

    async def count_use(self, scope: PlatformScope, sku_id: UUID) -> UseOfType:
        """How many machines the type has, how many are free, how many rentals run on them."""
        return UseOfType(**(await self._session.execute(USE, {"sku_id": sku_id})).one()._mapping)
