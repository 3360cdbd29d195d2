"""One node for programs of operators."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from app.domains.inventory.contracts import MaintenanceWindow, NodeDetail
from app.domains.inventory.handlers.options import PLATFORM_NODE_MANAGE, PLATFORM_NODE_READ
from app.domains.inventory.schemas import ReasonBody
from app.domains.inventory.schemas.nodes import DrainBody, HistoryAnswer, MaintenanceBody, PowerBody
from app.domains.inventory.service import fleet, history, maintenance, nodes, power
from app.domains.inventory.service.maintenance import DrainNode, EndMaintenance, PlanMaintenance, RetireNode
from app.domains.inventory.service.nodes import LiftQuarantine, NodeChanged
from app.domains.inventory.service.power import PowerNode, PowerResult
from app.web import Contexts, Ctx, Json
from app.web.etag import tagged
from app.web.paging import Cursor, Limit

PATH = "/admin/nodes/{node_id:uuid}"


@get(PATH, opt=PLATFORM_NODE_READ)
async def get_node(ctx: Ctx, node_id: FromPath[UUID]) -> Response[NodeDetail]:
    """Everything about one node: hardware, slots and who holds them, MAAS's view, planned maintenance."""
    node = await fleet.show_node(ctx, node_id)
    return tagged(node, node.version)


@get(PATH + "/history", opt=PLATFORM_NODE_READ)
async def list_node_history(
    ctx: Ctx, node_id: FromPath[UUID], cursor: Cursor = None, limit: Limit = 50
) -> HistoryAnswer:
    """What happened to a node, newest first."""
    rows, _ = await history.history(ctx, node_id, cursor, limit + 1)
    return HistoryAnswer.of(rows, limit)


@post(PATH + "/drain", opt=PLATFORM_NODE_MANAGE, status_code=200)
async def drain_node(ctx: Ctx, node_id: FromPath[UUID], data: Json[DrainBody]) -> NodeChanged:
    """Place no new tenants on the node; present ones leave as they release."""
    command = DrainNode(node_id=node_id, reason=data.reason, hours=data.hours)
    return await maintenance.drain_node(ctx, command)


@post(PATH + "/lift-quarantine", opt=PLATFORM_NODE_MANAGE, status_code=200)
async def lift_quarantine(ctx: Ctx, node_id: FromPath[UUID], data: Json[ReasonBody]) -> NodeChanged:
    """Return a quarantined node to service."""
    command = LiftQuarantine(node_id=node_id, reason=data.reason)
    return await nodes.lift_quarantine(ctx, command)


@post(PATH + "/maintenance", opt=PLATFORM_NODE_MANAGE)
async def plan_maintenance(ctx: Ctx, node_id: FromPath[UUID], data: Json[MaintenanceBody]) -> MaintenanceWindow:
    """Plan work on a node: no tenant is placed on it in that time; the window starts and ends automatically."""
    command = PlanMaintenance(node_id=node_id, reason=data.reason, ends_at=data.ends_at, starts_at=data.starts_at)
    return await maintenance.plan_maintenance(ctx, command)


@post(PATH + "/maintenance/{window_id:uuid}/end", opt=PLATFORM_NODE_MANAGE, status_code=200)
async def end_maintenance(ctx: Ctx, node_id: FromPath[UUID], window_id: FromPath[UUID]) -> NodeChanged:
    """Call planned work off, or end it early."""
    command = EndMaintenance(node_id=node_id, window_id=window_id)
    return await maintenance.end_maintenance(ctx, command)


@post(PATH + "/power", opt=PLATFORM_NODE_MANAGE, status_code=200)
async def switch_power(contexts: Contexts, node_id: FromPath[UUID], data: Json[PowerBody]) -> PowerResult:
    """Switch a machine on, off, or off and on; `query` reads the state from MAAS. While the node is in use, its host
    name has to be given."""
    command = PowerNode(node_id=node_id, action=data.action, reason=data.reason, confirm_name=data.confirm_name)
    return await power.switch(contexts, command)


@post(PATH + "/retire", opt=PLATFORM_NODE_MANAGE, status_code=200)
async def retire_node(ctx: Ctx, node_id: FromPath[UUID], data: Json[ReasonBody]) -> NodeChanged:
    """Take the node out of service for good. Only for a node without allocations."""
    return await maintenance.retire_node(ctx, RetireNode(node_id=node_id, reason=data.reason))


ROUTES = [
    get_node,
    list_node_history,
    drain_node,
    lift_quarantine,
    plan_maintenance,
    end_maintenance,
    switch_power,
    retire_node,
]
