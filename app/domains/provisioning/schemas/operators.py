"""Machines of all tenants, for operators: JSON in and out, and the structs of their pages. Amounts are micro-units."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

import msgspec

from app.domains.provisioning.models import Allocation
from app.domains.provisioning.repository.operators import PlacementRecord
from app.domains.provisioning.rules.states import ENDED, ENDING, STARTING, STATES, as_state, state_label
from app.domains.provisioning.schemas import MachineRow, StepAnswer, look, timeline
from app.domains.provisioning.service.operators import Detail, Emptied, Found, NodeWithHolders, Query, label_of
from app.domains.provisioning.service.views import Machine, MachineDetail
from app.web.parts import Step
from app.web.show_code import ApiCall, call

Chip = tuple[str, str, bool]


class OperatorBody(msgspec.Struct, kw_only=True):
    """The reason: the customer reads it on the machine's page, and it is kept in the audit log."""

    reason: str


class ConfirmForm(msgspec.Struct, kw_only=True):
    """The same from the page, with the name that was typed."""

    reason: str = ""
    confirm_name: str = ""


class OperatorAllocationAnswer(msgspec.Struct, kw_only=True):
    """A machine of any tenant."""

    id: UUID
    name: str
    tenant_id: UUID
    tenant: str
    project_id: UUID
    project: str
    user_id: UUID
    state: str
    state_changed_at: datetime
    sku: str
    gpus: int
    whole: bool
    image: str
    node_id: UUID | None
    node: str | None
    currency: str
    rate_per_hour: int
    cost: int
    requested_at: datetime
    active_at: datetime | None
    release_requested_at: datetime | None
    release_reason: str | None
    ended_at: datetime | None
    cancel_requested: bool
    failure_code: str | None
    failure_text: str | None
    version: int

    @classmethod
    def of(cls, row: Allocation, names: Mapping[UUID, str], node: str | None, cost: int) -> "OperatorAllocationAnswer":
        """One row for programs."""
        same = {name for name in cls.__struct_fields__ if hasattr(row, name)}
        return cls(
            **{name: getattr(row, name) for name in same},
            tenant=names.get(row.tenant_id, ""),
            project=names.get(row.project_id, ""),
            sku=row.sku_code,
            image=row.image_code,
            node=node,
            rate_per_hour=row.rate_micro,
            cost=cost,
        )


class OperatorAllocationsAnswer(msgspec.Struct, kw_only=True):
    """Newest first; pass `next_cursor` as `cursor` for the next page."""

    items: list[OperatorAllocationAnswer]
    next_cursor: UUID | None

    @classmethod
    def of(cls, found: Found) -> "OperatorAllocationsAnswer":
        """A page for programs."""
        shown = found.rows[: found.limit]
        items = [
            OperatorAllocationAnswer.of(
                row, found.names, found.nodes.get(row.node_id) if row.node_id else None, _cost(found, row)
            )
            for row in shown
        ]
        more = len(found.rows) > found.limit
        return cls(items=items, next_cursor=shown[-1].id if more else None)


class PlacementAnswer(msgspec.Struct, kw_only=True):
    """One choice of a node, as it was made: how many would have done, and why this one."""

    attempt: int
    node_id: UUID
    node: str
    slots: tuple[int, ...]
    candidates: int
    reason: str
    placed_at: datetime


class OperatorDetailAnswer(msgspec.Struct, kw_only=True):
    """A machine of any tenant with its timeline, placements and workflows."""

    allocation: OperatorAllocationAnswer
    owner: str
    steps: list[StepAnswer]
    placements: list[PlacementAnswer]
    workflow_ids: tuple[str, ...]

    @classmethod
    def of(cls, detail: Detail) -> "OperatorDetailAnswer":
        """One machine for programs."""
        row = detail.allocation
        cost = detail.cost.total if detail.cost else 0
        return cls(
            allocation=OperatorAllocationAnswer.of(row, detail.names, detail.node_name, cost),
            owner=detail.names.get(row.user_id, ""),
            steps=[msgspec.convert(step, StepAnswer, from_attributes=True) for step in detail.steps],
            placements=[
                PlacementAnswer(
                    attempt=item.attempt,
                    node_id=item.node_id,
                    node=item.node_name,
                    slots=item.slots,
                    candidates=item.candidates,
                    reason=item.reason,
                    placed_at=item.placed_at,
                )
                for item in detail.placements
            ],
            workflow_ids=detail.workflows,
        )


