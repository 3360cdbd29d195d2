"""Images, and which node has which one warm."""

from uuid import UUID

from app.domains.inventory.contracts import ImageView, NewImage
from app.domains.inventory.errors import CodeTaken
from app.domains.inventory.repository.images import ImageRepository
from app.domains.inventory.service.catalog import allow
from app.domains.inventory.service.history import note
from app.shared.audit import AuditAction
from app.shared.context import Context
from app.shared.errors import NotFound
from app.shared.ids import new_id


async def image(ctx: Context, code: str | None = None) -> ImageView:
    """An image by its code; the default one without. Raises NotFound."""
    found = await ImageRepository(ctx.session).find_image(code)
    if found is None:
        raise NotFound()
    return found


async def images(ctx: Context) -> list[ImageView]:
    """Every image on offer, the default first."""
    return await ImageRepository(ctx.session).list_images()


async def record_image_warm(ctx: Context, node_id: UUID, image_id: UUID) -> None:
    """The node has just deployed this image, so the next deployment of it is faster there."""
    await ImageRepository(ctx.session).upsert_warm(node_id, image_id, await ctx.now())
    await note(ctx, node_id, "deployed", await ImageRepository(ctx.session).find_code(image_id) or "")


async def add_image(ctx: Context, command: NewImage) -> ImageView:
    """Offer an image; the same one again is no change. Raises CodeTaken for another one of that code."""
    allow(ctx)
    found = await ImageRepository(ctx.session).find_image(command.code)
    if found is None:
        await ImageRepository(ctx.session).append_image(new_id(), command)
        found = await image(ctx, command.code)
        await ctx.audit(AuditAction.IMAGE_ADD, found.id, {"code": found.code})
    if (found.osystem, found.distro_series) != (command.osystem, command.distro_series):
        raise CodeTaken(code=command.code)
    return found
