"""The catalog for programs of operators: ETags on what can be edited, prices that are only ever added."""

from uuid import UUID

from litestar import Response, get, patch, post
from litestar.openapi import ResponseSpec
from litestar.params import FromPath

from app.domains.inventory.contracts import NewImage, PriceView
from app.domains.inventory.handlers.options import PLATFORM_CATALOG_MANAGE, PLATFORM_CONSOLE
from app.domains.inventory.rules.pricing import PriceEffect
from app.domains.inventory.schemas import ReasonBody
from app.domains.inventory.schemas.catalog import (
    AdminImageAnswer,
    AdminPriceAnswer,
    AdminSkuAnswer,
    EditImageBody,
    EditSkuBody,
    NewImageBody,
    NewSkuBody,
    PlanPriceBody,
)
from app.domains.inventory.service import catalog_admin, pricing
from app.domains.inventory.service.catalog_admin import EditImage, EditSku, ImageChanged, SkuChanged
from app.domains.inventory.service.pricing import PriceWithdrawn, UndoPrice, WithdrawPrice
from app.shared.idempotency import dry_run
from app.web import Ctx, Json
from app.web.approvals import ASKED, outcome_answer
from app.web.etag import IfMatch, seen_version, tagged
from app.web.query import OptionalText

EFFECT = {200: ResponseSpec(PriceEffect, generate_examples=False, description="What it would mean; nothing was set")}


@get("/admin/skus", opt=PLATFORM_CONSOLE)
async def list_admin_skus(ctx: Ctx) -> list[AdminSkuAnswer]:
    """Every type in the order of the catalog, also what is not on sale, with all of its prices."""
    now = await ctx.now()
    return [AdminSkuAnswer.of(entry, now) for entry in await catalog_admin.list_entries(ctx)]


@get("/admin/skus/{code:str}", opt=PLATFORM_CONSOLE)
async def get_admin_sku(ctx: Ctx, code: FromPath[str]) -> Response[AdminSkuAnswer]:
    """One type with all of its prices; its ETag is what an edit names."""
    entry = await catalog_admin.get_entry(ctx, code)
    return tagged(AdminSkuAnswer.of(entry, await ctx.now()), entry.sku.version)


@post("/admin/skus", opt=PLATFORM_CATALOG_MANAGE)
async def create_sku(ctx: Ctx, data: Json[NewSkuBody]) -> SkuChanged:
    """Add a type. Machines of that hardware get it with the next import; it is shown once it has a price."""
    return await catalog_admin.create_sku(ctx, data.command())


@patch("/admin/skus/{code:str}", opt=PLATFORM_CATALOG_MANAGE)
async def edit_sku(
    ctx: Ctx, code: FromPath[str], data: Json[EditSkuBody], if_match: IfMatch = None
) -> Response[SkuChanged]:
    """Change how a type is shown and whether it is sold. Active machines are not affected."""
    command = EditSku(
        code=code, title=data.title, description=data.description, position=data.position, on_sale=data.on_sale,
        seen=seen_version(if_match),
    )  # fmt: skip
    changed = await catalog_admin.edit_sku(ctx, command)
    return tagged(changed, changed.version)


@get("/admin/prices", opt=PLATFORM_CONSOLE)
async def list_prices(ctx: Ctx, sku: OptionalText = None) -> list[AdminPriceAnswer]:
    """Every price, of one type or of all, oldest first: past, in force, announced, withdrawn."""
    now = await ctx.now()
    entries = [entry for entry in await catalog_admin.list_entries(ctx) if sku is None or entry.sku.code == sku]
    return [AdminPriceAnswer.of(price, entry, now) for entry in entries for price in entry.prices]


@post("/admin/prices", opt=PLATFORM_CATALOG_MANAGE, responses=ASKED | EFFECT)
async def plan_price(ctx: Ctx, data: Json[PlanPriceBody]) -> Response[PriceView]:
    """Announce a price. A higher one begins after the notice that policy asks for, one far from the last waits for a
    second person (202); the past is never rewritten. With `dry_run` only what it would mean (200)."""
    if data.dry_run:
        return Response(await dry_run(ctx, pricing.preview_price, data.command()), status_code=200)  # type: ignore[arg-type]
    return outcome_answer(await pricing.plan_price(ctx, data.command()), 201)


@post("/admin/prices/{price_id:uuid}/undo", opt=PLATFORM_CATALOG_MANAGE, responses=ASKED)
async def undo_price(ctx: Ctx, price_id: FromPath[UUID], data: Json[ReasonBody]) -> Response[PriceView]:
    """Go back to the price before the one in force, at once and without notice. Where that is far below, a second
    person decides (202)."""
    command = UndoPrice(price_id=price_id, reason=data.reason)
    return outcome_answer(await pricing.undo_price(ctx, command), 201)


@post("/admin/prices/{price_id:uuid}/withdraw", opt=PLATFORM_CATALOG_MANAGE, status_code=200)
async def withdraw_price(ctx: Ctx, price_id: FromPath[UUID], data: Json[ReasonBody]) -> PriceWithdrawn:
    """Withdraw a price that has not started."""
    command = WithdrawPrice(price_id=price_id, reason=data.reason)
    return await pricing.withdraw_price(ctx, command)


@get("/admin/images", opt=PLATFORM_CONSOLE)
async def list_admin_images(ctx: Ctx) -> list[AdminImageAnswer]:
    """Every image, those on offer first, with how many nodes have it warm."""
    return [AdminImageAnswer.of(item.image, item.warm_nodes) for item in await catalog_admin.list_images(ctx)]


@post("/admin/images", opt=PLATFORM_CATALOG_MANAGE)
async def create_image(ctx: Ctx, data: Json[NewImageBody]) -> AdminImageAnswer:
    """Offer an image that MAAS can deploy."""
    command = NewImage(code=data.code, title=data.title, osystem=data.osystem, distro_series=data.distro_series)
    return AdminImageAnswer.of(await catalog_admin.create_image(ctx, command), 0)


@patch("/admin/images/{image_id:uuid}", opt=PLATFORM_CATALOG_MANAGE)
async def edit_image(
    ctx: Ctx, image_id: FromPath[UUID], data: Json[EditImageBody], if_match: IfMatch = None
) -> Response[ImageChanged]:
    """Change its title, whether it is the default, whether it is on offer. Active machines are not affected."""
    command = EditImage(
        image_id=image_id, title=data.title, is_default=data.is_default, retired=data.retired,
        seen=seen_version(if_match),
    )  # fmt: skip
    changed = await catalog_admin.edit_image(ctx, command)
    return tagged(changed, changed.version)


ROUTES = [
    list_admin_skus,
    get_admin_sku,
    create_sku,
    edit_sku,
    list_prices,
    plan_price,
    undo_price,
    withdraw_price,
    list_admin_images,
    create_image,
    edit_image,
]
