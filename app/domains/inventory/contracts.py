"""Ids, commands and views of the inventory. Rates are micro-units per hour, memory GiB, disks bytes, instants UTC."""

from datetime import datetime
from typing import Literal, NewType, get_args
from uuid import UUID

import msgspec

from app.shared.money import RateMicroPerHour

SkuId = NewType("SkuId", UUID)
NodeId = NewType("NodeId", UUID)
ImageId = NewType("ImageId", UUID)
PriceVersionId = NewType("PriceVersionId", UUID)

# ready: in service, however many of its slots are taken. quarantined: something went wrong on it, a person must look.
# maintenance: an operator works on it. missing: MAAS shows it in our pool no more. retired: out of service for good.
# Cordoned is not a state: a cordoned node keeps its state and its tenants, and gets no new ones.
NodeState = Literal["ready", "quarantined", "maintenance", "missing", "retired"]
NODE_STATES: tuple[NodeState, ...] = get_args(NodeState)


class Disk(msgspec.Struct, frozen=True):
    """`count` disks of one size."""

    count: int
    size_bytes: int

    @property
    def label(self) -> str:
        """As disks are sold, in decimal units: `8 × 3.84 TB`."""
        hundredths = (self.size_bytes + 5 * 10**9) // 10**10
        size = f"{hundredths // 100}.{hundredths % 100:02d}".rstrip("0").rstrip(".")
        return f"{self.count} × {size} TB" if hundredths >= 100 else f"{self.count} × {self.size_bytes // 10**9} GB"


class SkuView(msgspec.Struct, frozen=True, kw_only=True):
    """A type of machine. `gpu_count` 0 means a machine without GPUs: one slot, sold whole only."""

    id: SkuId
    code: str
    title: str
    gpu_model: str | None
    gpu_count: int
    vram_gib: int  # of one GPU; 0 without GPUs
    cpu_count: int
    memory_gib: int
    disks: tuple[Disk, ...]
    network_gbps: int
    sells_whole: bool
    sells_slots: bool
    retired: bool = False
    description: str = ""
    position: int = 100
    on_sale: bool = True
    version: int = 1

    @property
    def slots(self) -> int:
        """How many slots one machine of the type has."""
        return max(1, self.gpu_count)


class PriceView(msgspec.Struct, frozen=True, kw_only=True):
    """One dated price. `rate_gpu` is None where the type is sold whole only."""

    price_version_id: PriceVersionId
    sku_id: SkuId
    currency: str
    rate_whole: RateMicroPerHour
    rate_gpu: RateMicroPerHour | None
    effective_from: datetime

    def rate(self, slots: int | None) -> RateMicroPerHour | None:
        """What `slots` GPUs cost per hour, the whole machine when None; None when it is not sold that way."""
        if slots is None:
            return self.rate_whole
        return None if self.rate_gpu is None else RateMicroPerHour(self.rate_gpu * slots)


class CapacityRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Room for `slots` slots of one node of a type, or for a whole machine when `slots` is None. Slots come from whole
    machines, and from shared ones that run the image `image` (a code) for `tenant_id`; None: for whomever."""

    sku_id: UUID
    image: str
    slots: int | None = None
    tenant_id: UUID | None = None


class FreeShape(msgspec.Struct, frozen=True):
    """So many nodes have so many free slots; at most as many are counted as was said. `shared` ones are deployed with
    the image already, on the others is nobody."""

    shared: bool
    free: int
    nodes: int


class FreeNode(msgspec.Struct, frozen=True):
    """One node of a shape, locked. `is_warm`: it has deployed the image before; without `still_fits` somebody else took
    it just before it was locked."""

    node_id: NodeId
    hostname: str
    system_id: str
    is_warm: bool
    still_fits: bool


class Gpu(msgspec.Struct, frozen=True):
    """One GPU as the PCI bus shows it."""

    vendor_id: str
    product_id: str
    name: str
    pci_address: str


class SlotView(msgspec.Struct, frozen=True):
    """One slot of a node, and the allocation that holds it since when."""

    index: int
    allocation_id: UUID | None
    gpu: Gpu | None = None
    since: datetime | None = None


class WarmImage(msgspec.Struct, frozen=True):
    """An image that a node has deployed before."""

    image_id: ImageId
    code: str
    warmed_at: datetime
    last_used_at: datetime


class MaintenanceWindow(msgspec.Struct, frozen=True, kw_only=True):
    """Planned work on a node. `started_at`: it is, or was, in effect; `closed_at`: it has ended or was called off."""

    id: UUID
    node_id: UUID
    starts_at: datetime
    ends_at: datetime
    reason: str
    started_at: datetime | None = msgspec.field(default=None, name="begun_at")
    closed_at: datetime | None = None


class NodeDetail(msgspec.Struct, frozen=True, kw_only=True):
    """Everything Berth knows of one node. `address` is None until MAAS gave it one; `maas_state` is MAAS's view in the
    words of `maas.rules.NodeState`."""

    id: NodeId
    system_id: str
    hostname: str
    sku_id: SkuId | None
    sku_code: str | None
    sku_problem: str | None
    zone: str
    state: NodeState
    state_reason: str | None
    state_since: datetime
    cordoned_at: datetime | None
    cordon_reason: str | None
    deployed_as_shared: bool
    deployed_image: str | None
    address: str | None
    maas_state: str
    maas_message: str
    maas_seen_at: datetime
    cpu_count: int
    memory_gib: int
    disks: tuple[Disk, ...]
    slots: tuple[SlotView, ...]
    warm: tuple[WarmImage, ...]
    imported_at: datetime
    version: int
    power_state: str = "unknown"  # as MAAS told it last
    drain_since: datetime | None = None
    drain_deadline: datetime | None = None
    windows: tuple[MaintenanceWindow, ...] = ()  # those that have not ended


class Availability(msgspec.Struct, frozen=True):
    """What of one type could be placed now. `max_together`: free slots on the one node that has most of them, so the
    largest launch of slots that fits."""

    free_whole: int = 0
    free_slots: int = 0
    total: int = 0  # nodes in service
    max_together: int = msgspec.field(default=0, name="most_together")


class ImageView(msgspec.Struct, frozen=True, kw_only=True):
    """An operating system image. `maas_name` is what a deploy asks for."""

    id: ImageId
    code: str
    title: str
    osystem: str
    distro_series: str
    is_default: bool
    retired: bool = False
    version: int = 1

    @property
    def maas_name(self) -> str:
        return f"{self.osystem}/{self.distro_series}"


class LaunchTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What a launch names, as it is on offer now in that currency: each None when there is no such thing."""

    currency: str
    sku: SkuView | None
    image: ImageView | None
    price: PriceView | None


