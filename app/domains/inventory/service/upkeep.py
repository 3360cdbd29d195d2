"""What operators decide about a node's time out of service: draining, maintenance windows, retiring.

Whoever is on a node stays through all of it; nobody new is placed there. A launch takes the same row lock, so that of a
launch and a decision one is first and the other sees it.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from uuid import UUID

from app.domains.inventory.contracts import MaintenanceWindow, NodeChanged, NodeState
from app.domains.inventory.contracts.upkeep import DrainNode, EndMaintenance, PlanMaintenance, RetireNode
from app.domains.inventory.errors import NodeInUse, NodeNotInService, WindowOverlaps
from app.domains.inventory.events import (
    NodeCordoned,
    NodeDrained,
    NodeMaintenanceBegan,
    NodeMaintenanceEnded,
    NodeMaintenancePlanned,
    NodeRetired,
)
from app.domains.inventory.repository import nodes, slots, upkeep
from app.domains.inventory.repository.nodes import LockedNode
from app.domains.inventory.rules.upkeep import may_follow, overlaps
from app.domains.inventory.service.history import note
from app.domains.inventory.service.nodes import lock, reason_of, tell_slots
from app.shared.audit import AuditAction
from app.shared.authz import Permission
from app.shared.batch import one_by_one
from app.shared.context import Context
from app.shared.errors import NotFound, ValidationFailed
from app.shared.errors.faults import Faults
from app.shared.ids import new_id
from app.shared.use_case import use_case

MANAGE = Permission.PLATFORM_NODE_MANAGE
LONGEST_WINDOW = timedelta(days=90)
MOST_HOURS = 24 * 90
ContextFactory = Callable[[], AbstractAsyncContextManager[Context]]


@use_case(MANAGE, AuditAction.NODE_DRAIN, lambda command, _result: command.node_id)
async def drain_node(ctx: Context, command: DrainNode) -> NodeChanged:
    """Cordon it and let those on it leave. A second drain takes the new reason and deadline. Raises NotFound,
    NodeNotInService for a retired node."""
    reason = reason_of(command.reason)
    if command.hours is not None and not 1 <= command.hours <= MOST_HOURS:
        raise ValidationFailed(fields={"hours": f"A deadline is 1 to {MOST_HOURS} hours from now"})
    ctx.explain(reason=reason, hours=command.hours)
    node, now = await lock(ctx, command.node_id), await ctx.now()
    if node.state == "retired":
        raise NodeNotInService("This node is retired.", state=node.state)
    deadline = None if command.hours is None else now + timedelta(hours=command.hours)
    ctx.changed(cordoned=(node.cordoned, True), draining=(node.is_draining, True))
    changed = await nodes.set_drain(ctx.session, node.id, now, reason, deadline)
    await note(ctx, node.id, "draining", reason)
    await ctx.emit(NodeCordoned(node_id=node.id), version=changed.version)
    if await _is_empty(ctx, node.id):
        await ctx.emit(NodeDrained(node_id=node.id), version=changed.version)
        await note(ctx, node.id, "drained", "nobody was on it")
    await tell_slots(ctx, node.id, changed)
    return NodeChanged(node_id=node.id, state=node.state, cordoned=True, version=changed.version)


@use_case(MANAGE, AuditAction.NODE_MAINTENANCE, lambda command, _result: command.node_id)
async def plan_maintenance(ctx: Context, command: PlanMaintenance) -> MaintenanceWindow:
    """A window from now or later; it begins and ends by itself. Raises NotFound, ValidationFailed, WindowOverlaps,
    NodeNotInService for a retired node."""
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
    if any(overlaps(window, other) for other in await upkeep.open_windows(ctx.session, node.id)):
        raise WindowOverlaps()
    await upkeep.append_window(ctx.session, window, now, ctx.actor.id)
    await note(
        ctx,
        node.id,
        "maintenance_planned",
        f"{starts:%Y-%m-%d %H:%M} to {command.ends_at:%Y-%m-%d %H:%M} UTC: {reason}",
    )
    fact = NodeMaintenancePlanned(node_id=node.id, window_id=window.id, starts_at=starts, ends_at=window.ends_at)
    await ctx.emit(fact, version=(await nodes.touch(ctx.session, node.id)).version)
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
    window = await upkeep.lock_window(ctx.session, node.id, command.window_id)
    if window is None:
        raise NotFound()
    state = await _end(ctx, node, window, now, "by an operator")
    current = await lock(ctx, node.id)
    return NodeChanged(node_id=node.id, state=state, cordoned=node.cordoned, version=current.version)


@use_case(MANAGE, AuditAction.NODE_RETIRE, lambda command, _result: command.node_id)
async def retire_node(ctx: Context, command: RetireNode) -> NodeChanged:
    """Out of service for good; its history stays. Raises NotFound, ValidationFailed, NodeInUse, NodeNotInService."""
    reason = reason_of(command.reason)
    ctx.explain(reason=reason)
    node, now = await lock(ctx, command.node_id), await ctx.now()
    hostname = (await nodes.names(ctx.session, [node.id]))[node.id]
    if command.confirm_name is not None and command.confirm_name.strip() != hostname:
        raise ValidationFailed(fields={"confirm_name": f"Type {hostname} to confirm"})
    if not may_follow(node.state, "retired"):
        raise NodeNotInService("This node is retired already.", state=node.state)
    if not await _is_empty(ctx, node.id) or node.deployed_as_shared:
        raise NodeInUse()
    for window in await upkeep.open_windows(ctx.session, node.id):
        await upkeep.close_window(ctx.session, window.id, now)
    changed = await nodes.set_state(ctx.session, node.id, "retired", reason, now)
    await note(ctx, node.id, "retired", reason)
    await ctx.emit(NodeRetired(node_id=node.id), version=changed.version)
    await tell_slots(ctx, node.id, changed)
    return NodeChanged(node_id=node.id, state="retired", cordoned=node.cordoned, version=changed.version)


async def turn_windows(contexts: ContextFactory) -> int:
    """Begin and end what is due, each window in a transaction of its own. Returns how many turned. Safe to run twice
    at once: the node's lock is taken, then the window is read again."""
    async with contexts() as ctx:
        due = await upkeep.due_windows(ctx.session, await ctx.now())

    async def turn(found: MaintenanceWindow) -> bool:
        async with contexts() as ctx:
            return await _turn(ctx, found)

    return await one_by_one(due, turn, "a maintenance window could not be turned")


