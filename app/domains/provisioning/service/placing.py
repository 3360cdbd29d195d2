"""Choosing a machine and taking it: candidates locked, one chosen by rule, its slots claimed, in one transaction."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from app.domains.inventory import public as inventory
from app.domains.inventory.contracts import NodeView
from app.domains.provisioning import policies
from app.domains.provisioning.contracts import DeploymentView, Limits, Step
from app.domains.provisioning.errors import NoCapacity
from app.domains.provisioning.events import AllocationPlaced
from app.domains.provisioning.models import Allocation
from app.domains.provisioning.repository import AllocationRepository, MachineRepository
from app.domains.provisioning.rules.accounts import distinct
from app.domains.provisioning.rules.placement import NoPlacement, PlacementRequest
from app.domains.provisioning.rules.placement import place as choose
from app.domains.provisioning.service import slots, transitions
from app.shared.context import Context


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
    allocation = await transitions.enter(ctx, allocation, "placing", attempt=step.attempt)
    await transitions.begin_step(ctx, allocation, step.attempt, "place")
    machines, now = MachineRepository(ctx.session), await ctx.now()
    nodes = await inventory.lock_candidates(ctx, allocation.sku_id, allocation.slots, allocation.image_code)
    open_now = await machines.list_open([node.node_id for node in nodes])
    shares = await ctx.policy(policies.SHARE_ACROSS_TENANTS)
    usable = joinable(nodes, open_now, allocation.tenant_id, allocation.image_code, shares)
    tried = await machines.tried_nodes(allocation.id)
    chosen = choose(request_of(allocation), [node for node in usable if node.node_id not in tried])
    if isinstance(chosen, NoPlacement):
        raise NoCapacity(chosen.reason[:1].upper() + chosen.reason[1:] + ".")
    node = next(node for node in nodes if node.node_id == chosen.node_id)
    shared = open_now[node.node_id].id if node.deployed_as_shared else None
    deployment = await slots.take(ctx, allocation, chosen, node, shared)
    await machines.append_placement(allocation, chosen, step.attempt, now)
    login, uid = distinct(allocation.login, allocation.uid, await machines.accounts_on(deployment.id, allocation.id))
    allocation = await AllocationRepository(ctx.session).change(
        allocation, now, node_id=deployment.node_id, deployment_id=deployment.id, login=login, uid=uid
    )
    await transitions.finish_step(ctx, allocation, step.attempt, "place", chosen.reason)
    await transitions.publish(
        ctx,
        allocation,
        AllocationPlaced(allocation_id=allocation.id, node_id=deployment.node_id, attempt=step.attempt),
    )


def request_of(allocation: Allocation) -> PlacementRequest:
    """The allocation as a placement request."""
    return PlacementRequest(sku=allocation.sku_code, image=allocation.image_code, slots=allocation.slots)


def joinable(
    nodes: Sequence[NodeView],
    open_now: Mapping[UUID, DeploymentView],
    tenant_id: UUID,
    image_code: str,
    shares: bool,
) -> list[NodeView]:
    """The nodes this tenant may use: shared ones only with the same image, while they are live, and, unless policy
    allows sharing, only its own. A node that is still being returned to the pool is left out."""
    usable = []
    for node in nodes:
        deployment = open_now.get(node.node_id)
        if node.deployed_as_shared:
            if deployment is None or deployment.state != "live" or deployment.image_code != image_code:
                continue
            if not shares and deployment.tenant_id != tenant_id:
                continue
        elif deployment is not None:
            continue
        usable.append(node)
    return usable
