"""Choosing a machine and taking it, in one transaction: shapes ranked by rule, one node of the best locked, its slots
claimed."""

from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID

from app.domains.inventory import public as inventory
from app.domains.inventory.contracts import CapacityRequest, FreeNode, FreeShape
from app.domains.provisioning import policies
from app.domains.provisioning.contracts import DeploymentView, Limits, Step
from app.domains.provisioning.errors import NoCapacity
from app.domains.provisioning.events import AllocationPlaced
from app.domains.provisioning.models import Allocation
from app.domains.provisioning.repository import MachineRepository, TimelineRepository
from app.domains.provisioning.repository.machines import Placement
from app.domains.provisioning.rules.accounts import distinct
from app.domains.provisioning.rules.placement import (
    Resources,
    Shape,
    explain,
    rank,
    refusal,
    usual_slices,
    warmth,
)
from app.domains.provisioning.service import slots, transitions
from app.shared.context import Context
from app.shared.errors import ServiceUnavailable

MAX_COUNTED = 100  # nodes of one shape: beyond that, how many there are explains nothing
MAX_LOOKS = 20


async def begin(ctx: Context, step: Step) -> Limits:
    """The limits in force for this allocation. Raises NoLongerWanted."""
    allocation = await transitions.lock_wanted(ctx, step)
    return await limits_of(ctx, allocation)


async def limits_of(ctx: Context, allocation: Allocation) -> Limits:
    """Policy, read once per workflow: its history must not change under it."""
    scope = (allocation.tenant_id, allocation.project_id)
    return Limits(
        place_seconds=await ctx.policy(policies.PLACEMENT_SECONDS, *scope),
        deploy_seconds=await ctx.policy(policies.DEPLOY_SECONDS, *scope),
        answer_seconds=await ctx.policy(policies.ANSWER_SECONDS, *scope),
        return_seconds=await ctx.policy(policies.RETURN_SECONDS, *scope),
        close_seconds=await ctx.policy(policies.CLOSE_SECONDS, *scope),
        retry_seconds=await ctx.policy(policies.RELEASE_RETRY_SECONDS, *scope),
        attempts=await ctx.policy(policies.PLACEMENT_ATTEMPTS, *scope),
    )


async def place(ctx: Context, step: Step) -> None:
    """Put the allocation on a machine. Safe to repeat. Raises NoLongerWanted, NoCapacity; others are worth a retry."""
    allocation = await transitions.lock_wanted(ctx, step)
    if allocation.deployment_id is not None:  # also by a workflow that was lost: its successor counts from one again
        return
    machines, now = MachineRepository(ctx.session), await ctx.now()
    node, shape, joined = await _lock_node(ctx, allocation)
    deployment, taken = await slots.take(ctx, allocation, node, joined)
    placement = Placement(
        node_id=node.node_id,
        hostname=node.hostname,
        slots=taken,
        candidates=shape.nodes,
        reason=f"{explain(shape, whole=allocation.whole)}; {warmth(node.hostname, is_warm=node.is_warm)}",
    )
    await machines.append_placement(allocation, placement, step.attempt, now)
    login, uid = allocation.login, allocation.uid
    if joined is not None:
        login, uid = distinct(login, uid, await machines.accounts_on(deployment.id, allocation.id))
    allocation = await transitions.enter(
        ctx,
        allocation,
        "placing",
        attempt=step.attempt,
        node_id=node.node_id,
        deployment_id=deployment.id,
        login=login,
        uid=uid,
    )
    await TimelineRepository(ctx.session).append_done(allocation, step.attempt, "place", now, placement.reason)
    await transitions.publish_step(ctx, allocation, "place")
    event = AllocationPlaced(allocation_id=allocation.id, node_id=node.node_id, attempt=step.attempt)
    await transitions.publish(ctx, allocation, event)


def capacity_for(allocation: Allocation, *, shares: bool) -> CapacityRequest:
    """What the allocation asks the inventory for. `shares`: slices of one machine may go to different tenants."""
    return CapacityRequest(
        sku_id=allocation.sku_id,
        image=allocation.image_code,
        slots=allocation.slots,
        tenant_id=None if shares else allocation.tenant_id,
    )


async def ranked_shapes(
    ctx: Context, wanted: CapacityRequest, max_nodes: int, passed_over: Collection[UUID] = ()
) -> list[Shape]:
    """What the inventory has free for it, the best first; at most `max_nodes` nodes of each shape are counted."""
    free = await inventory.free_shapes(ctx, wanted, max_nodes, passed_over)
    shapes = [Shape(Resources(shape.free), shape.shared, shape.nodes) for shape in free]
    usual = usual_slices(max((shape.free for shape in free), default=1))
    return rank(Resources(1 if wanted.slots is None else wanted.slots), shapes, usual, whole=wanted.slots is None)


class Chosen(NamedTuple):
    """A locked node, what it had free, and the locked deployment that a shared one has."""

    node: FreeNode
    shape: Shape
    joined: DeploymentView | None


async def _lock_node(ctx: Context, allocation: Allocation) -> Chosen:
    """The best node that nobody else is taking at this moment; where all that fit are being taken, the first is waited
    for. Raises NoCapacity when none fits, ServiceUnavailable when it should be tried again."""
    shares = await ctx.policy(policies.SHARE_ACROSS_TENANTS)
    wanted, machines = capacity_for(allocation, shares=shares), MachineRepository(ctx.session)
    passed_over = await machines.tried_nodes(allocation.id)
    holds_lock = False
    for _ in range(MAX_LOOKS):
        shapes = await ranked_shapes(ctx, wanted, MAX_COUNTED, passed_over)
        if not shapes:
            raise NoCapacity(await no_room(ctx, wanted, allocation.sku_code))
        found = await _lock_one(ctx, wanted, shapes, passed_over, may_wait=not holds_lock)
        if found is None:
            if holds_lock:
                break
            continue
        node, shape = found
        holds_lock = True
        joined = await machines.lock_open(node.node_id) if node.still_fits else None
        if node.still_fits and may_join(shape, joined, allocation, shares=shares):
            return Chosen(node, shape, joined)
        passed_over.add(node.node_id)
    raise ServiceUnavailable("The machines that fit are being taken at this very moment; the next look finds another.")


async def _lock_one(
    ctx: Context, wanted: CapacityRequest, shapes: Sequence[Shape], passed_over: Collection[UUID], *, may_wait: bool
) -> tuple[FreeNode, Shape] | None:
    for shape in shapes:
        node = await inventory.lock_free_node(ctx, wanted, _free(shape), passed_over)
        if node is not None:
            return node, shape
    if not may_wait:
        return None
    node = await inventory.lock_free_node(ctx, wanted, _free(shapes[0]), passed_over, wait=True)
    return None if node is None else (node, shapes[0])


def _free(shape: Shape) -> FreeShape:
    return FreeShape(shape.shared, shape.free.gpus, shape.nodes)


def may_join(shape: Shape, joined: DeploymentView | None, allocation: Allocation, *, shares: bool) -> bool:
    """Whether this allocation may use the node: a shared one only while it is live, with the same image and, unless
    policy allows sharing, of its own tenant; another one not while it is still being returned to the pool."""
    if not shape.shared or joined is None:
        return not shape.shared and joined is None
    if joined.state != "live" or joined.image_code != allocation.image_code:
        return False
    return shares or joined.tenant_id == allocation.tenant_id


async def no_room(ctx: Context, wanted: CapacityRequest, sku_code: str) -> str:
    """Why nothing fits, in one sentence."""
    available = await inventory.availability(ctx, wanted.sku_id)
    return refusal(sku_code, wanted.slots, in_service=available.total)
