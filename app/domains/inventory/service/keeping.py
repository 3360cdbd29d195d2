"""How operators keep the catalog: types, dated prices, images. Nothing here rewrites what a customer has agreed to: a
running machine keeps its rate, a price in force is followed by a newer one."""

from datetime import timedelta
from uuid import UUID

import msgspec

from app.context import Context
from app.domains.auth import public as auth
from app.domains.inventory import policies
from app.domains.inventory.contracts import ImageView, NewImage, NewPrice, NewSku, PriceView, SkuView
from app.domains.inventory.contracts.catalog import (
    AdminImage,
    CatalogEntry,
    EditImage,
    EditSku,
    ImageChanged,
    PlanPrice,
    PriceWithdrawn,
    SkuChanged,
    WarmNode,
    WithdrawPrice,
)
from app.domains.inventory.errors import CodeTaken, PriceInForce, PriceNotice
from app.domains.inventory.events import CatalogChanged
from app.domains.inventory.repository import catalog, images, keeping
from app.domains.inventory.rules.pricing import earliest_start, is_raise
from app.domains.inventory.service.nodes import reason_of
from app.domains.inventory.service.prices import append_price
from app.shared.authz import Permission, platform_scope, privileged
from app.shared.errors import NotFound, ValidationFailed
from app.shared.ids import new_id
from app.shared.web.etag import check_version
from app.shared.web.formats import instant

READ, MANAGE = Permission.PLATFORM_CONSOLE, Permission.PLATFORM_CATALOG_MANAGE


async def list_entries(ctx: Context) -> list[CatalogEntry]:
    """Every type with its prices. Raises Forbidden."""
    scope = platform_scope(ctx.actor, READ)
    skus = await keeping.list_all(ctx.session, scope)
    prices = await keeping.entries(ctx.session, scope, [sku.id for sku in skus])
    counts = await keeping.count_nodes(ctx.session, scope)
    return [CatalogEntry(sku=sku, prices=tuple(prices.get(sku.id, ())), nodes=counts.get(sku.id, 0)) for sku in skus]


async def get_entry(ctx: Context, code: str) -> CatalogEntry:
    """One type with its prices. Raises NotFound, Forbidden."""
    for entry in await list_entries(ctx):
        if entry.sku.code == code:
            return entry
    raise NotFound()


async def warm_nodes(ctx: Context, sku: SkuView) -> list[WarmNode]:
    """Which machines of the type have which image warm. Raises Forbidden."""
    return await keeping.warm_nodes(ctx.session, platform_scope(ctx.actor, READ), sku.id)


async def names_of(ctx: Context, entry: CatalogEntry) -> dict[UUID, str]:
    """Who announced its prices."""
    return await auth.names_of(ctx, {price.announced_by for price in entry.prices if price.announced_by is not None})


async def list_images(ctx: Context) -> list[AdminImage]:
    """Every image. Raises Forbidden."""
    return await keeping.list_images(ctx.session, platform_scope(ctx.actor, READ))


@privileged(MANAGE, "sku.create", "sku", lambda command, _result: command.code)
async def create_sku(ctx: Context, command: NewSku) -> SkuChanged:
    """A type of machine; nodes of that hardware get it with the next import. Raises CodeTaken, ValidationFailed."""
    _check_sku(command)
    if not await catalog.append_sku(ctx.session, new_id(), command, await ctx.now()):
        raise CodeTaken(code=command.code)
    return SkuChanged(code=command.code, version=1)


def _check_sku(command: NewSku) -> None:
    wrong = {}
    if not 1 <= len(command.title.strip()) <= 100:
        wrong["title"] = "1 to 100 characters"
    has_gpus = command.gpu_count > 0
    if has_gpus != bool(command.gpu_model and command.gpu_vendor_id and command.gpu_product_id):
        wrong["gpu_model"] = "model, vendor id and product id are given exactly for types with GPUs"
    if command.sells_slots and not has_gpus:
        wrong["sells_slots"] = "only GPUs are sold one by one"
    if not (command.sells_slots or command.sells_whole):
        wrong["sells_whole"] = "sold whole, by the GPU, or both"
    for name in ("cpu_count", "memory_gib", "network_gbps"):
        if getattr(command, name) < 1:
            wrong[name] = "at least 1"
    if wrong:
        raise ValidationFailed(fields=wrong)


@privileged(MANAGE, "sku.edit", "sku", lambda command, _result: command.code)
async def edit_sku(ctx: Context, command: EditSku) -> SkuChanged:
    """How it is shown and whether it is sold. Machines that run keep running. Raises NotFound, PreconditionFailed,
    ValidationFailed."""
    sku = await keeping.lock_sku(ctx.session, platform_scope(ctx.actor, MANAGE), command.code)
    if sku is None:
        raise NotFound()
    check_version(sku.version, command.seen)
    wanted = {name: getattr(command, name) for name in ("title", "description", "position", "on_sale")}
    changes = {name: value for name, value in wanted.items() if value is not None}
    edited = msgspec.structs.replace(sku, **changes)
    if not 1 <= len(edited.title.strip()) <= 100:
        raise ValidationFailed(fields={"title": "A title has 1 to 100 characters"})
    if len(edited.description) > 500:
        raise ValidationFailed(fields={"description": "A description has at most 500 characters"})
    if not 0 <= edited.position <= 9_999:
        raise ValidationFailed(fields={"position": "A place from 0 to 9999"})
    ctx.explain(**changes)
    version = await keeping.update_sku(ctx.session, edited)
    await ctx.emit(CatalogChanged(sku_id=sku.id), version=version)
    return SkuChanged(code=sku.code, version=version)


