"""What a customer may rent now: types with the price in force and what is free. Prices are in their own currency."""

from app.domains.auth import public as auth
from app.domains.inventory import rules
from app.domains.inventory.contracts import Availability, Offer, OfferFilter
from app.domains.inventory.repository import catalog, slots
from app.shared.authz import Permission
from app.shared.authz.scope import require
from app.shared.context import Context
from app.shared.errors import NotFound

DEFAULT_CURRENCY = "USD"


async def list_offers(ctx: Context) -> list[Offer]:
    """Every type on sale that has a price now, dearest machine first. Three statements, however many types."""
    require(ctx.actor, Permission.CATALOG_READ)
    now, currency = await ctx.now(), await _currency(ctx)
    skus = await catalog.list_skus(ctx.session)
    prices = await catalog.list_prices(ctx.session, [sku.id for sku in skus], currency)
    free = await slots.availability(ctx.session)
    offers = [
        Offer(
            sku=sku,
            price=price,
            next_price=rules.next_price(prices[sku.id], now),
            available=free.get(sku.id, Availability()),
        )
        for sku in skus
        if (price := rules.price_in_force(prices.get(sku.id, []), now)) is not None
    ]
    return sorted(offers, key=lambda offer: (offer.sku.position, -offer.price.rate_whole, offer.sku.code))


async def get_offer(ctx: Context, code: str) -> Offer:
    """One type by its code. Raises NotFound."""
    for offer in await list_offers(ctx):
        if offer.sku.code == code:
            return offer
    raise NotFound()


def filtered(offers: list[Offer], wanted: OfferFilter) -> list[Offer]:
    """Those that the filter lets through, in the same order."""
    return [offer for offer in offers if rules.is_wanted(offer, wanted)]


async def _currency(ctx: Context) -> str:
    if ctx.actor.tenant_id is None:
        return DEFAULT_CURRENCY
    return (await auth.tenant(ctx, ctx.actor.tenant_id)).currency
