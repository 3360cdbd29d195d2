"""Catalog administration: types and images. Prices are in `pricing`."""

import re
from uuid import UUID

import msgspec

from app.domains.auth import public as auth
from app.domains.inventory.contracts import ImageView, NewImage, NewSku, SkuView
from app.domains.inventory.errors import CodeTaken
from app.domains.inventory.events import CatalogChanged
from app.domains.inventory.repository.images import AdminImage, ImageRepository, WarmNode
from app.domains.inventory.repository.prices import PriceRepository
from app.domains.inventory.repository.skus import SkuRepository
from app.domains.inventory.rules.pricing import PriceEntry
from app.shared.audit import AuditAction, withheld
from app.shared.authz import Permission, platform_scope
from app.shared.context import Context
from app.shared.errors import NotFound, ValidationFailed
from app.shared.errors.faults import Faults
from app.shared.ids import new_id
from app.shared.text import checked_name, checked_text, name_fault
from app.shared.use_case import use_case
from app.shared.versions import check_version

SIZES = {  # least and most of what a machine has
    "cpu_count": (1, 4_096),
    "memory_gib": (1, 1 << 20),
    "network_gbps": (1, 100_000),
    "gpu_count": (0, 64),
    "vram_gib": (0, 1 << 16),
}


DISK_SIZES = {"count": (1, 256), "size_bytes": (1, 1 << 52)}


MAX_DISKS = 32  # kinds of them


class EditSku(msgspec.Struct, frozen=True, kw_only=True):
    """Change how a type is shown and whether it is sold; None does not change a field. `seen`: the version that was
    edited."""

    code: str
    title: str | None = None
    description: str | None = None
    position: int | None = None
    on_sale: bool | None = None
    seen: int | None = None


