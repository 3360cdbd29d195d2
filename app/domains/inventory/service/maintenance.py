"""Taking a node out of service: drain, maintenance windows, retirement.

Present tenants remain; no new ones are placed. A launch takes the same row lock, so the two are ordered and the later
one sees the earlier.
"""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from app.domains.inventory.contracts import MaintenanceWindow, NodeState
from app.domains.inventory.errors import NodeInUse, NodeNotInService, WindowOverlaps
from app.domains.inventory.events import (
    NodeCordoned,
    NodeDrained,
    NodeMaintenanceBegan,
    NodeMaintenanceEnded,
    NodeMaintenancePlanned,
    NodeRetired,
)
from app.domains.inventory.repository.maintenance import MaintenanceRepository
from app.domains.inventory.repository.nodes import LockedNode, NodeRepository
from app.domains.inventory.repository.slots import SlotRepository
from app.domains.inventory.rules.maintenance import may_follow, overlaps
from app.domains.inventory.service.history import note
from app.domains.inventory.service.nodes import NodeChanged, lock, publish_slots, reason_of
from app.shared.audit import AuditAction
from app.shared.authz import Permission
from app.shared.batch import one_by_one
from app.shared.context import Context, ContextFactory
from app.shared.errors import NotFound, ValidationFailed
from app.shared.errors.faults import Faults
from app.shared.ids import new_id
from app.shared.use_case import use_case


class DrainNode(msgspec.Struct, frozen=True, kw_only=True):
    """Place no new tenants on the node and let present ones leave; `hours`: the deadline, None for none."""

    node_id: UUID
    reason: str
    hours: int | None = None


class PlanMaintenance(msgspec.Struct, frozen=True, kw_only=True):
    """Work on a node from `starts_at` (None: now) to `ends_at`."""

    node_id: UUID
    reason: str
    ends_at: datetime
    starts_at: datetime | None = None


class EndMaintenance(msgspec.Struct, frozen=True, kw_only=True):
    """Call a window off, or end it early."""

    node_id: UUID
    window_id: UUID


class RetireNode(msgspec.Struct, frozen=True, kw_only=True):
    """Out of service for good. `confirm_name`: what was typed; None from programs."""

    node_id: UUID
    reason: str
    confirm_name: str | None = None


MANAGE = Permission.PLATFORM_NODE_MANAGE
LONGEST_WINDOW = timedelta(days=90)
MAX_HOURS = 24 * 90


@use_case(MANAGE, AuditAction.NODE_DRAIN, lambda command, _result: command.node_id)
async def drain_node(ctx: Context, command: DrainNode) -> NodeChanged:
    """Cordon it until its tenants have left. A second drain takes the new reason and deadline. Raises NotFound,
    NodeNotInService for a retired node."""
    reason = reason_of(command.reason)
    if command.hours is not None and not 1 <= command.hours <= MAX_HOURS:
        raise ValidationFailed(fields={"hours": f"A deadline is 1 to {MAX_HOURS} hours from now"})
    ctx.explain(reason=reason, hours=command.hours)
    node, now = await lock(ctx, command.node_id), await ctx.now()
    if node.state == "retired":
        raise NodeNotInService("This node is retired.", state=node.state)
    deadline = None if command.hours is None else now + timedelta(hours=command.hours)
    ctx.changed(cordoned=(node.cordoned, True), draining=(node.is_draining, True))
    changed = await NodeRepository(ctx.session).set_drain(node.id, now, reason, deadline)
    await note(ctx, node.id, "draining", reason)
    await ctx.emit(NodeCordoned(node_id=node.id), version=changed.version)
    if await _is_empty(ctx, node.id):
        await ctx.emit(NodeDrained(node_id=node.id), version=changed.version)
        await note(ctx, node.id, "drained", "nobody was on it")
    await publish_slots(ctx, node.id, changed)
    return NodeChanged(node_id=node.id, state=node.state, cordoned=True, version=changed.version)


@use_case(MANAGE, AuditAction.NODE_MAINTENANCE, lambda command, _result: command.node_id)
async def plan_maintenance(ctx: Context, command: PlanMaintenance) -> MaintenanceWindow:
    """Plan a window that starts now or later; it starts and ends automatically. Raises NotFound, ValidationFailed,
    WindowOverlaps, NodeNotInService for a retired node."""
    now = await ctx.now()
    starts = now if command.starts_at is None else max(now, command.starts_at)
    with Faults() as faults:
        with faults.gathered():
            reason = reason_of(command.reason)
        with faults.gathered():
            _check_window(starts, command.ends_at, command.starts_at, now)
    ctx.explain(reason=reason, starts_at=starts.isoformat(), ends_at=command.ends_at.isoformat())
    node = await lock(ctx, command.node_id)
    if node.state == "retired":
        raise NodeNotInService("This node is retired.", state=node.state)
    window = MaintenanceWindow(id=new_id(), node_id=node.id, starts_at=starts, ends_at=command.ends_at, reason=reason)
    if any(overlaps(window, other) for other in await MaintenanceRepository(ctx.session).list_open(node.id)):
        raise WindowOverlaps()
    await MaintenanceRepository(ctx.session).append_window(window, now, ctx.actor.id)
    await note(
        ctx,
        node.id,
        "maintenance_planned",
        f"{starts:%Y-%m-%d %H:%M} to {command.ends_at:%Y-%m-%d %H:%M} UTC: {reason}",
    )
    event = NodeMaintenancePlanned(node_id=node.id, window_id=window.id, starts_at=starts, ends_at=window.ends_at)
    await ctx.emit(event, version=(await NodeRepository(ctx.session).touch(node.id)).version)
    if starts <= now:
        await _begin(ctx, node, window, now)
    return window


