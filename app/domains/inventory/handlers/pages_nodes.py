"""One node for operators: what it is, what happened to it, and what can be done about it."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from app.domains.inventory.handlers.options import PLATFORM_NODE_MANAGE, PLATFORM_NODE_READ
from app.domains.inventory.schemas.nodes import DrainForm, MaintenanceForm, NodeDetailPage, PowerForm, RetireForm
from app.domains.inventory.service import fleet, history, maintenance, power
from app.domains.inventory.service.maintenance import EndMaintenance
from app.shared.authz import Permission
from app.shared.authz.scope import may
from app.shared.context import Context
from app.web import Contexts, Ctx, Form, fragment, page, redirect

DETAIL = "inventory/node.html"


async def _detail(ctx: Context, node_id: UUID) -> NodeDetailPage:
    node = await fleet.show_node(ctx, node_id)
    rows, names = await history.history(ctx, node_id)
    return NodeDetailPage.of(
        node,
        rows,
        names,
        await ctx.now(),
        may_manage=may(ctx.actor, Permission.PLATFORM_NODE_MANAGE),
        may_see_machines=may(ctx.actor, Permission.PLATFORM_ALLOCATION_READ),
    )


@get("/admin/nodes/{node_id:uuid}", opt=PLATFORM_NODE_READ)
async def show_node(ctx: Ctx, node_id: FromPath[UUID]) -> Response[str]:
    """Everything about one node."""
    return await page(ctx, DETAIL, await _detail(ctx, node_id))


@get("/admin/nodes/{node_id:uuid}/now", opt=PLATFORM_NODE_READ)
async def show_node_now(ctx: Ctx, node_id: FromPath[UUID]) -> Response[str]:
    """What moves of one node."""
    return await fragment(ctx, DETAIL, "now", await _detail(ctx, node_id))


@post("/admin/nodes/{node_id:uuid}/drain", opt=PLATFORM_NODE_MANAGE)
async def drain(ctx: Ctx, node_id: FromPath[UUID], data: Form[DrainForm]) -> Response[str]:
    """No new tenants; the present ones leave as they release."""
    await maintenance.drain_node(ctx, data.command(node_id))
    return redirect(ctx, f"/admin/nodes/{node_id}")


@post("/admin/nodes/{node_id:uuid}/maintenance", opt=PLATFORM_NODE_MANAGE)
async def plan_maintenance(ctx: Ctx, node_id: FromPath[UUID], data: Form[MaintenanceForm]) -> Response[str]:
    """Plan work."""
    await maintenance.plan_maintenance(ctx, data.command(node_id))
    return redirect(ctx, f"/admin/nodes/{node_id}")


@post("/admin/nodes/{node_id:uuid}/maintenance/{window_id:uuid}/end", opt=PLATFORM_NODE_MANAGE)
async def end_maintenance(ctx: Ctx, node_id: FromPath[UUID], window_id: FromPath[UUID]) -> Response[str]:
    """Call it off, or end it early."""
    command = EndMaintenance(node_id=node_id, window_id=window_id)
    await maintenance.end_maintenance(ctx, command)
    return redirect(ctx, f"/admin/nodes/{node_id}")


@post("/admin/nodes/{node_id:uuid}/power", opt=PLATFORM_NODE_MANAGE)
async def switch_power(contexts: Contexts, node_id: FromPath[UUID], data: Form[PowerForm]) -> Response[str]:
    """Switch the power, or query it from MAAS."""
    await power.switch(contexts, data.command(node_id))
    async with contexts() as ctx:
        return redirect(ctx, f"/admin/nodes/{node_id}")


@post("/admin/nodes/{node_id:uuid}/retire", opt=PLATFORM_NODE_MANAGE)
async def retire(ctx: Ctx, node_id: FromPath[UUID], data: Form[RetireForm]) -> Response[str]:
    """Out of service for good."""
    await maintenance.retire_node(ctx, data.command(node_id))
    return redirect(ctx, f"/admin/nodes/{node_id}")


ROUTES = [show_node, show_node_now, drain, plan_maintenance, end_maintenance, switch_power, retire]
