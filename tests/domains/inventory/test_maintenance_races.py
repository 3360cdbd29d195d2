"""Of a launch and an operator's decision one is first, and the other sees it: real commits, many rounds."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.domains.inventory import public
from app.domains.inventory.errors import NodeInUse, NodeNotInService
from app.domains.inventory.service import maintenance
from app.domains.inventory.service.maintenance import DrainNode, PlanMaintenance, RetireNode
from app.shared.authz import Actor, ActorKind, Role, RoleBinding
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from app.shared.ids import new_id
from tests.domains.inventory.stock import candidates, node_ids, plant, see
from tests.fixtures.catalog import sku_of_code

pytestmark = pytest.mark.commits
ROUNDS = 12
OLGA = Actor(kind=ActorKind.USER, id=new_id(), bindings=(RoleBinding(Role.PLATFORM_ADMIN, None),))
HELD = text("SELECT count(*) FROM inventory.node_resource_slots WHERE node_id = :id AND allocation_id IS NOT NULL")
ORDER = text("SELECT kind FROM inventory.node_history WHERE node_id = :id ORDER BY occurred_at, id")


async def launch(runtime: Runtime, node) -> bool:
    """What placement does: lock candidates, claim one of them. Whether it got the node."""
    async with runtime.context(SYSTEM) as ctx:
        sku = await sku_of_code(ctx, "h100x8")
        found = {item.node_id for item in await candidates(ctx, sku.id)}
        if node not in found:
            return False
        await public.claim_slots(ctx, node, range(8), new_id())
    return True


async def decide(runtime: Runtime, use_case, command) -> bool:
    """An operator's decision; False when somebody was on the node already."""
    try:
        async with runtime.context(OLGA) as ctx:
            await use_case(ctx, command)
    except NodeInUse:
        return False
    return True


@pytest.mark.parametrize("what", ["drain", "maintenance", "retire"])
async def test_a_launch_and_a_decision_never_miss_each_other(what: str, runtime: Runtime) -> None:
    await plant(runtime)
    await see(runtime, ("h100x8",) * ROUNDS)
    async with runtime.context(SYSTEM) as ctx:
        ends = await ctx.now() + timedelta(hours=1)
    for node in await node_ids(runtime):
        commands = {
            "drain": (maintenance.drain_node, DrainNode(node_id=node, reason="disk")),
            "maintenance": (maintenance.plan_maintenance, PlanMaintenance(node_id=node, reason="disk", ends_at=ends)),
            "retire": (maintenance.retire_node, RetireNode(node_id=node, reason="disk")),
        }
        got, decided = await asyncio.gather(launch(runtime, node), decide(runtime, *commands[what]))
        async with runtime.context(SYSTEM) as ctx:
            held = int(await ctx.session.scalar(HELD, {"id": node}) or 0)
            order = [row.kind for row in await ctx.session.execute(ORDER, {"id": node})]
        assert held == (8 if got else 0)
        assert got or decided
        if what == "retire":
            assert got is not decided
        with pytest.raises(NodeNotInService if decided else Exception):  # nobody gets it after the decision
            async with runtime.context(SYSTEM) as ctx:
                await public.claim_slots(ctx, node, range(8), new_id())
        assert order[0] == "imported"