class SkuChanged(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    version: int


class EditImage(msgspec.Struct, frozen=True, kw_only=True):
    """Change an image; `retired` removes it from the launch form. None does not change a field."""

    image_id: UUID
    title: str | None = None
    is_default: bool | None = None
    retired: bool | None = None
    seen: int | None = None


class ImageChanged(msgspec.Struct, frozen=True, kw_only=True):
    image_id: UUID
    version: int


class CatalogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A type with all of its prices, oldest first, and how many machines of it there are."""

    sku: SkuView
    prices: tuple[PriceEntry, ...]
    nodes: int


LONGEST_TITLE = 100
IMAGE_FIELDS = (
    ("code", r"[a-z0-9][a-z0-9./-]{0,59}", "Small letters, digits, dots, slashes and dashes, at most 60"),
    ("osystem", r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}", "as MAAS calls it, such as ubuntu"),
    ("distro_series", r"[A-Za-z0-9][A-Za-z0-9._/-]{0,59}", "as MAAS calls it, such as noble"),
)
READ, MANAGE = Permission.PLATFORM_CONSOLE, Permission.PLATFORM_CATALOG_MANAGE


async def list_entries(ctx: Context) -> list[CatalogEntry]:
    """Every type with its prices. Raises Forbidden."""
    scope = platform_scope(ctx.actor, READ)
    skus = await SkuRepository(ctx.session).list_all(scope)
    prices = await PriceRepository(ctx.session).list_entries(scope, [sku.id for sku in skus])
    counts = await SkuRepository(ctx.session).count_nodes(scope)
    return [CatalogEntry(sku=sku, prices=tuple(prices.get(sku.id, ())), nodes=counts.get(sku.id, 0)) for sku in skus]


async def get_entry(ctx: Context, code: str) -> CatalogEntry:
    """One type with its prices. Raises NotFound, Forbidden."""
    for entry in await list_entries(ctx):
        if entry.sku.code == code:
            return entry
    raise NotFound()


async def warm_nodes(ctx: Context, sku: SkuView) -> list[WarmNode]:
    """Which machines of the type have which image warm. Raises Forbidden."""
    return await ImageRepository(ctx.session).list_warm_nodes(platform_scope(ctx.actor, READ), sku.id)


async def names_of(ctx: Context, entry: CatalogEntry) -> dict[UUID, str]:
    """Names of the people who announced its prices."""
    return await auth.names_of(ctx, {price.announced_by for price in entry.prices if price.announced_by is not None})


async def list_images(ctx: Context) -> list[AdminImage]:
    """Every image. Raises Forbidden."""
    return await ImageRepository(ctx.session).list_all(platform_scope(ctx.actor, READ))


@use_case(MANAGE, AuditAction.SKU_CREATE, lambda command, _result: command.code)
async def create_sku(ctx: Context, command: NewSku) -> SkuChanged:
    """A type of machine; nodes of that hardware get it with the next import. Raises CodeTaken, ValidationFailed."""
    _check_sku(command)
    if not await SkuRepository(ctx.session).append_sku(new_id(), command, await ctx.now()):
        raise CodeTaken(code=command.code)
    return SkuChanged(code=command.code, version=1)


def _check_sku(command: NewSku) -> None:
    wrong = {}
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", command.code):
        wrong["code"] = "Small letters, digits and dashes, at most 40"
    if fault := name_fault(command.title, LONGEST_TITLE):
        wrong["title"] = fault
    has_gpus = command.gpu_count > 0
    gpu = (command.gpu_model, command.gpu_vendor_id, command.gpu_product_id)
    if has_gpus != all(gpu) or any(part is not None and not re.fullmatch(r"[\x20-\x7e]{1,60}", part) for part in gpu):
        wrong["gpu_model"] = "model, vendor id and product id are given exactly for types with GPUs"
    if command.sells_slots and not has_gpus:
        wrong["sells_slots"] = "only GPUs are sold one by one"
    if not (command.sells_slots or command.sells_whole):
        wrong["sells_whole"] = "sold whole, by the GPU, or both"
    for name, (minimum, maximum) in SIZES.items():
        if not minimum <= getattr(command, name) <= maximum:
            wrong[name] = f"{minimum} to {maximum}"
    if len(command.disks) > MAX_DISKS or any(
        not minimum <= getattr(disk, name) <= maximum
        for disk in command.disks
        for name, (minimum, maximum) in DISK_SIZES.items()
    ):
        wrong["disks"] = "at most 32 kinds, each with 1 to 256 disks of at most 4 PiB"
    if wrong:
        raise ValidationFailed(fields=wrong)


@use_case(MANAGE, AuditAction.SKU_EDIT, lambda command, _result: command.code)
async def edit_sku(ctx: Context, command: EditSku) -> SkuChanged:
    """Change how it is shown and whether it is sold. Active machines are not affected. Raises NotFound,
    PreconditionFailed, ValidationFailed."""
    sku = await SkuRepository(ctx.session).lock_sku(platform_scope(ctx.actor, MANAGE), command.code)
    if sku is None:
        raise NotFound()
    check_version(sku.version, command.seen)
    wanted = {name: getattr(command, name) for name in ("title", "description", "position", "on_sale")}
    changes = {name: value for name, value in wanted.items() if value is not None}
    edited = msgspec.structs.replace(sku, **changes)
    with Faults() as faults:
        with faults.gathered():
            checked_name(edited.title, "title", LONGEST_TITLE, "A title has 1 to 100 characters")
        with faults.gathered():
            message = "A description has at most 500 characters"
            checked_text(edited.description, "description", 0, 500, message, lines=True)
        faults.unless(0 <= edited.position <= 9_999, "position", "A place from 0 to 9999")
    stated = {name: (getattr(sku, name), value) for name, value in changes.items() if name != "description"}
    ctx.changed(**stated, description=withheld(sku.description, edited.description))
    version = await SkuRepository(ctx.session).update_sku(edited)
    await ctx.emit(CatalogChanged(sku_id=sku.id), version=version)
    return SkuChanged(code=sku.code, version=version)


@use_case(MANAGE, AuditAction.IMAGE_CREATE, lambda command, _result: command.code)
async def create_image(ctx: Context, command: NewImage) -> ImageView:
    """Offer an image that MAAS can deploy. Raises CodeTaken, ValidationFailed."""
    wrong = {
        name: message for name, pattern, message in IMAGE_FIELDS if not re.fullmatch(pattern, getattr(command, name))
    }
    if fault := name_fault(command.title, LONGEST_TITLE):
        wrong["title"] = fault
    if wrong:
        raise ValidationFailed(fields=wrong)
    if not await ImageRepository(ctx.session).append_image(new_id(), command):
        raise CodeTaken(code=command.code)
    found = await ImageRepository(ctx.session).find_image(command.code)
    if found is None:
        raise NotFound()
    return found


@use_case(MANAGE, AuditAction.IMAGE_EDIT, lambda command, _result: command.image_id)
async def edit_image(ctx: Context, command: EditImage) -> ImageChanged:
    """Change its title, whether it is the default, whether it is on offer. Active machines are not affected. Raises
    NotFound, PreconditionFailed, ValidationFailed for a default that would be no image on offer."""
    image = await ImageRepository(ctx.session).lock_image(platform_scope(ctx.actor, MANAGE), command.image_id)
    if image is None:
        raise NotFound()
    check_version(image.version, command.seen)
    wanted = {name: getattr(command, name) for name in ("title", "is_default", "retired")}
    changes = {name: value for name, value in wanted.items() if value is not None}
    edited = msgspec.structs.replace(image, **changes)
    with Faults() as faults:
        faults.unless(not (edited.retired and edited.is_default), "retired", "Make another image the default first")
        kept = edited.is_default or not image.is_default
        faults.unless(kept, "is_default", "Make another image the default instead")
        with faults.gathered():
            checked_name(edited.title, "title", LONGEST_TITLE, "A title has 1 to 100 characters")
    ctx.changed(**{name: (getattr(image, name), value) for name, value in changes.items()})
    version = await ImageRepository(ctx.session).update_image(edited, await ctx.now())
    return ImageChanged(image_id=image.id, version=version)
