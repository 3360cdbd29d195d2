"""Wire shapes of the inventory: JSON answers, forms, and the structs its pages get. Amounts are micro-units."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

import msgspec

from app.domains.inventory.contracts import (
    NODE_STATES,
    Availability,
    Disk,
    ImageView,
    NodeState,
    Offer,
    Offers,
    PriceView,
)
from app.domains.inventory.repository.fleet import FleetCounts, NodeRow
from app.domains.inventory.rules import CORDONED, NODE_LABELS, OfferFilter, node_label
from app.domains.inventory.service.fleet import NodePage, NodeQuery
from app.domains.inventory.service.import_nodes import ImportReport
from app.shared.formats import money
from app.shared.money import RateMicroPerHour

PRICE_STEPS = (RateMicroPerHour(1_500_000), RateMicroPerHour(2_000_000), RateMicroPerHour(5_000_000))
Chip = tuple[str, str, bool]  # text, where it leads, whether it is on
SlotKinds = tuple[str, ...]


class PriceAnswer(msgspec.Struct, kw_only=True):
    """A price from `effective_from` on. `per_gpu_hour` is null where the type is sold whole only."""

    price_version_id: UUID
    currency: str
    per_hour: int
    per_gpu_hour: int | None
    effective_from: datetime

    @classmethod
    def of(cls, price: PriceView) -> "PriceAnswer":
        return cls(
            price_version_id=price.price_version_id,
            currency=price.currency,
            per_hour=price.rate_whole,
            per_gpu_hour=price.rate_gpu,
            effective_from=price.effective_from,
        )


class SkuAnswer(msgspec.Struct, kw_only=True):
    """One type of machine: memory in GiB, disks in bytes, prices in micro-units per hour, what is free this second."""

    id: UUID
    code: str
    title: str
    gpu_model: str | None
    gpu_count: int
    vram_gib: int
    cpu_count: int
    memory_gib: int
    disks: tuple[Disk, ...]
    network_gbps: int
    sells_whole: bool
    sells_slots: bool
    price: PriceAnswer
    next_price: PriceAnswer | None
    available: Availability

    @classmethod
    def of(cls, offer: Offer) -> "SkuAnswer":
        """An offer as JSON."""
        names = cls.__struct_fields__
        sku = {name: getattr(offer.sku, name) for name in names if hasattr(offer.sku, name)}
        coming = PriceAnswer.of(offer.next_price) if offer.next_price else None
        return cls(**sku, price=PriceAnswer.of(offer.price), next_price=coming, available=offer.available)


class ImageAnswer(msgspec.Struct, kw_only=True):
    """One image: its code is what a launch names."""

    id: UUID
    code: str
    title: str
    is_default: bool

    @classmethod
    def of(cls, image: ImageView) -> "ImageAnswer":
        """An image as JSON."""
        return cls(id=image.id, code=image.code, title=image.title, is_default=image.is_default)


class NodeAnswer(msgspec.Struct, kw_only=True):
    """One node of the list. `holders` has one entry per slot: the allocation that holds it, or null."""

    id: UUID
    system_id: str
    hostname: str
    zone: str
    sku: str | None
    sku_problem: str | None
    state: NodeState
    state_reason: str | None
    cordoned_at: datetime | None
    cordon_reason: str | None
    deployed_as_shared: bool
    maas_state: str
    maas_seen_at: datetime
    holders: tuple[UUID | None, ...]
    version: int


class NodesAnswer(msgspec.Struct, kw_only=True):
    """A page of nodes; pass `next_cursor` as `cursor` for the next one."""

    items: list[NodeAnswer]
    next_cursor: str | None

    @classmethod
    def of(cls, found: NodePage) -> "NodesAnswer":
        """A page of nodes as JSON."""
        names = [name for name in NodeAnswer.__struct_fields__ if name != "sku"]
        items = [NodeAnswer(sku=row.sku_code, **{name: getattr(row, name) for name in names}) for row in found.nodes]
        return cls(items=items, next_cursor=found.next_cursor)


class ReasonBody(msgspec.Struct, kw_only=True):
    """The reason: it is shown to other operators and kept in the audit log."""

    reason: str


class OfferRow(msgspec.Struct, frozen=True, kw_only=True):
    """An offer and where Launch leads (None: not from here)."""

    offer: Offer
    launch_href: str | None


class CatalogPage(msgspec.Struct, frozen=True, kw_only=True):
    """The catalog under its filter."""

    rows: tuple[OfferRow, ...]
    gpu_chips: tuple[Chip, ...]
    price_chips: tuple[Chip, ...]
    free_chip: Chip
    query: str
    on_sale: int  # without the filter

    @classmethod
    def of(cls, offers: Offers, shown: Sequence[Offer], wanted: OfferFilter, *, can_launch: bool) -> "CatalogPage":
        """The catalog with its chips; every chip is a link, so that a filter can be sent to a colleague."""
        query: dict[str, str] = {}
        if wanted.gpu_model:
            query["gpu"] = wanted.gpu_model
        if wanted.dearest is not None:
            query["max"] = str(wanted.dearest)
        if wanted.free_now:
            query["free"] = "1"
        models = sorted({offer.sku.gpu_model or "none" for offer in offers.items})
        return cls(
            rows=tuple(
                OfferRow(
                    offer=offer,
                    launch_href=f"/launch?{urlencode({'sku': offer.sku.code})}" if can_launch else None,
                )
                for offer in shown
            ),
            gpu_chips=tuple(
                _chip("/catalog", query, "gpu", model, "No GPU" if model == "none" else model) for model in models
            ),
            price_chips=tuple(
                _chip("/catalog", query, "max", str(step), f"From {money(step, offers.currency)}/h or less")
                for step in PRICE_STEPS
            ),
            free_chip=_chip("/catalog", query, "free", "1", "Available now"),
            query=_tail(query),
            on_sale=len(offers.items),
        )


class NodeLine(msgspec.Struct, frozen=True, kw_only=True):
    """A node with the label and shape of its state."""

    node: NodeRow
    slots: SlotKinds
    look: tuple[str, str]  # a key of STATES, the word beside it
    maas_look: tuple[str, str]
    reason: str

    @classmethod
    def of(cls, row: NodeRow) -> "NodeLine":
        cordoned = row.cordoned_at is not None
        reasons = (row.state_reason, row.cordon_reason, row.sku_problem)
        return cls(
            node=row,
            slots=node_slots(row.holders, row.state, cordoned=cordoned),
            look=node_look(row.state, row.holders, cordoned=cordoned, matched=row.sku_code is not None),
            maas_look=MAAS_LOOK.get(row.maas_state, ("attention", row.maas_state)),
            reason=" · ".join(reason for reason in reasons if reason),
        )


class NodesPage(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's list."""

    lines: tuple[NodeLine, ...]
    counts: FleetCounts
    chips: tuple[Chip, ...]
    search: str
    query: str
    next_href: str | None
    first_href: str | None
    report: ImportReport | None

    @classmethod
    def of(cls, found: NodePage, counts: FleetCounts, query: NodeQuery, report: ImportReport | None) -> "NodesPage":
        """The operator's list with its chips."""
        given = {"state": query.state, "sku": query.sku, "q": query.search, "cordoned": "1" if query.cordoned else None}
        kept = {name: value for name, value in given.items() if value}
        per_state = [(name, getattr(counts, name)) for name in NODE_STATES]
        chips = [
            _chip("/admin/nodes", kept, "state", name, f"{NODE_LABELS[name]} {count}")
            for name, count in per_state
            if count
        ]
        if counts.cordoned:
            chips.append(_chip("/admin/nodes", kept, "cordoned", "1", f"{CORDONED} {counts.cordoned}"))
        here = kept | ({"cursor": query.cursor} if query.cursor else {})
        following = kept | {"cursor": found.next_cursor or ""}
        return cls(
            lines=tuple(NodeLine.of(row) for row in found.nodes),
            counts=counts,
            chips=tuple(chips),
            search="" if query.search is None else query.search,
            query=_tail(here),
            next_href="/admin/nodes" + _tail(following) if found.next_cursor else None,
            first_href="/admin/nodes" + _tail(kept) if query.cursor else None,
            report=report,
        )


