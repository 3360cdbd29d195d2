"""Types: reading them, and adding one."""

from collections.abc import Iterable
from uuid import UUID

from app.domains.inventory.contracts import LaunchTerms, NewSku, SkuView
from app.domains.inventory.errors import CodeTaken
from app.domains.inventory.repository.skus import SkuRepository
from app.shared.audit import AuditAction
from app.shared.authz import ActorKind, Permission
from app.shared.authz.scope import require
from app.shared.context import Context
from app.shared.errors import NotFound
from app.shared.ids import new_id


async def get_sku(ctx: Context, sku_id: UUID) -> SkuView:
    """A type by its id, retired ones too. Raises NotFound."""
    found = await SkuRepository(ctx.session).list_by_id([sku_id])
    if sku_id not in found:
        raise NotFound()
    return found[sku_id]


async def launch_terms(ctx: Context, sku_code: str, image_code: str, currency: str) -> LaunchTerms:
    """A type on sale and its price now in that currency, and an image, the default one for an empty code."""
    return await SkuRepository(ctx.session).get_terms(sku_code, image_code, currency, await ctx.now())


async def skus(ctx: Context, sku_ids: Iterable[UUID]) -> dict[UUID, SkuView]:
    """Types by id, retired ones too; unknown ids are absent."""
    return await SkuRepository(ctx.session).list_by_id(list(sku_ids))


async def add_sku(ctx: Context, command: NewSku) -> SkuView:
    """Put a type into the catalog; the same one again is no change. Raises CodeTaken for another one of that code."""
    allow(ctx)
    added = await SkuRepository(ctx.session).append_sku(new_id(), command, await ctx.now())
    sku = await SkuRepository(ctx.session).find_sku(command.code)
    if sku is None or _differs(sku, command):
        raise CodeTaken(code=command.code)
    if added:
        await ctx.audit(AuditAction.SKU_ADD, sku.id, {"code": sku.code})
    return sku


def allow(ctx: Context) -> None:
    """Operators, and our own processes, which hold no role."""
    if ctx.actor.kind is not ActorKind.SYSTEM:
        require(ctx.actor, Permission.PLATFORM_NODE_MANAGE)


def _differs(sku: SkuView, command: NewSku) -> bool:
    names = ("gpu_model", "gpu_count", "cpu_count", "memory_gib", "sells_whole", "sells_slots")
    return any(getattr(sku, name) != getattr(command, name) for name in names)
