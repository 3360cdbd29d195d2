"""The slots of an allocation: taken, left and freed here and nowhere else.

`inventory.node_resource_slots` alone says which slots an allocation has. A claim says which deployment an allocation is
a tenant of, and only refers to the slots: it opens when they are taken and closes when the allocation leaves the
deployment, which on a shared machine is before its slots are clean and free. Nothing reads a slot from a claim.
"""

from app.domains.inventory import public as inventory
from app.domains.inventory.contracts import FreeNode
from app.domains.provisioning.contracts import DeploymentView
from app.domains.provisioning.models import Allocation
from app.domains.provisioning.repository import MachineRepository
from app.shared.context import Context


async def take(
    ctx: Context, allocation: Allocation, node: FreeNode, joined: DeploymentView | None
) -> tuple[DeploymentView, tuple[int, ...]]:
    """Take slots of a locked node, on a new deployment or on the shared one that it has, locked too; answers which.

    Raises SlotTaken, NodeNotInService.
    """
    machines, now = MachineRepository(ctx.session), await ctx.now()
    breaks_node = joined is None and not allocation.whole
    taken = await inventory.claim_slots(
        ctx,
        node.node_id,
        allocation.slots,
        allocation.id,
        shared_with=allocation.tenant_id if breaks_node else None,
        image=allocation.image_code,
    )
    deployment = joined or await machines.open_deployment(allocation, node.node_id, node.system_id, node.hostname, now)
    await machines.claim(allocation, deployment, taken, now)
    return deployment, taken


async def leave_deployment(ctx: Context, allocation: Allocation, deployment: DeploymentView) -> bool:
    """Leave a locked deployment, or close it when no other tenant remains. Answers whether others remain; the slots
    are freed later, by `free`."""
    machines = MachineRepository(ctx.session)
    if deployment.state == "live" and await machines.count_others(deployment.id, allocation.id):
        await machines.close_claims(allocation.id, await ctx.now())
        return True
    await machines.close_deployment(deployment.id)
    return False


async def free(ctx: Context, allocation: Allocation, quarantine: str = "") -> None:
    """Free the slots; a machine that was returned is on offer again, or kept out of use for the reason given.

    The node is locked first: whoever places something locks it in the same order. An allocation that left while others
    remained has no open claim and ends nothing: the last tenant may still be returning the machine.
    """
    machines, now = MachineRepository(ctx.session), await ctx.now()
    deployment = await machines.get_deployment(allocation.deployment_id)
    returned = deployment.state == "closing" and await machines.has_open_claim(allocation.id)
    if quarantine:
        await inventory.quarantine(ctx, deployment.node_id, quarantine)
    if returned:
        await inventory.observe_node(ctx, deployment.node_id, "ready", None)
        if deployment.shared:
            await inventory.mark_shared(ctx, deployment.node_id, None)
    await inventory.free_slots(ctx, allocation.id)
    if returned:
        await machines.end_deployment(deployment.id, now)
    await machines.close_claims(allocation.id, now)
