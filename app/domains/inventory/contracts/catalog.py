"""What operators ask of the catalog, and what they see of it. Rates are micro-units per hour, instants UTC."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from app.domains.inventory.contracts import ImageView, SkuView
from app.shared.money import RateMicroPerHour

SIZES = {  # least and most of what a machine has
    "cpu_count": (1, 4_096),
    "memory_gib": (1, 1 << 20),
    "network_gbps": (1, 100_000),
    "gpu_count": (0, 64),
    "vram_gib": (0, 1 << 16),
}
DISK_SIZES = {"count": (1, 256), "size_bytes": (1, 1 << 52)}
MOST_DISKS = 32  # kinds of them


class EditSku(msgspec.Struct, frozen=True, kw_only=True):
    """Change how a type is shown and whether it is sold; None leaves a field as it is. `seen`: the version that was
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


class PlanPrice(msgspec.Struct, frozen=True, kw_only=True):
    """A price from `effective_from` on (None: as soon as policy allows)."""

    sku_code: str
    rate_whole: RateMicroPerHour
    rate_gpu: RateMicroPerHour | None
    currency: str = "USD"
    effective_from: datetime | None = None
    reason: str = ""


class PriceEffect(msgspec.Struct, frozen=True, kw_only=True):
    """What a price would mean. `rentals` run on the type now and keep theirs; the new one counts for what is
    rented from `effective_from` on. `beyond_alone` says why a second person is needed, None when one is enough."""

    sku_code: str
    currency: str
    effective_from: datetime
    current_whole: RateMicroPerHour | None
    current_gpu: RateMicroPerHour | None
    new_whole: RateMicroPerHour
    new_gpu: RateMicroPerHour | None
    whole_difference: int | None
    gpu_difference: int | None
    machines: int
    free_machines: int
    rentals: int
    beyond_alone: str | None


class UseOfType(msgspec.Struct, frozen=True, kw_only=True):
    """Machines of a type, how many of them nobody has, and how many rentals run on them."""

    machines: int
    free: int
    rentals: int


class UndoPrice(msgspec.Struct, frozen=True, kw_only=True):
    """Go back to the price before the one in force."""

    price_id: UUID
    reason: str


class WithdrawPrice(msgspec.Struct, frozen=True, kw_only=True):
    """Take back a price that has not begun."""

    price_id: UUID
    reason: str


class PriceWithdrawn(msgspec.Struct, frozen=True, kw_only=True):
    price_id: UUID


class EditImage(msgspec.Struct, frozen=True, kw_only=True):
    """Change an image; `retired` takes it out of the launch form. None leaves a field as it is."""

    image_id: UUID
    title: str | None = None
    is_default: bool | None = None
    retired: bool | None = None
    seen: int | None = None


class ImageChanged(msgspec.Struct, frozen=True, kw_only=True):
    image_id: UUID
    version: int


class PriceEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A dated price as an operator sees it."""

    price_version_id: UUID
    sku_id: UUID
    currency: str
    rate_whole: RateMicroPerHour
    rate_gpu: RateMicroPerHour | None
    effective_from: datetime
    announced_at: datetime
    announced_by: UUID | None
    withdrawn_at: datetime | None
    withdraw_reason: str | None
    seconded_by: UUID | None = None  # the second person, where it took two


PriceState = Literal["past", "in force", "announced", "withdrawn"]


class WarmNode(msgspec.Struct, frozen=True, kw_only=True):
    """An image that a node of the type has deployed before."""

    node_id: UUID
    hostname: str
    image_code: str
    last_used_at: datetime


class CatalogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A type with all of its prices, oldest first, and how many machines of it there are."""

    sku: SkuView
    prices: tuple[PriceEntry, ...]
    nodes: int


class AdminImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image, and on how many nodes it is warm."""

    image: ImageView
    warm_nodes: int
