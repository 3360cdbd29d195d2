"""What a tenant can rent now: types with the price in force in the tenant's currency, what is free, and images."""

from app.domains.auth import public as auth
from app.domains.inventory import rules
from app.domains.inventory.contracts import Availability, Offer, Offers
from app.domains.inventory.repository.capacity import CapacityRepository
from app.domains.inventory.repository.images import ImageRepository
from app.domains.inventory.repository.prices import PriceRepository
from app.domains.inventory.repository.skus import SkuRepository
from app.domains.inventory.rules import OfferFilter
from app.shared.authz import Permission
from app.shared.authz.scope import require
from app.shared.context import Context
from app.shared.errors import NotFound

DEFAULT_CURRENCY = "USD"


async def list_offers(ctx: Context) -> Offers:
    """Everything on offer to the actor's tenant: types with their price in the tenant's currency and what is free of
    them, and images. Raises Forbidden."""
    require(ctx.actor, Permission.CATALOG_READ)
    now, currency = await ctx.now(), await _currency(ctx)
    skus = await SkuRepository(ctx.session).list_skus()
    prices = await PriceRepository(ctx.session).list_prices([sku.id for sku in skus], currency)
    free = await CapacityRepository(ctx.session).list_availability()
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
    offers.sort(key=lambda offer: (offer.sku.position, -offer.price.rate_whole, offer.sku.code))
    return Offers(
        items=tuple(offers), images=tuple(await ImageRepository(ctx.session).list_images()), currency=currency
    )


async def get_offer(ctx: Context, code: str) -> Offer:
    """One type by its code. Raises NotFound, Forbidden."""
    offer = (await list_offers(ctx)).find(code)
    if offer is None:
        raise NotFound()
    return offer


def filtered(offers: Offers, wanted: OfferFilter) -> list[Offer]:
    """Those that the filter lets through, in the same order."""
    return [offer for offer in offers.items if rules.is_wanted(offer, wanted)]


async def _currency(ctx: Context) -> str:
    if ctx.actor.tenant_id is None:
        return DEFAULT_CURRENCY
    return (await auth.tenant(ctx, ctx.actor.tenant_id)).currency
