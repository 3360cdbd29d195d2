"""Machines of all tenants for programs of operators."""

from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath, QueryParameter

from app.domains.provisioning.handlers.options import PLATFORM_ALLOCATION_READ, PLATFORM_ALLOCATION_RELEASE
from app.domains.provisioning.rules.states import State
from app.domains.provisioning.schemas.operators import (
    EmptiedAnswer,
    OperatorAllocationsAnswer,
    OperatorBody,
    OperatorDetailAnswer,
)
from app.domains.provisioning.service import operators
from app.domains.provisioning.service.operators import EmptyNode, ForceCancel, ForceRelease, Query
from app.domains.provisioning.service.release import Changed
from app.web import Contexts, Ctx, Json
from app.web.paging import Cursor, Limit
from app.web.query import OptionalId, OptionalSearch, OptionalText

Only = Annotated[bool, QueryParameter(description="only those")]
InState = Annotated[State | None, QueryParameter(name="state", description="only those in this state")]


@get("/admin/allocations", opt=PLATFORM_ALLOCATION_READ)
async def list_all_allocations(
    ctx: Ctx,
    live: Only = False,
    stuck: Only = False,
    in_state: InState = None,
    sku: OptionalText = None,
    tenant: OptionalId = None,
    project: OptionalId = None,
    node: OptionalId = None,
    search: OptionalSearch = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> OperatorAllocationsAnswer:
    """Machines of all tenants, newest first, by state, type, organisation, project, node, name or id."""
    query = Query(
        live=live, stuck=stuck, state=in_state, sku=sku, tenant_id=tenant, project_id=project,
        node_id=node, search=search, before=cursor, limit=limit,
    )  # fmt: skip
    return OperatorAllocationsAnswer.of(await operators.page_allocations(ctx, query))


@get("/admin/allocations/{allocation_id:uuid}", opt=PLATFORM_ALLOCATION_READ)
async def get_any_allocation(ctx: Ctx, allocation_id: FromPath[UUID]) -> OperatorDetailAnswer:
    """One machine of any tenant: timeline, why it went where it is, its workflows."""
    return OperatorDetailAnswer.of(await operators.get_allocation(ctx, allocation_id))


@post("/admin/allocations/{allocation_id:uuid}/release", opt=PLATFORM_ALLOCATION_RELEASE, status_code=200)
async def force_release(ctx: Ctx, allocation_id: FromPath[UUID], data: Json[OperatorBody]) -> Changed:
    """Take a running machine back: billing ends now, everything on it is lost, the customer reads why."""
    return await operators.force_release(ctx, ForceRelease(allocation_id=allocation_id, reason=data.reason))


@post("/admin/allocations/{allocation_id:uuid}/cancel", opt=PLATFORM_ALLOCATION_RELEASE, status_code=200)
async def force_cancel(ctx: Ctx, allocation_id: FromPath[UUID], data: Json[OperatorBody]) -> Changed:
    """Cancel a launch that is in progress: nothing is charged."""
    return await operators.force_cancel(ctx, ForceCancel(allocation_id=allocation_id, reason=data.reason))


@post("/admin/nodes/{node_id:uuid}/empty", opt=PLATFORM_ALLOCATION_RELEASE, status_code=200)
async def empty_node(contexts: Contexts, node_id: FromPath[UUID], data: Json[OperatorBody]) -> EmptiedAnswer:
    """Release everything on a node, one by one; one result per machine."""
    return EmptiedAnswer.of(await operators.empty_node(contexts, EmptyNode(node_id=node_id, reason=data.reason)))


ROUTES = [list_all_allocations, get_any_allocation, force_release, force_cancel, empty_node]
