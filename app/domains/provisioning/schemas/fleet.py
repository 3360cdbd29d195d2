"""The fleet map and what is stuck: JSON answers and the structs of the operator's first page."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

import msgspec

from app.domains.provisioning.rules.fleet import NODE_WORDS, Figures
from app.domains.provisioning.schemas.stuck import StuckRow, stuck_rows
from app.domains.provisioning.service.fleet import Fleet, FleetQuery, MapNode
from app.web.shell import initials
from app.web.show_code import ApiCall, call

Chip = tuple[str, str, bool]
PAGE = 300  # nodes on a page: some 500 bytes each
PATTERNS = 8  # colours of organisations; the initials tell apart those that share one
# word of a node -> (how it looks, what it is called)
WORDS: Mapping[str, tuple[str, str]] = {
    "in_use": ("active", "In use"),
    "ready": ("ready", "Ready"),
    "deploying": ("in_progress", "Deploying"),
    "cleaning": ("waiting", "Cleaning"),
    "drain": ("attention", "Cordoned"),
    "repair": ("failed", "In repair"),
    "off": ("ended", "Out of service"),
}
SLOT_WORDS: Mapping[str, str] = {
    "used": "In use",
    "free": "Free",
    "coming": "Deploying",
    "going": "Cleaning",
    "drain": "Cordoned, empty",
    "repair": "In repair",
    "off": "Out of service",
}


class FleetNodeAnswer(msgspec.Struct, kw_only=True):
    """A node of the map. `slots` has one kind per slot: used, free, coming, going, drain, repair or off."""

    id: UUID
    system_id: str
    hostname: str
    zone: str
    sku: str | None
    state: str
    slots: tuple[str, ...]
    holders: tuple[UUID | None, ...]


class FleetAnswer(msgspec.Struct, kw_only=True):
    """The fleet now. `words` counts nodes by their one word; rates are micro-units per hour by currency. `sold_slots`
    of `slots_in_service` are held; `scattered_slots` of `free_slots` stand on nodes that somebody is on already."""

    nodes: int
    words: dict[str, int]
    slots_in_service: int
    sold_slots: int
    free_slots: int
    scattered_slots: int
    revenue_per_hour: dict[str, int]
    waiting: int
    waiting_since: datetime | None
    stuck: int
    items: list[FleetNodeAnswer]

    @classmethod
    def of(cls, fleet: Fleet) -> "FleetAnswer":
        """The map for programs."""
        items = [
            FleetNodeAnswer(
                id=item.node.id,
                system_id=item.node.system_id,
                hostname=item.node.hostname,
                zone=item.node.zone,
                sku=item.node.sku_code,
                state=item.word,
                slots=item.kinds,
                holders=item.node.holders,
            )
            for item in fleet.shown
        ]
        found = fleet.figures
        return cls(
            nodes=found.nodes,
            words=found.words,
            slots_in_service=found.slots_in_service,
            sold_slots=found.sold_slots,
            free_slots=found.free_slots,
            scattered_slots=found.scattered_slots,
            revenue_per_hour=fleet.burn,
            waiting=fleet.waiting,
            waiting_since=fleet.waiting_since,
            stuck=len(fleet.stuck.machines) + len(fleet.stuck.nodes),
            items=items,
        )


class NodeStrip(msgspec.Struct, frozen=True, kw_only=True):
    """One node on the map: its slots as classes of the strip, what is read of it, and where it leads."""

    hostname: str
    href: str | None
    slots: tuple[str, ...]
    summary: str
    mark: str

    @classmethod
    def of(
        cls, item: MapNode, names: Mapping[UUID, str], order: Mapping[UUID, int] | None, *, linked: bool
    ) -> "NodeStrip":
        slots: tuple[str, ...] = item.kinds
        mark = ""
        if order is not None:
            coloured = zip(item.kinds, item.tenants, strict=True)
            slots = tuple(_pattern(kind, tenant, order) for kind, tenant in coloured)
            held = {tenant: initials(names.get(tenant, "?")) for tenant in item.tenants if tenant is not None}
            mark = " ".join(held.values())
        taken = sum(holder is not None for holder in item.node.holders)
        return cls(
            hostname=item.node.hostname,
            href=f"/admin/fleet/{item.node.system_id}" if linked else None,
            slots=slots,
            summary=f"{WORDS[item.word][1]}, {taken}/{len(item.kinds)}",
            mark=mark,
        )


class NodeGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The nodes of one type in one zone."""

    title: str
    note: str
    nodes: tuple[NodeStrip, ...]


class FleetView(msgspec.Struct, frozen=True, kw_only=True):
    """The view that the request asked for."""

    query: FleetQuery
    table: bool = False
    by_tenant: bool = False

    def words(self) -> dict[str, str]:
        """The view as query parameters."""
        given = {
            "type": self.query.sku,
            "state": self.query.word,
            "q": self.query.search,
            "view": "table" if self.table else None,
            "by": "tenant" if self.by_tenant else None,
            "after": self.query.after,
        }
        return {name: value for name, value in given.items() if value}


