"""What waits for longer than it may, for the operator's first page and for programs."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.inventory.contracts import StuckNode
from app.domains.provisioning.schemas import LABELS, look
from app.domains.provisioning.service.fleet import Asked, Stuck, StuckMachine
from app.shared.formats import duration


class StuckRequest(msgspec.Struct, kw_only=True):
    """The last request to the workflow engine. `state` is waiting, delivered, failing (it is tried again) or given_up
    (it is a dead letter); `error` is the last one."""

    effect: str
    at: datetime
    state: str
    attempts: int
    error: str

    @classmethod
    def of(cls, asked: Asked) -> "StuckRequest":
        outcome = asked.outcome
        return cls(
            effect=asked.effect, at=asked.at, state=outcome.state, attempts=outcome.attempts, error=outcome.error
        )


class StuckAnswer(msgspec.Struct, kw_only=True):
    """One item that is past its limit. `kind` is machine or node; `learned`: the limit comes from earlier runs."""

    kind: str
    id: UUID
    name: str
    tenant_id: UUID | None
    state: str
    step: str
    reason: str
    since: datetime
    age_seconds: int
    sla_seconds: int
    learned: bool
    automatic: str
    workflow_id: str | None
    request: StuckRequest | None

    @classmethod
    def of_machine(cls, item: StuckMachine) -> "StuckAnswer":
        row = item.allocation
        return cls(
            kind="machine",
            id=row.id,
            name=row.name,
            tenant_id=row.tenant_id,
            state=row.state,
            step=item.step,
            reason=item.detail,
            since=row.state_changed_at,
            age_seconds=item.age_seconds,
            sla_seconds=item.sla.seconds,
            learned=item.sla.learned,
            automatic=item.automatic,
            workflow_id=item.workflow_id,
            request=StuckRequest.of(item.asked) if item.asked else None,
        )

    @classmethod
    def of_node(cls, item: StuckNode) -> "StuckAnswer":
        return cls(
            kind="node",
            id=item.node.id,
            name=item.node.hostname,
            tenant_id=None,
            state=item.what,
            step="",
            reason=item.reason,
            since=item.since,
            age_seconds=item.age_seconds,
            sla_seconds=item.sla_seconds,
            learned=False,
            automatic=item.automatic,
            workflow_id=None,
            request=None,
        )


class StuckListAnswer(msgspec.Struct, kw_only=True):
    """The longest past its time first, machines before nodes."""

    items: list[StuckAnswer]

    @classmethod
    def of(cls, stuck: Stuck) -> "StuckListAnswer":
        """What is stuck, for programs."""
        machines = [StuckAnswer.of_machine(item) for item in stuck.machines]
        return cls(items=machines + [StuckAnswer.of_node(item) for item in stuck.nodes])


class StuckRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of what is stuck."""

    name: str
    href: str | None
    kind: str
    look: tuple[str, str]
    step: str
    since: datetime
    allowed: str
    reason: str
    automatic: str
    workflow_id: str | None
    request: tuple[str, datetime] | None

    @classmethod
    def of_machine(cls, item: StuckMachine, *, linked: bool) -> "StuckRow":
        row = item.allocation
        source = "learned from its type" if item.sla.learned else "by policy"
        return cls(
            name=row.name,
            href=f"/admin/allocations/{row.id}" if linked else None,
            kind=f"{row.sku_code} of {item.tenant}",
            look=look(row.state, cancel_requested=row.cancel_requested),
            step=LABELS.get(item.step, ""),
            since=row.state_changed_at,
            allowed=f"{duration(item.sla.seconds)}, {source}",
            reason=item.detail,
            automatic=item.automatic,
            workflow_id=item.workflow_id,
            request=None if item.asked is None else (request_text(item.asked), item.asked.at),
        )

    @classmethod
    def of_node(cls, item: StuckNode, *, linked: bool) -> "StuckRow":
        shape = {"quarantined": "failed", "missing": "failed"}.get(item.what, "attention")
        return cls(
            name=item.node.hostname,
            href=f"/admin/nodes/{item.node.id}" if linked else None,
            kind="node",
            look=(shape, item.what),
            step="",
            since=item.since,
            allowed=f"{duration(item.sla_seconds)}, by {'its deadline' if item.node.drain_deadline else 'policy'}",
            reason=item.reason,
            automatic=item.automatic,
            workflow_id=None,
            request=None,
        )


def stuck_rows(stuck: Stuck, *, may_open_nodes: bool, may_open_machines: bool) -> tuple[StuckRow, ...]:
    machines = [StuckRow.of_machine(item, linked=may_open_machines) for item in stuck.machines]
    return tuple(machines + [StuckRow.of_node(item, linked=may_open_nodes) for item in stuck.nodes])


def request_text(asked: Asked) -> str:
    """`start delivered`, or why it was not."""
    outcome = asked.outcome
    if outcome.state == "failing":
        return f"{asked.effect} failed {outcome.attempts} times, tried again: {outcome.error}"
    if outcome.state == "given_up":
        return f"{asked.effect} given up, see dead letters: {outcome.error}"
    return f"{asked.effect} {'delivered' if outcome.state == 'delivered' else 'waiting to be sent'}"