def _check_window(starts: datetime, ends: datetime, asked: datetime | None, now: datetime) -> None:
    with Faults() as faults:
        in_time = asked is None or asked >= now - timedelta(minutes=5)
        faults.unless(in_time, "starts_at", "A window begins now or later")
        faults.unless(ends > starts, "ends_at", "A window ends after it begins")
        faults.unless(ends - starts <= LONGEST_WINDOW, "ends_at", f"At most {LONGEST_WINDOW.days} days")


@use_case(MANAGE, AuditAction.NODE_MAINTENANCE_END, lambda command, _result: command.node_id)
async def end_maintenance(ctx: Context, command: EndMaintenance) -> NodeChanged:
    """Call a window off or end it early. Safe to repeat. Raises NotFound."""
    node, now = await lock(ctx, command.node_id), await ctx.now()
    window = await MaintenanceRepository(ctx.session).lock_window(node.id, command.window_id)
    if window is None:
        raise NotFound()
    state = await _end(ctx, node, window, now, "by an operator")
    current = await lock(ctx, node.id)
    return NodeChanged(node_id=node.id, state=state, cordoned=node.cordoned, version=current.version)


@use_case(MANAGE, AuditAction.NODE_RETIRE, lambda command, _result: command.node_id)
async def retire_node(ctx: Context, command: RetireNode) -> NodeChanged:
    """Take it out of service for good; its history remains. Raises NotFound, ValidationFailed, NodeInUse,
    NodeNotInService."""
    reason = reason_of(command.reason)
    ctx.explain(reason=reason)
    node, now = await lock(ctx, command.node_id), await ctx.now()
    hostname = (await NodeRepository(ctx.session).list_names([node.id]))[node.id]
    if command.confirm_name is not None and command.confirm_name.strip() != hostname:
        raise ValidationFailed(fields={"confirm_name": f"Type {hostname} to confirm"})
    if not may_follow(node.state, "retired"):
        raise NodeNotInService("This node is retired already.", state=node.state)
    if not await _is_empty(ctx, node.id) or node.deployed_as_shared:
        raise NodeInUse()
    for window in await MaintenanceRepository(ctx.session).list_open(node.id):
        await MaintenanceRepository(ctx.session).close_window(window.id, now)
    changed = await NodeRepository(ctx.session).set_state(node.id, "retired", reason, now)
    await note(ctx, node.id, "retired", reason)
    await ctx.emit(NodeRetired(node_id=node.id), version=changed.version)
    await publish_slots(ctx, node.id, changed)
    return NodeChanged(node_id=node.id, state="retired", cordoned=node.cordoned, version=changed.version)


async def turn_windows(contexts: ContextFactory) -> int:
    """Start and end the windows that are due, each in a transaction of its own. Returns how many changed. Safe to run
    twice at once: the node is locked, then the window is read again."""
    async with contexts() as ctx:
        due = await MaintenanceRepository(ctx.session).list_due(await ctx.now())

    async def turn(found: MaintenanceWindow) -> bool:
        async with contexts() as ctx:
            return await _turn(ctx, found)

    return await one_by_one(due, turn, "a maintenance window could not be turned")


async def _turn(ctx: Context, found: MaintenanceWindow) -> bool:
    node, now = await lock(ctx, found.node_id), await ctx.now()
    window = await MaintenanceRepository(ctx.session).lock_window(node.id, found.id)
    if window is None or window.closed_at is not None:
        return False
    if window.ends_at <= now:
        await _end(ctx, node, window, now, "its time is over")
        return True
    if window.started_at is None and window.starts_at <= now:
        await _begin(ctx, node, window, now)
        return True
    return False


async def _begin(ctx: Context, node: LockedNode, window: MaintenanceWindow, now: datetime) -> None:
    await MaintenanceRepository(ctx.session).begin_window(window.id, now)
    changed = await NodeRepository(ctx.session).touch(node.id)
    if node.state in ("ready", "missing"):  # a quarantined node stays one: somebody has to look anyway
        changed = await NodeRepository(ctx.session).set_state(node.id, "maintenance", window.reason, now)
    await note(ctx, node.id, "maintenance_began", window.reason)
    await ctx.emit(NodeMaintenanceBegan(node_id=node.id, window_id=window.id), version=changed.version)
    await publish_slots(ctx, node.id, changed)


async def _end(ctx: Context, node: LockedNode, window: MaintenanceWindow, now: datetime, why: str) -> NodeState:
    if window.closed_at is not None:
        return node.state
    await MaintenanceRepository(ctx.session).close_window(window.id, now)
    changed, state = await NodeRepository(ctx.session).touch(node.id), node.state
    if window.started_at is not None and node.state == "maintenance":
        changed, state = await NodeRepository(ctx.session).set_state(node.id, "ready", None, now), "ready"
    kind = "maintenance_ended" if window.started_at is not None else "maintenance_canceled"
    await note(ctx, node.id, kind, why)
    await ctx.emit(NodeMaintenanceEnded(node_id=node.id, window_id=window.id), version=changed.version)
    await publish_slots(ctx, node.id, changed)
    return state


async def _is_empty(ctx: Context, node_id: UUID) -> bool:
    held = (await SlotRepository(ctx.session).list_slots([node_id]))[node_id]
    return all(slot.allocation_id is None for slot in held)
