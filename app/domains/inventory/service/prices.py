"""Dated prices. A price starts now or later and is never changed or removed: a newer one follows it."""

from datetime import datetime
from uuid import UUID

from app.domains.inventory.contracts import NewPrice, PriceView, SkuView
from app.domains.inventory.errors import CodeTaken, PriceInThePast, PriceMissing
from app.domains.inventory.repository.prices import PriceRepository
from app.domains.inventory.repository.skus import SkuRepository
from app.domains.inventory.service.catalog import allow
from app.shared.audit import AuditAction
from app.shared.context import Context
from app.shared.errors import NotFound, ValidationFailed
from app.shared.ids import new_id


async def price_at(ctx: Context, sku_id: UUID, at: datetime, currency: str = "USD") -> PriceView:
    """The price in force at `at`. Raises PriceMissing."""
    found = await PriceRepository(ctx.session).list_prices_at([sku_id], currency, at)
    if sku_id not in found:
        raise PriceMissing()
    return found[sku_id]


async def announce_price(ctx: Context, command: NewPrice) -> PriceView:
    """Set the price of a type from an instant on. Raises NotFound, PriceInThePast, CodeTaken when another price starts
    at the same instant, ValidationFailed when the price does not fit how the type is sold."""
    allow(ctx)
    sku = await SkuRepository(ctx.session).find_sku(command.sku_code)
    if sku is None:
        raise NotFound()
    price = await append_price(ctx, sku, command)
    await ctx.audit(AuditAction.PRICE_ANNOUNCE, sku.id, {"effective_from": price.effective_from.isoformat()})
    return price


async def append_price(
    ctx: Context, sku: SkuView, command: NewPrice, by: UUID | None = None, seconded_by: UUID | None = None
) -> PriceView:
    """The same for a type that was looked up, after the permission check; `by` is who requested it, else the actor."""
    if sku.sells_slots == (command.rate_gpu is None):
        raise ValidationFailed(fields={"rate_gpu": "is given exactly for types that are sold by the GPU"})
    now = await ctx.now()
    begins = now if command.effective_from is None else command.effective_from
    if begins < now:
        raise PriceInThePast()
    price_id = new_id()
    if not await PriceRepository(ctx.session).append_price(
        price_id, sku.id, command, begins, now, by or ctx.actor.id, seconded_by
    ):
        raise CodeTaken("Another price begins at that very instant.")
    return await price_at(ctx, sku.id, begins, command.currency)