class NewSku(msgspec.Struct, frozen=True, kw_only=True):
    """A type to add to the catalog. Nodes are matched by GPU vendor:product and count, else by CPUs and memory."""

    code: str
    title: str
    cpu_count: int
    memory_gib: int
    disks: tuple[Disk, ...]
    network_gbps: int
    gpu_model: str | None = None
    gpu_vendor_id: str | None = None
    gpu_product_id: str | None = None
    gpu_count: int = 0
    vram_gib: int = 0
    sells_whole: bool = True
    sells_slots: bool = True


class NewPrice(msgspec.Struct, frozen=True, kw_only=True):
    """A price from `effective_from` on (None: from now); never in the past."""

    sku_code: str
    rate_whole: RateMicroPerHour
    rate_gpu: RateMicroPerHour | None
    currency: str = "USD"
    effective_from: datetime | None = None


class NewImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image MAAS can deploy. A new default takes the place of the old one."""

    code: str
    title: str
    osystem: str
    distro_series: str
    is_default: bool = False


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A type that can be rented: what it is, what it costs now and next in the tenant's currency, what is free of it.
    How it is sold (whole, by the slot) is in `sku`."""

    sku: SkuView
    price: PriceView
    next_price: PriceView | None
    available: Availability

    @property
    def smallest_rate(self) -> RateMicroPerHour:
        """What the smallest part costs that one can rent: a GPU where they are sold, else the machine."""
        return self.price.rate_whole if self.price.rate_gpu is None else self.price.rate_gpu

    @property
    def is_free(self) -> bool:
        """Whether any part of it could be placed now."""
        return self.available.free_whole + self.available.free_slots > 0

    @property
    def strip(self) -> tuple[str, ...]:
        """The slots of the machine with the most room, `free` before `taken`."""
        slots = self.sku.slots
        free = slots if self.available.free_whole else min(slots, self.available.max_together)
        return ("free",) * free + ("taken",) * (slots - free)

    @property
    def free_label(self) -> str:
        """What is free now: `2 machines`, `3 of 8 GPUs`, `none free`."""
        whole, together = self.available.free_whole, self.available.max_together
        if whole:
            return "1 machine" if whole == 1 else f"{whole} machines"
        return f"{together} of {self.sku.slots} GPUs" if together else "none free"


class Offers(msgspec.Struct, frozen=True, kw_only=True):
    """Everything on offer: types in the order of the catalog, and the images that any of them may run."""

    items: tuple[Offer, ...]
    images: tuple[ImageView, ...]
    currency: str

    def find(self, code: str) -> Offer | None:
        """The type of that code."""
        return next((offer for offer in self.items if offer.sku.code == code), None)


class FleetNode(msgspec.Struct, frozen=True, kw_only=True):
    """A node on the operator's map. `holders` has one entry per slot, in order: the allocation that holds it, or None.
    `sku_code` is None when its hardware fits no type."""

    id: NodeId
    system_id: str
    hostname: str
    zone: str
    sku_code: str | None
    sku_title: str | None
    state: NodeState
    state_reason: str | None
    state_since: datetime
    cordoned_at: datetime | None
    cordon_reason: str | None
    drain_since: datetime | None
    drain_deadline: datetime | None
    maintenance_until: datetime | None  # of the window that it is in now
    maas_state: str
    power_state: str
    deployed_as_shared: bool
    holders: tuple[UUID | None, ...]


class StuckNode(msgspec.Struct, frozen=True, kw_only=True):
    """A node that has been in a state for longer than allowed. `reason` is the text of whoever put it there."""

    node: FleetNode
    what: Literal["quarantined", "missing", "maintenance", "cordoned", "draining"]
    since: datetime
    age_seconds: int
    sla_seconds: int
    reason: str
    automatic: str