async def _turn(ctx: Context, found: MaintenanceWindow) -> bool:
    node, now = await lock(ctx, found.node_id), await ctx.now()
    window = await upkeep.lock_window(ctx.session, node.id, found.id)
    if window is None or window.closed_at is not None:
        return False
    if window.ends_at <= now:
        await _end(ctx, node, window, now, "its time is over")
        return True
    if window.begun_at is None and window.starts_at <= now:
        await _begin(ctx, node, window, now)
        return True
    return False


async def _begin(ctx: Context, node: LockedNode, window: MaintenanceWindow, now: datetime) -> None:
    await upkeep.begin_window(ctx.session, window.id, now)
    changed = await nodes.touch(ctx.session, node.id)
    if node.state in ("ready", "missing"):  # a quarantined node stays one: somebody has to look anyway
        changed = await nodes.set_state(ctx.session, node.id, "maintenance", window.reason, now)
    await note(ctx, node.id, "maintenance_began", window.reason)
    await ctx.emit(NodeMaintenanceBegan(node_id=node.id, window_id=window.id), version=changed.version)
    await tell_slots(ctx, node.id, changed)


async def _end(ctx: Context, node: LockedNode, window: MaintenanceWindow, now: datetime, why: str) -> NodeState:
    if window.closed_at is not None:
        return node.state
    await upkeep.close_window(ctx.session, window.id, now)
    changed, state = await nodes.touch(ctx.session, node.id), node.state
    if window.begun_at is not None and node.state == "maintenance":
        changed, state = await nodes.set_state(ctx.session, node.id, "ready", None, now), "ready"
    kind = "maintenance_ended" if window.begun_at is not None else "maintenance_canceled"
    await note(ctx, node.id, kind, why)
    await ctx.emit(NodeMaintenanceEnded(node_id=node.id, window_id=window.id), version=changed.version)
    await tell_slots(ctx, node.id, changed)
    return state


async def _is_empty(ctx: Context, node_id: UUID) -> bool:
    held = (await slots.slots_of(ctx.session, [node_id]))[node_id]
    return all(slot.allocation_id is None for slot in held)