class FleetPage(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's first page."""

    figures: Figures
    words: tuple[tuple[str, str, int], ...]  # look, word, count
    legend: tuple[tuple[str, str], ...]
    groups: tuple[NodeGroup, ...]
    rows: tuple[tuple[str, str | None, str, str, tuple[str, str], str, str], ...]
    as_table: bool
    by_tenant: bool
    view_chips: tuple[Chip, ...]
    type_chips: tuple[Chip, ...]
    word_chips: tuple[Chip, ...]
    search: str
    query: str
    shown_label: str  # "300 of 10,000 nodes", where it is not all of them
    next_href: str
    kept: tuple[tuple[str, str], ...]
    burn: tuple[tuple[str, int], ...]
    waiting: int
    waiting_since: datetime | None
    stuck: tuple[StuckRow, ...]
    at: datetime
    call: ApiCall

    @classmethod
    def of(cls, fleet: Fleet, view: FleetView, *, may_open_nodes: bool, may_open_machines: bool) -> "FleetPage":
        """The page under its filter; every chip is a link."""
        here, counts = view.words(), fleet.figures.words
        kept = {name: value for name, value in here.items() if name != "after"}
        codes = Counter(item.node.sku_code or "none" for item in fleet.all_nodes)
        return cls(
            figures=fleet.figures,
            words=tuple((*WORDS[word], counts[word]) for word in NODE_WORDS if counts.get(word)),
            legend=tuple(SLOT_WORDS.items()),
            groups=() if view.table else _groups(fleet, by_tenant=view.by_tenant, linked=may_open_nodes),
            rows=tuple(_row(item, fleet, linked=may_open_nodes) for item in fleet.shown) if view.table else (),
            as_table=view.table,
            by_tenant=view.by_tenant,
            view_chips=(_chip(kept, "by", "tenant", "By organisation"), _chip(kept, "view", "table", "As a table")),
            type_chips=tuple(_chip(kept, "type", code, f"{code} {count}") for code, count in codes.items()),
            word_chips=tuple(
                _chip(kept, "state", word, f"{WORDS[word][1]} {counts[word]}")
                for word in NODE_WORDS
                if counts.get(word)
            ),
            search=view.query.search or "",
            query=_tail(here),
            shown_label=f"{len(fleet.shown):,} of {fleet.found:,} nodes" if len(fleet.shown) < fleet.found else "",
            next_href="/admin" + _tail(kept | {"after": fleet.shown[-1].node.system_id}) if fleet.more else "",
            kept=tuple((name, value) for name, value in kept.items() if name != "q"),
            burn=tuple(fleet.burn.items()),
            waiting=fleet.waiting,
            waiting_since=fleet.waiting_since,
            stuck=stuck_rows(fleet.stuck, may_open_nodes=may_open_nodes, may_open_machines=may_open_machines),
            at=fleet.at,
            call=call("GET", "/api/v1/admin/fleet", cli=("admin", "fleet")),
        )


def _groups(fleet: Fleet, *, by_tenant: bool, linked: bool) -> tuple[NodeGroup, ...]:
    order = {tenant: index for index, tenant in enumerate(sorted(fleet.tenants, key=fleet.tenants.__getitem__))}
    grouped: dict[tuple[str, str], list[MapNode]] = {}
    for item in fleet.shown:
        grouped.setdefault((item.node.sku_title or "No type", item.node.zone), []).append(item)
    groups = []
    for (title, zone), items in grouped.items():
        slots = [kind for item in items for kind in item.kinds]
        note = f"{zone} · {len(items)} {_nodes(len(items))} · {slots.count('free')} of {len(slots)} slots free"
        nodes = tuple(NodeStrip.of(item, fleet.tenants, order if by_tenant else None, linked=linked) for item in items)
        groups.append(NodeGroup(title=title, note=note, nodes=nodes))
    return tuple(groups)


def _pattern(kind: str, tenant: UUID | None, order: Mapping[UUID, int]) -> str:
    if kind != "used" or tenant is None or tenant not in order:
        return kind
    return f"t{order[tenant] % PATTERNS}"


def _row(item: MapNode, fleet: Fleet, *, linked: bool) -> tuple[str, str | None, str, str, tuple[str, str], str, str]:
    node = item.node
    taken = sum(holder is not None for holder in node.holders)
    held = sorted({fleet.tenants.get(tenant, "?") for tenant in item.tenants if tenant is not None})
    href = f"/admin/fleet/{node.system_id}" if linked else None
    kind = node.sku_title or "no type"
    return node.hostname, href, kind, node.zone, WORDS[item.word], f"{taken} of {len(item.kinds)}", ", ".join(held)


def _nodes(count: int) -> str:
    return "node" if count == 1 else "nodes"


def _chip(kept: Mapping[str, str], name: str, value: str, text: str) -> Chip:
    on = kept.get(name) == value
    others = {key: item for key, item in kept.items() if key != name}
    return text, "/admin" + _tail(others if on else others | {name: value}), on


def _tail(query: Mapping[str, str]) -> str:
    return f"?{urlencode(query)}" if query else ""