@privileged(MANAGE, "price.plan", "sku", lambda command, _result: command.sku_code)
async def plan_price(ctx: Context, command: PlanPrice) -> PriceView:
    """Announce a price: a higher one at least the notice of policy ahead. Raises NotFound, PriceNotice, PriceInThePast,
    CodeTaken, ValidationFailed."""
    now = await ctx.now()
    sku = await keeping.lock_sku(ctx.session, platform_scope(ctx.actor, MANAGE), command.sku_code)
    if sku is None:
        raise NotFound()
    if command.rate_whole < 0 or (command.rate_gpu or 0) < 0:
        raise ValidationFailed(fields={"rate_whole": "A price is not negative"})
    before = (await catalog.prices_at(ctx.session, [sku.id], command.currency, now)).get(sku.id)
    raises = is_raise(before, command.rate_whole, command.rate_gpu)
    notice = timedelta(hours=await ctx.policy(policies.PRICE_NOTICE_HOURS))
    earliest = earliest_start(now, notice, raises=raises)
    begins = command.effective_from or earliest
    if raises and begins < earliest:
        raise PriceNotice(f"A higher price begins {instant(earliest)} at the earliest.")
    ctx.explain(rate_whole=command.rate_whole, rate_gpu=command.rate_gpu, effective_from=begins.isoformat())
    new = NewPrice(
        sku_code=command.sku_code, rate_whole=command.rate_whole, rate_gpu=command.rate_gpu,
        currency=command.currency, effective_from=begins,
    )  # fmt: skip
    price = await append_price(ctx, sku, new)
    await ctx.emit(CatalogChanged(sku_id=sku.id), version=sku.version)
    return price


@privileged(MANAGE, "price.withdraw", "price", lambda command, _result: command.price_id)
async def withdraw_price(ctx: Context, command: WithdrawPrice) -> PriceWithdrawn:
    """Take back a price before it begins. Safe to repeat. Raises NotFound, PriceInForce."""
    scope, now, reason = platform_scope(ctx.actor, MANAGE), await ctx.now(), reason_of(command.reason)
    ctx.explain(reason=reason)
    price = await keeping.find_entry(ctx.session, scope, command.price_id)
    if price is None:
        raise NotFound()
    if price.withdrawn_at is None and price.effective_from <= now:
        raise PriceInForce()
    await keeping.withdraw(ctx.session, price.price_version_id, reason, ctx.actor.id, now)
    sku = (await catalog.skus_by_id(ctx.session, [price.sku_id]))[price.sku_id]
    await ctx.emit(CatalogChanged(sku_id=sku.id), version=sku.version)
    return PriceWithdrawn(price_id=price.price_version_id)


@privileged(MANAGE, "image.create", "image", lambda command, _result: command.code)
async def create_image(ctx: Context, command: NewImage) -> ImageView:
    """Offer an image that MAAS can deploy. Raises CodeTaken, ValidationFailed."""
    if not 1 <= len(command.title.strip()) <= 100 or not command.osystem or not command.distro_series:
        raise ValidationFailed(fields={"title": "A title, a system and a release are needed"})
    if not await images.append_image(ctx.session, new_id(), command):
        raise CodeTaken(code=command.code)
    found = await images.find_image(ctx.session, command.code)
    if found is None:
        raise NotFound()
    return found


@privileged(MANAGE, "image.edit", "image", lambda command, _result: command.image_id)
async def edit_image(ctx: Context, command: EditImage) -> ImageChanged:
    """Its title, whether it is the default, whether it is on offer. Machines that run it keep running. Raises NotFound,
    PreconditionFailed, ValidationFailed for a default that would be no image on offer."""
    image = await keeping.lock_image(ctx.session, platform_scope(ctx.actor, MANAGE), command.image_id)
    if image is None:
        raise NotFound()
    check_version(image.version, command.seen)
    wanted = {name: getattr(command, name) for name in ("title", "is_default", "retired")}
    changes = {name: value for name, value in wanted.items() if value is not None}
    edited = msgspec.structs.replace(image, **changes)
    if edited.retired and edited.is_default:
        raise ValidationFailed(fields={"retired": "Make another image the default first"})
    if image.is_default and not edited.is_default:
        raise ValidationFailed(fields={"is_default": "Make another image the default instead"})
    if not 1 <= len(edited.title.strip()) <= 100:
        raise ValidationFailed(fields={"title": "A title has 1 to 100 characters"})
    ctx.explain(**changes)
    version = await keeping.update_image(ctx.session, edited, await ctx.now())
    return ImageChanged(image_id=image.id, version=version)
