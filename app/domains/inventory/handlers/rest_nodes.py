"""One node for programs of operators."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from app.domains.inventory.contracts import LiftQuarantine, MaintenanceWindow, NodeChanged, NodeDetail
from app.domains.inventory.contracts.upkeep import (
    DrainNode,
    EndMaintenance,
    PlanMaintenance,
    PowerNode,
    PowerResult,
    RetireNode,
)
from app.domains.inventory.handlers.options import PLATFORM_NODE_MANAGE, PLATFORM_NODE_READ
from app.domains.inventory.schemas import ReasonBody
from app.domains.inventory.schemas.nodes import (
    DrainBody,
    HistoryAnswer,
    MaintenanceBody,
    PowerBody,
    history_answer,
)
from app.domains.inventory.service import fleet, history, nodes, power, upkeep
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
    return history_answer(rows, limit)


@post(PATH + "/drain", opt=PLATFORM_NODE_MANAGE, status_code=200)
async def drain_node(ctx: Ctx, node_id: FromPath[UUID], data: Json[DrainBody]) -> NodeChanged:
    """Give the node no new tenants and let those it has leave."""
    command = DrainNode(node_id=node_id, reason=data.reason, hours=data.hours)
    return await upkeep.drain_node(ctx, command)


@post(PATH + "/lift-quarantine", opt=PLATFORM_NODE_MANAGE, status_code=200)
async def lift_quarantine(ctx: Ctx, node_id: FromPath[UUID], data: Json[ReasonBody]) -> NodeChanged:
    """Somebody looked at the node: back to service."""
    command = LiftQuarantine(node_id=node_id, reason=data.reason)
    return await nodes.lift_quarantine(ctx, command)


@post(PATH + "/maintenance", opt=PLATFORM_NODE_MANAGE)
async def plan_maintenance(ctx: Ctx, node_id: FromPath[UUID], data: Json[MaintenanceBody]) -> MaintenanceWindow:
    """Plan work on a node: nobody new is placed on it in that time; it begins and ends by itself."""
    command = PlanMaintenance(node_id=node_id, reason=data.reason, ends_at=data.ends_at, starts_at=data.starts_at)
    return await upkeep.plan_maintenance(ctx, command)


@post(PATH + "/maintenance/{window_id:uuid}/end", opt=PLATFORM_NODE_MANAGE, status_code=200)
async def end_maintenance(ctx: Ctx, node_id: FromPath[UUID], window_id: FromPath[UUID]) -> NodeChanged:
    """Call planned work off, or end it early."""
    command = EndMaintenance(node_id=node_id, window_id=window_id)
    return await upkeep.end_maintenance(ctx, command)


@post(PATH + "/power", opt=PLATFORM_NODE_MANAGE, status_code=200)
async def switch_power(contexts: Contexts, node_id: FromPath[UUID], data: Json[PowerBody]) -> PowerResult:
    """Switch a machine on, off, or off and on; `query` asks MAAS how it is. While somebody is on it, its host name has
    to be given."""
    command = PowerNode(node_id=node_id, action=data.action, reason=data.reason, confirm_name=data.confirm_name)
    return await power.switch(contexts, command)


@post(PATH + "/retire", opt=PLATFORM_NODE_MANAGE, status_code=200)
async def retire_node(ctx: Ctx, node_id: FromPath[UUID], data: Json[ReasonBody]) -> NodeChanged:
    """Out of service for good. Only a node that nobody holds."""
    return await upkeep.retire_node(ctx, RetireNode(node_id=node_id, reason=data.reason))


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
