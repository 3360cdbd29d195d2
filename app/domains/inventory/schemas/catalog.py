"""What operators send about the catalog, and what their pages and answers show of it. Amounts are micro-units."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, ClassVar, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from app.domains.inventory.contracts import Disk, ImageView, NewSku, SkuView
from app.domains.inventory.repository.images import AdminImage, WarmNode
from app.domains.inventory.rules.pricing import PlanPrice, PriceEffect, PriceEntry, PriceState, standing
from app.domains.inventory.schemas.nodes import instant
from app.domains.inventory.service.catalog_admin import DISK_SIZES, MAX_DISKS, SIZES, CatalogEntry, EditImage, EditSku
from app.shared.errors import ValidationFailed
from app.shared.formats import units
from app.shared.money import MICRO_PER_UNIT, RateMicroPerHour
from app.shared.text import given, typed
from app.web.show_code import ApiCall, call

AMOUNT = re.compile(r"(\d{1,9})(?:\.(\d{1,6}))?")
PRICE_LOOKS: Mapping[PriceState, str] = {
    "past": "ended", "in force": "active", "announced": "waiting", "withdrawn": "ended",
}  # fmt: skip


def within(bounds: tuple[int, int]) -> Meta:
    """The bounds that the use case checks, for the description too."""
    return Meta(ge=bounds[0], le=bounds[1])


class DiskBody(msgspec.Struct, kw_only=True):
    """Disks that are alike."""

    count: Annotated[int, within(DISK_SIZES["count"])]
    size_bytes: Annotated[int, within(DISK_SIZES["size_bytes"])]


class NewSkuBody(msgspec.Struct, kw_only=True):
    """A type. Machines are matched by GPU vendor:product and count, without GPUs by CPUs and memory."""

    code: Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9-]{0,39}$")]
    title: str
    cpu_count: Annotated[int, within(SIZES["cpu_count"])]
    memory_gib: Annotated[int, within(SIZES["memory_gib"])]
    network_gbps: Annotated[int, within(SIZES["network_gbps"])]
    disks: Annotated[list[DiskBody], Meta(max_length=MAX_DISKS)] = []
    gpu_model: str | None = None
    gpu_vendor_id: str | None = None
    gpu_product_id: str | None = None
    gpu_count: Annotated[int, within(SIZES["gpu_count"])] = 0
    vram_gib: Annotated[int, within(SIZES["vram_gib"])] = 0
    sells_whole: bool = True
    sells_slots: bool = False

    def command(self) -> NewSku:
        disks = tuple(Disk(count=disk.count, size_bytes=disk.size_bytes) for disk in self.disks)
        return NewSku(**(msgspec.structs.asdict(self) | {"disks": disks}))


class NewSkuForm(msgspec.Struct, kw_only=True):
    """The same from the page, which has no disks."""

    code: str = ""
    title: str = ""
    cpu_count: int = 0
    memory_gib: int = 0
    network_gbps: int = 0
    gpu_model: str = ""
    gpu_vendor_id: str = ""
    gpu_product_id: str = ""
    gpu_count: int = 0
    vram_gib: int = 0
    sells_slots: bool = False

    def command(self) -> NewSku:
        """Raises ValidationFailed for a code of other characters."""
        values = msgspec.structs.asdict(self)
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", self.code):
            raise ValidationFailed(fields={"code": "Small letters, digits and dashes, at most 40"})
        for name in ("gpu_model", "gpu_vendor_id", "gpu_product_id"):
            values[name] = given(values[name])
        return NewSku(**values, disks=())


class EditSkuBody(msgspec.Struct, kw_only=True):
    """Omitted fields are not changed. `position` orders the catalog, the smallest first."""

    title: str | None = None
    description: str | None = None
    position: int | None = None
    on_sale: bool | None = None


class EditSkuForm(msgspec.Struct, kw_only=True):
    """The same from the page, with the version that was shown."""

    title: str = ""
    description: str = ""
    position: int = 100
    on_sale: bool = False
    seen: int | None = None

    def command(self, code: str) -> EditSku:
        return EditSku(code=code, **msgspec.structs.asdict(self) | {"description": typed(self.description)})


class PlanPriceBody(msgspec.Struct, kw_only=True):
    """Rates in micro-units per hour. `per_gpu_hour` is given exactly for types that are sold by the GPU. With `dry_run`
    nothing changes and the answer is the effect."""

    WIRE_NAMES: ClassVar = {"sku_code": "sku", "rate_whole": "per_hour", "rate_gpu": "per_gpu_hour"}

    sku: str
    per_hour: int
    per_gpu_hour: int | None = None
    effective_from: datetime | None = None
    currency: str = "USD"
    reason: str = ""  # who approves reads it, where it takes a second person
    dry_run: bool = False

    def command(self) -> PlanPrice:
        gpu = None if self.per_gpu_hour is None else RateMicroPerHour(self.per_gpu_hour)
        return PlanPrice(
            sku_code=self.sku,
            rate_whole=RateMicroPerHour(self.per_hour),
            rate_gpu=gpu,
            currency=self.currency,
            effective_from=self.effective_from,
            reason=self.reason,
        )


class PlanPriceForm(msgspec.Struct, kw_only=True):
    """The same from the page: amounts as people write them, the time in UTC."""

    WIRE_NAMES: ClassVar = PlanPriceBody.WIRE_NAMES

    per_hour: str = ""
    per_gpu_hour: str = ""
    effective_from: str = ""
    reason: str = ""

    def command(self, code: str) -> PlanPrice:
        """Raises ValidationFailed for what is no amount or no time."""
        whole = rate_of(self.per_hour, "per_hour")
        if whole is None:
            raise ValidationFailed(fields={"per_hour": "Say what the machine costs per hour"})
        return PlanPrice(
            sku_code=code,
            rate_whole=whole,
            rate_gpu=rate_of(self.per_gpu_hour, "per_gpu_hour"),
            effective_from=instant(self.effective_from, "effective_from"),
            reason=self.reason,
        )


class NewImageBody(msgspec.Struct, kw_only=True):
    """An image that MAAS can deploy, such as ubuntu and noble."""

    code: str
    title: str
    osystem: str
    distro_series: str


class EditImageBody(msgspec.Struct, kw_only=True):
    """Omitted fields are not changed."""

    title: str | None = None
    is_default: bool | None = None
    retired: bool | None = None


class EditImageForm(msgspec.Struct, kw_only=True):
    """One of the page's buttons: default, retire or restore, with the version that was shown."""

    act: Literal["default", "retire", "restore"]
    seen: int | None = None

    def command(self, image_id: UUID) -> EditImage:
        retired = {"retire": True, "restore": False}.get(self.act)
        default = True if self.act == "default" else None
        return EditImage(image_id=image_id, seen=self.seen, is_default=default, retired=retired)


