"""Dated prices. A price row is only ever added; the database refuses everything else."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import SQLColumnExpression, bindparam, exists, select, text
from sqlalchemy.dialects.postgresql import insert

from app.domains.inventory.contracts import NewPrice, PriceView
from app.domains.inventory.models import PriceWithdrawal, SkuPrice
from app.domains.inventory.rules.pricing import PriceEntry
from app.shared.authz import PlatformScope
from app.shared.db.repository import Repository, columns

NAMES: dict[str, SQLColumnExpression[Any]] = {
    "price_version_id": SkuPrice.id,
    "rate_whole": SkuPrice.rate_whole_micro,
    "rate_gpu": SkuPrice.rate_gpu_micro,
}
WITHDRAWALS: dict[str, SQLColumnExpression[Any]] = {
    "withdrawn_at": PriceWithdrawal.withdrawn_at,
    "withdraw_reason": PriceWithdrawal.reason,
}
PRICES = (
    select(*columns(PriceView, SkuPrice, **NAMES))
    .where(
        SkuPrice.sku_id.in_(bindparam("ids")),
        SkuPrice.currency == bindparam("currency"),
        ~exists().where(PriceWithdrawal.price_id == SkuPrice.id),
    )
    .order_by(SkuPrice.sku_id, SkuPrice.effective_from)
)
PRICES_AT = text("""
    SELECT p.id AS price_version_id, p.sku_id, p.currency, p.rate_whole_micro AS rate_whole,
           p.rate_gpu_micro AS rate_gpu, p.effective_from
    FROM unnest(CAST(:ids AS uuid[])) AS wanted (sku_id)
    CROSS JOIN LATERAL (SELECT * FROM inventory.sku_prices q
                        WHERE q.sku_id = wanted.sku_id AND q.currency = :currency AND q.effective_from <= :at
                          AND NOT EXISTS (SELECT FROM inventory.price_withdrawals w WHERE w.price_id = q.id)
                        ORDER BY q.effective_from DESC LIMIT 1) p
""")
ENTRIES = select(*columns(PriceEntry, SkuPrice, **NAMES, **WITHDRAWALS)).outerjoin_from(
    SkuPrice, PriceWithdrawal, PriceWithdrawal.price_id == SkuPrice.id
)
ENTRIES_OF = ENTRIES.where(SkuPrice.sku_id.in_(bindparam("ids"))).order_by(
    SkuPrice.sku_id, SkuPrice.currency, SkuPrice.effective_from
)
ENTRY = ENTRIES.where(SkuPrice.id == bindparam("id"))


class PriceRepository(Repository):
    """What was announced, and what of it was withdrawn."""

    async def list_prices(self, sku_ids: Sequence[UUID], currency: str) -> dict[UUID, list[PriceView]]:
        """All prices of the types, past and announced, oldest first."""
        found: dict[UUID, list[PriceView]] = {}
        for price in await self._list_views(PriceView, PRICES, ids=list(sku_ids), currency=currency):
            found.setdefault(price.sku_id, []).append(price)
        return found

    async def list_prices_at(self, sku_ids: Sequence[UUID], currency: str, at: datetime) -> dict[UUID, PriceView]:
        """The price of each type in force at `at`; without one it is absent."""
        prices = await self._list_views(PriceView, PRICES_AT, ids=list(sku_ids), currency=currency, at=at)
        return {price.sku_id: price for price in prices}

    async def list_entries(self, scope: PlatformScope, ids: Sequence[UUID]) -> dict[UUID, list[PriceEntry]]:
        """Every price of these types, oldest first, those that were withdrawn too."""
        found: dict[UUID, list[PriceEntry]] = {}
        for price in await self._list_views(PriceEntry, ENTRIES_OF, ids=list(ids)):
            found.setdefault(price.sku_id, []).append(price)
        return found

    async def find_entry(self, scope: PlatformScope, price_id: UUID) -> PriceEntry | None:
        """One price."""
        return await self._find_view(PriceEntry, ENTRY, id=price_id)

    async def append_price(
        self, price_id: UUID, sku_id: UUID, new: NewPrice, effective_from: datetime, now: datetime,
        actor_id: UUID | None, seconded_by: UUID | None,
    ) -> bool:  # fmt: skip
        """Whether the price was added; False when another one starts at the same instant."""
        price = insert(SkuPrice).values(
            id=price_id,
            sku_id=sku_id,
            currency=new.currency,
            rate_whole_micro=new.rate_whole,
            rate_gpu_micro=new.rate_gpu,
            effective_from=effective_from,
            announced_at=now,
            announced_by=actor_id,
            seconded_by=seconded_by,
        )
        price = price.on_conflict_do_nothing(index_elements=["sku_id", "currency", "effective_from"])
        return await self._session.scalar(price.returning(SkuPrice.id)) is not None

    async def withdraw_price(self, price_id: UUID, reason: str, actor_id: UUID | None, now: datetime) -> None:
        """Withdraw it; the first withdrawal counts. The database refuses it for a price that has started."""
        new = insert(PriceWithdrawal).values(price_id=price_id, withdrawn_at=now, withdrawn_by=actor_id, reason=reason)
        await self._session.execute(new.on_conflict_do_nothing(index_elements=["price_id"]))
