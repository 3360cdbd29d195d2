"""Pure decisions: which type a machine is, whether it must be inspected again, which price holds.

Hardware truth decides: what sits on the PCI bus, and CPUs and memory where there is no GPU. Names and tags of machines
are never asked.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec

from app.domains.inventory.contracts import NODE_STATES, Disk, Gpu, NodeState, Offer, PriceView, SkuId
from app.domains.maas.contracts import MaasMachine
from app.shared.money import RateMicroPerHour


class OfferFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What the catalog shows. `dearest` is the highest rate of the smallest part that can be rented."""

    gpu_model: str | None = None
    dearest: RateMicroPerHour | None = None
    free_now: bool = False


MIB_PER_GIB = 1024
# Firmware keeps some memory for itself, so a "512 GiB" machine shows a little less; two types never differ by that.
MEMORY_SLACK_PERCENT = 6


class SkuHardware(msgspec.Struct, frozen=True, kw_only=True):
    """The hardware of the machines of a type."""

    id: SkuId
    code: str
    gpu_vendor_id: str | None
    gpu_product_id: str | None
    gpu_count: int
    cpu_count: int
    memory_gib: int


class Match(msgspec.Struct, frozen=True):
    """The type of a machine, or why it has none (plain text for operators)."""

    sku_id: SkuId | None
    problem: str | None


def match_sku(cpu_count: int, memory_mib: int, gpus: Sequence[Gpu], skus: Sequence[SkuHardware]) -> Match:
    """The one type whose hardware this is. Of types with the same GPUs, the one with these CPUs and this memory."""
    if gpus:
        return _match_gpus(cpu_count, memory_mib, gpus, skus)
    plain = [sku for sku in skus if sku.gpu_count == 0]
    fitting = [sku for sku in plain if _same_card(sku, cpu_count, memory_mib)]
    if len(fitting) == 1:
        return Match(fitting[0].id, None)
    what = f"no GPU, {cpu_count} CPUs, {memory_mib // MIB_PER_GIB} GiB"
    if fitting:
        return Match(None, f"{what}: fits more than one type ({_codes(fitting)})")
    return Match(None, f"{what}: fits no type")


def _match_gpus(cpu_count: int, memory_mib: int, gpus: Sequence[Gpu], skus: Sequence[SkuHardware]) -> Match:
    models = Counter((gpu.vendor_id, gpu.product_id) for gpu in gpus)
    if len(models) > 1:
        found = ", ".join(f"{count} × {vendor}:{product}" for (vendor, product), count in sorted(models.items()))
        return Match(None, f"GPUs of different models: {found}")
    ((vendor, product), count) = next(iter(models.items()))
    what = f"{count} × {vendor}:{product}"
    same_model = [sku for sku in skus if (sku.gpu_vendor_id, sku.gpu_product_id) == (vendor, product)]
    fitting = [sku for sku in same_model if sku.gpu_count == count]
    if len(fitting) > 1:
        fitting = [sku for sku in fitting if _same_card(sku, cpu_count, memory_mib)]
    if len(fitting) == 1:
        return Match(fitting[0].id, None)
    if same_model and all(sku.gpu_count != count for sku in same_model):
        wanted = ", ".join(f"{sku.code} has {sku.gpu_count}" for sku in same_model)
        return Match(None, f"{what} found; {wanted}")
    return Match(None, f"{what}: fits {'more than one type' if fitting else 'no type'}")


def _same_card(sku: SkuHardware, cpu_count: int, memory_mib: int) -> bool:
    nominal = sku.memory_gib * MIB_PER_GIB
    return sku.cpu_count == cpu_count and abs(memory_mib - nominal) * 100 <= nominal * MEMORY_SLACK_PERCENT


def _codes(skus: Sequence[SkuHardware]) -> str:
    return ", ".join(sorted(sku.code for sku in skus))


def group_disks(sizes: Sequence[int]) -> tuple[Disk, ...]:
    """Disks by size, largest first: 8 × 3.84 TB."""
    return tuple(Disk(count, size) for size, count in sorted(Counter(sizes).items(), reverse=True))


def hardware_of(machine: MaasMachine) -> str:
    """A short digest of the hardware that MAAS reports; when it changes, the GPUs are read again."""
    disks = sorted((disk.model, disk.serial, disk.size_bytes) for disk in machine.disks)
    description = msgspec.json.encode([machine.architecture, machine.cpu_count, machine.memory_mib, disks])
    return hashlib.sha256(description).hexdigest()[:16]


def needs_inspection(hardware: str | None, maas_state: str | None, machine: MaasMachine, state_now: str) -> bool:
    """Whether its PCI devices must be read: it is new, it was rebuilt, or it has just been commissioned again."""
    return hardware != hardware_of(machine) or (maas_state == "commissioning" and state_now != "commissioning")


def state_when_seen(state: NodeState, *, is_seen: bool) -> NodeState:
    """A healthy node that MAAS no longer shows is missing until it is seen again; states that people set remain."""
    if state == "ready" and not is_seen:
        return "missing"
    if state == "missing" and is_seen:
        return "ready"
    return state


# What people read of a node's state: the API's word, with a capital letter. A node in service may be more than ready.
NODE_LABELS: Mapping[NodeState, str] = {state: state.capitalize() for state in NODE_STATES}
CORDONED, NO_TYPE = "Cordoned", "No type"


def node_label(state: NodeState, *, cordoned: bool = False, matched: bool = True) -> str:
    """What people read of a node's state: trouble before readiness."""
    if state != "ready":
        return NODE_LABELS[state]
    if not matched:
        return NO_TYPE
    return CORDONED if cordoned else NODE_LABELS[state]


P = TypeVar("P", bound=PriceView)


def price_in_force(prices: Sequence[P], at: datetime) -> P | None:
    """The newest price that has started; None before the first."""
    started = [price for price in prices if price.effective_from <= at]
    return max(started, key=lambda price: price.effective_from, default=None)


def next_price(prices: Sequence[P], at: datetime) -> P | None:
    """The next announced price; None when there is none."""
    coming = [price for price in prices if price.effective_from > at]
    return min(coming, key=lambda price: price.effective_from, default=None)


def is_wanted(offer: Offer, wanted: OfferFilter) -> bool:
    """Whether the catalog shows the offer under this filter."""
    if wanted.gpu_model is not None and (offer.sku.gpu_model or "none") != wanted.gpu_model:
        return False
    if wanted.dearest is not None and offer.smallest_rate > wanted.dearest:
        return False
    return not wanted.free_now or offer.is_free