MAAS_LOOK: Mapping[str, tuple[str, str]] = {
    "ready": ("ready", "Ready"),
    "deploying": ("in_progress", "Deploying"),
    "deployed": ("active", "Deployed"),
    "releasing": ("in_progress", "Releasing"),
    "erasing": ("in_progress", "Erasing disks"),
    "commissioning": ("in_progress", "Commissioning"),
    "failed": ("failed", "Failed"),
    "broken": ("failed", "Broken"),
    "missing": ("failed", "Not shown"),
}


def node_look(state: NodeState, holders: Iterable[UUID | None], *, cordoned: bool, matched: bool) -> tuple[str, str]:
    """The shape of a node's state and its label: trouble before readiness."""
    shapes = {"quarantined": "failed", "missing": "failed", "maintenance": "attention", "retired": "ended"}
    ready = "attention" if cordoned or not matched else "active" if any(holders) else "ready"
    return shapes.get(state, ready), node_label(state, cordoned=cordoned, matched=matched)


def node_slots(holders: Iterable[UUID | None], state: str, *, cordoned: bool) -> SlotKinds:
    """One kind per slot. A free slot that cannot be placed on is not drawn as free."""
    empty = {"ready": "attention" if cordoned else "free", "maintenance": "attention"}.get(state, "failed")
    return tuple("taken" if holder else empty for holder in holders)


def _chip(path: str, query: Mapping[str, str], name: str, value: str, text: str) -> Chip:
    on = query.get(name) == value
    others = {key: item for key, item in query.items() if key != name}
    return text, path + _tail(others if on else others | {name: value}), on


def _tail(query: Mapping[str, str]) -> str:
    return f"?{urlencode(query)}" if query else ""
