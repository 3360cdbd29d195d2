"""Wire shapes of provisioning: JSON in and out, forms, and the structs its pages get. Amounts are micro-units."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.billing.contracts import CostLine, ReceiptView
from app.domains.provisioning.models import Allocation
from app.domains.provisioning.repository.timeline import StepView
from app.domains.provisioning.rules.states import ENDED, ENDING, STARTING, State, as_state, state_label
from app.domains.provisioning.service.views import Machine, MachineDetail
from app.web.parts import Step
from app.web.show_code import ApiCall

SHAPES: Mapping[State, str] = {
    "requested": "waiting",
    "placing": "in_progress",
    "provisioning": "in_progress",
    "configuring": "in_progress",
    "active": "active",
    "releasing": "in_progress",
    "release_failed": "attention",
    "released": "ended",
    "failed": "failed",
    "canceled": "ended",
}
LABELS = {
    "place": "Choose a machine",
    "deploy": "Install",
    "configure": "Create your account",
    "probe": "Check that it works",
    "activate": "Activate",
    "close": "End access",
    "erase": "Erase the disks",
}
WAY_IN = ("place", "deploy", "configure", "probe", "activate")


class ReleaseForm(msgspec.Struct, kw_only=True):
    confirm_name: str = ""


class StepAnswer(msgspec.Struct, kw_only=True):
    """One step; state: in_progress | active (done well) | failed | ended."""

    step: str
    attempt: int
    state: str
    detail: str
    started_at: datetime | None
    finished_at: datetime | None


class AllocationAnswer(msgspec.Struct, kw_only=True):
    """One machine. Billing runs from `active_at` to `release_requested_at`, by the second. `hold` is what is set aside
    for it now: 0 as soon as it is released."""

    id: UUID
    name: str
    state: str
    sku: str
    gpus: int
    whole: bool
    image: str
    currency: str
    rate_per_hour: int
    hold: int
    cost: int
    cost_seconds: int
    requested_at: datetime
    active_at: datetime | None
    release_requested_at: datetime | None
    ended_at: datetime | None
    cancel_requested: bool
    failure_code: str | None
    failure_text: str | None
    version: int
    steps: list[StepAnswer] | None = None

    @classmethod
    def of(cls, machine: Machine, steps: Sequence[StepView] | None = None) -> "AllocationAnswer":
        """One machine for programs."""
        row, cost = machine.allocation, machine.cost
        return cls(
            id=row.id,
            name=row.name,
            state=row.state,
            sku=row.sku_code,
            gpus=row.gpus,
            whole=row.whole,
            image=row.image_code,
            currency=row.currency,
            rate_per_hour=row.rate_micro,
            hold=row.hold_micro if holds(row) else 0,
            cost=cost.total if cost else 0,
            cost_seconds=cost.seconds if cost else 0,
            requested_at=row.requested_at,
            active_at=row.active_at,
            release_requested_at=row.release_requested_at,
            ended_at=row.ended_at,
            cancel_requested=row.cancel_requested,
            failure_code=row.failure_code,
            failure_text=row.failure_text,
            version=row.version,
            steps=None
            if steps is None
            else [msgspec.convert(step, StepAnswer, from_attributes=True) for step in steps],
        )


class AllocationsAnswer(msgspec.Struct, kw_only=True):
    """Newest first; pass `next_cursor` as `cursor` for the next page."""

    items: list[AllocationAnswer]
    next_cursor: UUID | None

    @classmethod
    def of(cls, machines: Sequence[Machine], limit: int) -> "AllocationsAnswer":
        """A page for programs; one row more than `limit` was requested, to know whether there are more."""
        shown = machines[:limit]
        more = len(machines) > limit
        return cls(
            items=[AllocationAnswer.of(row) for row in shown], next_cursor=shown[-1].allocation.id if more else None
        )


class ReceiptLine(msgspec.Struct, kw_only=True):
    """Seconds at a rate inside one hour of the clock. The sum over all lines is the total."""

    from_at: datetime
    to_at: datetime
    seconds: int
    rate_per_hour: int
    amount: int


class ReceiptAnswer(msgspec.Struct, kw_only=True):
    allocation_id: UUID
    currency: str
    seconds: int
    total: int
    lines: list[ReceiptLine]

    @classmethod
    def of(cls, receipt: ReceiptView) -> "ReceiptAnswer":
        """The receipt for programs."""
        lines = [
            ReceiptLine(
                from_at=line.from_at,
                to_at=line.to_at,
                seconds=line.seconds,
                rate_per_hour=line.rate,
                amount=line.amount,
            )
            for line in receipt.lines
        ]
        return cls(
            allocation_id=receipt.allocation_id,
            currency=receipt.currency,
            seconds=receipt.seconds,
            total=receipt.total,
            lines=lines,
        )


def holds(row: Allocation) -> bool:
    """Whether its hold is still open: it is released when the machine is."""
    return row.state == "active" or as_state(row.state) in STARTING


# -- pages -------------------------------------------------------------------------------------------------------------


class MachineRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a list. `live_rate` is None while nothing is billed."""

    allocation: Allocation
    title: str
    look: tuple[str, str]
    slots: tuple[str, ...]
    cost_micro: int
    live_rate: int | None

    @classmethod
    def of(cls, machine: Machine) -> "MachineRow":
        row = machine.allocation
        kind = {"active": "mine", "failed": "failed"}.get(
            row.state, "free" if as_state(row.state) in ENDED else "in_progress"
        )
        count = max(1, row.gpus)
        return cls(
            allocation=row,
            title=machine.sku.title
            if row.whole
            else f"{row.gpus} of {machine.sku.gpu_count} GPUs, {machine.sku.title}",
            look=look(row.state, cancel_requested=row.cancel_requested),
            slots=(kind,) * count,
            cost_micro=machine.cost.total if machine.cost else 0,
            live_rate=row.rate_micro if row.state == "active" else None,
        )