class AdminPriceAnswer(msgspec.Struct, kw_only=True):
    """A dated price. `state`: past, in force, announced or withdrawn."""

    id: UUID
    sku: str
    currency: str
    per_hour: int
    per_gpu_hour: int | None
    effective_from: datetime
    announced_at: datetime
    state: str
    withdraw_reason: str | None

    @classmethod
    def of(cls, price: PriceEntry, entry: CatalogEntry, at: datetime) -> "AdminPriceAnswer":
        """A price for programs."""
        return cls(
            id=price.price_version_id,
            sku=entry.sku.code,
            currency=price.currency,
            per_hour=price.rate_whole,
            per_gpu_hour=price.rate_gpu,
            effective_from=price.effective_from,
            announced_at=price.announced_at,
            state=standing(price, entry.prices, at),
            withdraw_reason=price.withdraw_reason,
        )


class AdminSkuAnswer(msgspec.Struct, kw_only=True):
    """A type for operators, with all of its prices."""

    id: UUID
    code: str
    title: str
    description: str
    position: int
    on_sale: bool
    gpu_model: str | None
    gpu_count: int
    cpu_count: int
    memory_gib: int
    sells_whole: bool
    sells_slots: bool
    nodes: int
    version: int
    prices: list[AdminPriceAnswer]

    @classmethod
    def of(cls, entry: CatalogEntry, at: datetime) -> "AdminSkuAnswer":
        """A type for programs."""
        sku = entry.sku
        names = set(cls.__struct_fields__) - {"nodes", "prices"}
        prices = [AdminPriceAnswer.of(price, entry, at) for price in entry.prices]
        return cls(**{name: getattr(sku, name) for name in names}, nodes=entry.nodes, prices=prices)


class AdminImageAnswer(msgspec.Struct, kw_only=True):
    """An image for operators; `warm_nodes` have deployed it before."""

    id: UUID
    code: str
    title: str
    maas_name: str
    is_default: bool
    retired: bool
    warm_nodes: int
    version: int

    @classmethod
    def of(cls, image: ImageView, warm_nodes: int) -> "AdminImageAnswer":
        """An image for programs."""
        return cls(
            id=image.id,
            code=image.code,
            title=image.title,
            maas_name=image.maas_name,
            is_default=image.is_default,
            retired=image.retired,
            warm_nodes=warm_nodes,
            version=image.version,
        )


class CatalogRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the list: the price in force and the next one."""

    sku: SkuView
    nodes: int
    now: PriceEntry | None
    coming: PriceEntry | None

    @classmethod
    def of(cls, entry: CatalogEntry, at: datetime) -> "CatalogRow":
        standings = [(standing(price, entry.prices, at), price) for price in entry.prices]
        coming = [price for state, price in standings if state == "announced"]
        return cls(
            sku=entry.sku,
            nodes=entry.nodes,
            now=next((price for state, price in standings if state == "in force"), None),
            coming=min(coming, key=lambda price: price.effective_from, default=None),
        )


class AdminCatalogPage(msgspec.Struct, frozen=True, kw_only=True):
    """Types and images."""

    rows: tuple[CatalogRow, ...]
    images: tuple[AdminImage, ...]
    may_manage: bool

    @classmethod
    def of(
        cls, entries: Sequence[CatalogEntry], images: Sequence[AdminImage], at: datetime, *, may_manage: bool
    ) -> "AdminCatalogPage":
        """Types and images with what holds now."""
        return cls(
            rows=tuple(CatalogRow.of(entry, at) for entry in entries), images=tuple(images), may_manage=may_manage
        )


class AdminSkuPage(msgspec.Struct, frozen=True, kw_only=True):
    """One type with its prices and where images are warm."""

    sku: SkuView
    nodes: int
    prices: tuple[tuple[PriceEntry, PriceState, str, str], ...]  # newest first: state, look, who
    warm: tuple[tuple[UUID, str, tuple[str, ...], datetime], ...]
    per_hour: str
    per_gpu_hour: str
    notice_hours: int
    may_manage: bool
    call: ApiCall
    tried: PlanPriceForm
    effect: PriceEffect | None
    problem: str

    @classmethod
    def of(
        cls,
        entry: CatalogEntry,
        warm: Sequence[WarmNode],
        names: Mapping[UUID, str],
        at: datetime,
        notice_hours: int,
        *,
        may_manage: bool,
        tried: PlanPriceForm,
        effect: PriceEffect | None = None,
        problem: str = "",
    ) -> "AdminSkuPage":
        """One type."""
        row = CatalogRow.of(entry, at)
        newest = sorted(entry.prices, key=lambda price: price.effective_from, reverse=True)
        prices = []
        for price in newest:
            state = standing(price, entry.prices, at)
            who = names.get(price.announced_by, "somebody") if price.announced_by else "Berth"
            prices.append((price, state, PRICE_LOOKS[state], who))
        gpu = row.now.rate_gpu if row.now else None
        body = PlanPriceBody(
            sku=entry.sku.code, per_hour=row.now.rate_whole if row.now else 1_000_000, per_gpu_hour=gpu
        )
        words = ("admin", "prices", "plan", entry.sku.code, "--per-hour", units(body.per_hour))
        return cls(
            sku=entry.sku,
            nodes=entry.nodes,
            prices=tuple(prices),
            warm=_warm(warm),
            per_hour=units(row.now.rate_whole) if row.now else "",
            per_gpu_hour=units(gpu) if gpu is not None else "",
            notice_hours=notice_hours,
            may_manage=may_manage,
            call=call("POST", "/api/v1/admin/prices", body, cli=words),
            tried=tried,
            effect=effect,
            problem=problem,
        )


def rate_of(text: str, field: str) -> RateMicroPerHour | None:
    """`18.40` as micro-units; None for nothing. Raises ValidationFailed."""
    wanted = text.strip().removeprefix("$").replace(",", "")
    if not wanted:
        return None
    match = AMOUNT.fullmatch(wanted)
    if match is None:
        raise ValidationFailed(fields={field: "Write an amount such as 18.40"})
    return RateMicroPerHour(int(match[1]) * MICRO_PER_UNIT + int((match[2] or "").ljust(6, "0")))


def _warm(found: Sequence[WarmNode]) -> tuple[tuple[UUID, str, tuple[str, ...], datetime], ...]:
    by_node: dict[UUID, list[WarmNode]] = {}
    for item in found:
        by_node.setdefault(item.node_id, []).append(item)
    return tuple(
        (key, items[0].hostname, tuple(item.image_code for item in items), max(item.last_used_at for item in items))
        for key, items in by_node.items()
    )
