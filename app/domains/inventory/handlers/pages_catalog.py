"""The catalog for operators: types, dated prices, images."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from app.domains.inventory import policies
from app.domains.inventory.contracts import NewImage
from app.domains.inventory.handlers.options import PLATFORM_CATALOG_MANAGE, PLATFORM_CONSOLE
from app.domains.inventory.schemas import ReasonBody
from app.domains.inventory.schemas.catalog import (
    AdminCatalogPage,
    AdminSkuPage,
    EditImageForm,
    EditSkuForm,
    NewImageBody,
    NewSkuForm,
    PlanPriceForm,
)
from app.domains.inventory.service import catalog_admin, pricing
from app.domains.inventory.service.pricing import UndoPrice, WithdrawPrice
from app.shared.authz import Permission
from app.shared.authz.scope import may
from app.web import Ctx, Form, page, redirect
from app.web.approvals import next_page
from app.web.query import ShortText


@get("/admin/catalog", opt=PLATFORM_CONSOLE)
async def show_catalog(ctx: Ctx) -> Response[str]:
    """Types with the price in force and the next one; images."""
    entries, images = await catalog_admin.list_entries(ctx), await catalog_admin.list_images(ctx)
    manages = may(ctx.actor, Permission.PLATFORM_CATALOG_MANAGE)
    struct = AdminCatalogPage.of(entries, images, await ctx.now(), may_manage=manages)
    return await page(ctx, "inventory/admin_catalog.html", struct)


@post("/admin/catalog", opt=PLATFORM_CATALOG_MANAGE)
async def create_sku(ctx: Ctx, data: Form[NewSkuForm]) -> Response[str]:
    """A type more."""
    made = await catalog_admin.create_sku(ctx, data.command())
    return redirect(ctx, f"/admin/catalog/types/{made.code}")


@get("/admin/catalog/types/{code:str}", opt=PLATFORM_CONSOLE)
async def show_sku(
    ctx: Ctx,
    code: FromPath[str],
    per_hour: ShortText = "",
    per_gpu_hour: ShortText = "",
    effective_from: ShortText = "",
) -> Response[str]:
    """One type: how it is shown, its prices, where images are warm; with a price in the query, what it would do."""
    tried = PlanPriceForm(per_hour=per_hour, per_gpu_hour=per_gpu_hour, effective_from=effective_from)
    return await page(ctx, "inventory/admin_sku.html", await _sku(ctx, code, tried))


async def _sku(ctx: Ctx, code: str, tried: PlanPriceForm) -> AdminSkuPage:
    entry = await catalog_admin.get_entry(ctx, code)
    warm, names = await catalog_admin.warm_nodes(ctx, entry.sku), await catalog_admin.names_of(ctx, entry)
    notice = await ctx.policy(policies.PRICE_NOTICE_HOURS)
    manages = may(ctx.actor, Permission.PLATFORM_CATALOG_MANAGE)
    effect, problem = None, ""
    if manages and tried.per_hour:
        effect, problem = await pricing.try_price(ctx, lambda: tried.command(code))
    return AdminSkuPage.of(
        entry, warm, names, await ctx.now(), notice, may_manage=manages, tried=tried, effect=effect, problem=problem
    )


@post("/admin/catalog/types/{code:str}", opt=PLATFORM_CATALOG_MANAGE)
async def edit_sku(ctx: Ctx, code: FromPath[str], data: Form[EditSkuForm]) -> Response[str]:
    """How it is shown, and whether it is sold."""
    await catalog_admin.edit_sku(ctx, data.command(code))
    return redirect(ctx, f"/admin/catalog/types/{code}")


@post("/admin/catalog/types/{code:str}/prices", opt=PLATFORM_CATALOG_MANAGE)
async def plan_price(ctx: Ctx, code: FromPath[str], data: Form[PlanPriceForm]) -> Response[str]:
    """Announce a price."""
    outcome = await pricing.plan_price(ctx, data.command(code))
    return redirect(ctx, next_page(outcome, f"/admin/catalog/types/{code}"))


@post("/admin/catalog/types/{code:str}/prices/{price_id:uuid}/undo", opt=PLATFORM_CATALOG_MANAGE)
async def undo_price(ctx: Ctx, code: FromPath[str], price_id: FromPath[UUID], data: Form[ReasonBody]) -> Response[str]:
    """Back to the price before."""
    command = UndoPrice(price_id=price_id, reason=data.reason)
    outcome = await pricing.undo_price(ctx, command)
    return redirect(ctx, next_page(outcome, f"/admin/catalog/types/{code}"))


@post("/admin/catalog/types/{code:str}/prices/{price_id:uuid}/withdraw", opt=PLATFORM_CATALOG_MANAGE)
async def withdraw_price(
    ctx: Ctx, code: FromPath[str], price_id: FromPath[UUID], data: Form[ReasonBody]
) -> Response[str]:
    """Take an announced price back."""
    command = WithdrawPrice(price_id=price_id, reason=data.reason)
    await pricing.withdraw_price(ctx, command)
    return redirect(ctx, f"/admin/catalog/types/{code}")


@post("/admin/catalog/images", opt=PLATFORM_CATALOG_MANAGE)
async def create_image(ctx: Ctx, data: Form[NewImageBody]) -> Response[str]:
    """An image more."""
    command = NewImage(code=data.code, title=data.title, osystem=data.osystem, distro_series=data.distro_series)
    await catalog_admin.create_image(ctx, command)
    return redirect(ctx, "/admin/catalog")


@post("/admin/catalog/images/{image_id:uuid}", opt=PLATFORM_CATALOG_MANAGE)
async def edit_image(ctx: Ctx, image_id: FromPath[UUID], data: Form[EditImageForm]) -> Response[str]:
    """Make it the default, take it off, offer it again."""
    await catalog_admin.edit_image(ctx, data.command(image_id))
    return redirect(ctx, "/admin/catalog")


ROUTES = [
    show_catalog,
    create_sku,
    show_sku,
    edit_sku,
    plan_price,
    undo_price,
    withdraw_price,
    create_image,
    edit_image,
]