class MachinesPage(msgspec.Struct, frozen=True, kw_only=True):
    rows: tuple[MachineRow, ...]
    live_only: bool
    next_href: str | None
    is_first: bool

    @classmethod
    def of(cls, machines: Sequence[Machine], limit: int, *, live: bool, is_first: bool) -> "MachinesPage":
        shown = machines[:limit]
        more = (
            f"/machines?{'live=1&' if live else ''}cursor={shown[-1].allocation.id}" if len(machines) > limit else None
        )
        return cls(
            rows=tuple(MachineRow.of(machine) for machine in shown), live_only=live, next_href=more, is_first=is_first
        )


class MachinePage(msgspec.Struct, frozen=True, kw_only=True):
    """One machine. `steps` are those of the way in while it starts, else all that happened."""

    row: MachineRow
    image_title: str
    steps: tuple[Step, ...]
    usual_seconds: float | None
    at: datetime
    is_starting: bool
    is_active: bool
    is_ending: bool
    has_ended: bool
    call: ApiCall
    operator_reason: str

    @property
    def machine(self) -> Allocation:
        """Whose tabs `layouts/machine.html` draws."""
        return self.row.allocation

    @classmethod
    def of(cls, detail: MachineDetail) -> "MachinePage":
        row, state = detail.machine.allocation, as_state(detail.machine.allocation.state)
        usual = [detail.usual[name] for name in WAY_IN if name in detail.usual]
        return cls(
            row=MachineRow.of(detail.machine),
            image_title=detail.image.title,
            steps=timeline(detail),
            usual_seconds=sum(usual) if len(usual) == len(WAY_IN) else None,
            at=detail.at,
            is_starting=state in STARTING,
            is_active=state == "active",
            is_ending=state in ENDING,
            has_ended=state in ENDED,
            call=ApiCall(method="GET", path=f"/api/v1/allocations/{row.id}", cli=("show", row.name)),
            operator_reason=detail.operator_reason,
        )


class ReceiptPage(msgspec.Struct, frozen=True, kw_only=True):
    allocation: Allocation
    receipt: ReceiptView
    lines: tuple[CostLine, ...]


def look(state: str, *, cancel_requested: bool = False) -> tuple[str, str]:
    """The shape of an allocation's state and its label."""
    return SHAPES[as_state(state)], state_label(state, cancel_requested=cancel_requested)


def timeline(detail: MachineDetail) -> tuple[Step, ...]:
    """What happened, then what is still to come, with how long it usually takes."""
    row = detail.machine.allocation
    shown = [_step(step, detail, row.attempt) for step in detail.steps if step.step in LABELS]
    if as_state(row.state) not in STARTING or row.cancel_requested:
        return tuple(shown)
    started = {step.step for step in detail.steps if step.attempt == row.attempt}
    for name in WAY_IN:
        if name not in started:
            shown.append(Step(label=LABELS[name], state="waiting", expected_seconds=detail.usual.get(name)))
    return tuple(shown)


def _step(step: StepView, detail: MachineDetail, attempt: int) -> Step:
    ended = step.finished_at or detail.at
    tries = f" (machine {step.attempt})" if attempt > 1 and step.step in WAY_IN else ""
    return Step(
        label=LABELS[step.step] + tries,
        state=step.state,
        seconds=None if step.started_at is None else max(0.0, (ended - step.started_at).total_seconds()),
        expected_seconds=detail.usual.get(step.step),
        detail=step.detail,
        started_at=step.started_at,
    )