class TakenAnswer(msgspec.Struct, kw_only=True):
    """What became of one machine: released, canceled or refused, then with why."""

    allocation_id: UUID
    name: str
    outcome: str
    why: str


class EmptiedAnswer(msgspec.Struct, kw_only=True):
    """One result per machine of the node."""

    items: list[TakenAnswer]

    @classmethod
    def of(cls, emptied: Emptied) -> "EmptiedAnswer":
        """Results for programs."""
        items = [
            TakenAnswer(allocation_id=item.allocation_id, name=item.name, outcome=item.outcome, why=item.why)
            for item in emptied.results
        ]
        return cls(items=items)


class AdminMachineRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the operator's list."""

    row: Allocation
    place: str
    node: str | None
    look: tuple[str, str]
    cost_micro: int

    @classmethod
    def of(cls, row: Allocation, found: Found) -> "AdminMachineRow":
        return cls(
            row=row,
            place=label_of(found.names, row),
            node=found.nodes.get(row.node_id) if row.node_id else None,
            look=look(row.state, cancel_requested=row.cancel_requested),
            cost_micro=_cost(found, row),
        )


class AdminMachinesPage(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's list of machines."""

    rows: tuple[AdminMachineRow, ...]
    chips: tuple[Chip, ...]
    state_chips: tuple[Chip, ...]
    narrowed: tuple[Chip, ...]
    search: str
    kept: tuple[tuple[str, str], ...]
    query: str
    next_href: str | None
    first_href: str | None
    is_filtered: bool
    call: ApiCall

    @classmethod
    def of(cls, found: Found, query: Query) -> "AdminMachinesPage":
        """The list with its chips; every filter is in the address."""
        kept = _kept(query)
        shown = found.rows[: found.limit]
        following = kept | {"cursor": str(shown[-1].id)} if len(found.rows) > found.limit else None
        here = kept | ({"cursor": str(query.before)} if query.before else {})
        return cls(
            rows=tuple(AdminMachineRow.of(row, found) for row in shown),
            chips=(_chip(kept, "live", "1", "Not ended"), _chip(kept, "stuck", "1", "Stuck")),
            state_chips=tuple(_chip(kept, "state", state, state_label(state)) for state in STATES),
            narrowed=tuple(
                _chip(kept, name, kept[name], f"{word} {_name_of(found, name, kept[name])}")
                for name, word in (
                    ("tenant", "Organisation"),
                    ("project", "Project"),
                    ("node", "Node"),
                    ("sku", "Type"),
                )
                if name in kept
            ),
            search="" if query.search is None else query.search,
            kept=tuple((name, value) for name, value in kept.items() if name != "q"),
            query=_tail(here),
            next_href="/admin/allocations" + _tail(following) if following else None,
            first_href="/admin/allocations" + _tail(kept) if query.before else None,
            is_filtered=bool(kept),
            call=call("GET", "/api/v1/admin/allocations" + _tail(kept), cli=("admin", "machines", "ls")),
        )


class AdminMachinePage(msgspec.Struct, frozen=True, kw_only=True):
    """One machine for an operator."""

    row: MachineRow
    place: str
    owner: str
    node: str | None
    steps: tuple[Step, ...]
    placements: tuple[PlacementRecord, ...]
    notes: tuple[tuple[str, str, str, datetime], ...]  # action, reason, who, when
    workflows: tuple[str, ...]
    can_release: bool
    can_cancel: bool
    at: datetime
    call: ApiCall

    @classmethod
    def of(cls, detail: Detail, *, may_release: bool) -> "AdminMachinePage":
        """One machine; acts are offered where they can be done."""
        row, state = detail.allocation, as_state(detail.allocation.state)
        machine = Machine(allocation=row, sku=detail.sku, cost=detail.cost)
        path = f"/api/v1/admin/allocations/{row.id}"
        acts = may_release and state not in ENDED | ENDING
        verb = "cancel" if state in STARTING else "release"
        words = ("admin", "machines", verb, row.name, "--reason", "the host is failing")
        act = call("POST", f"{path}/{verb}", OperatorBody(reason="the host is failing"), cli=words)
        return cls(
            row=MachineRow.of(machine),
            place=label_of(detail.names, row),
            owner=detail.names.get(row.user_id, "erased"),
            node=detail.node_name,
            steps=timeline(_as_customer_sees(detail, machine)),
            placements=tuple(detail.placements),
            notes=tuple(
                (note.action, note.reason, _who(detail, note.actor_id), note.created_at) for note in detail.notes
            ),
            workflows=detail.workflows,
            can_release=acts and state == "active",
            can_cancel=acts and state in STARTING and not row.cancel_requested,
            at=detail.at,
            call=act if acts else call("GET", path, cli=("admin", "machines", "show", row.name)),
        )


class EmptiedPage(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each machine of a node."""

    node_id: UUID
    hostname: str
    results: tuple[tuple[UUID, str, tuple[str, str], str], ...]

    @classmethod
    def of(cls, emptied: Emptied, hostname: str) -> "EmptiedPage":
        """One line per machine."""
        looks = {"released": look("releasing"), "canceled": look("canceled")}
        return cls(
            node_id=emptied.node_id,
            hostname=hostname,
            results=tuple(
                (item.allocation_id, item.name, looks.get(item.outcome, ("failed", "Refused")), item.why)
                for item in emptied.results
            ),
        )


class HoldersPage(msgspec.Struct, frozen=True, kw_only=True):
    """The allocations on a node: machine, organisation, slots, state."""

    node_id: UUID
    hostname: str
    rows: tuple[tuple[Allocation, str, str, tuple[str, str]], ...]
    may_release: bool

    @classmethod
    def of(cls, found: NodeWithHolders, *, may_release: bool) -> "HoldersPage":
        """The allocations on a node."""
        rows = []
        for item in found.holders:
            row, slots = item.allocation, ", ".join(map(str, item.slots))
            rows.append(
                (row, label_of(found.names, row), slots, look(row.state, cancel_requested=row.cancel_requested))
            )
        return cls(node_id=found.node.id, hostname=found.node.hostname, rows=tuple(rows), may_release=may_release)


def _as_customer_sees(detail: Detail, machine: Machine) -> MachineDetail:
    return MachineDetail(machine=machine, image=detail.image, steps=detail.steps, usual=detail.usual, at=detail.at)


def _who(detail: Detail, actor_id: UUID | None) -> str:
    return detail.names.get(actor_id, "somebody") if actor_id else "Berth"


def _cost(found: Found, row: Allocation) -> int:
    cost = found.costs.get(row.id)
    return cost.total if cost else 0


def _name_of(found: Found, name: str, value: str) -> str:
    if name == "sku":
        return value
    known = {str(key): text for key, text in (found.nodes if name == "node" else found.names).items()}
    return known.get(value, value[-8:])


def _kept(query: Query) -> dict[str, str]:
    given = {
        "live": "1" if query.live else None,
        "stuck": "1" if query.stuck else None,
        "state": query.state,
        "sku": query.sku,
        "tenant": query.tenant_id,
        "project": query.project_id,
        "node": query.node_id,
        "q": query.search,
    }
    return {name: str(value) for name, value in given.items() if value}


def _chip(kept: Mapping[str, str], name: str, value: str, text: str) -> Chip:
    on = kept.get(name) == value
    others = {key: item for key, item in kept.items() if key != name}
    return text, "/admin/allocations" + _tail(others if on else others | {name: value}), on


def _tail(query: Mapping[str, str]) -> str:
    return f"?{urlencode(query)}" if query else ""
