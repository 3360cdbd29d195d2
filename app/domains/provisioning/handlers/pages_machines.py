"""Operator pages: machines of all tenants, and the allocations on a node."""

from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from app.domains.provisioning.handlers.options import PLATFORM_ALLOCATION_READ, PLATFORM_ALLOCATION_RELEASE
from app.domains.provisioning.schemas.operators import (
    AdminMachinePage,
    AdminMachinesPage,
    ConfirmForm,
    EmptiedPage,
    HoldersPage,
    OperatorBody,
)
from app.domains.provisioning.service import operators
from app.domains.provisioning.service.operators import EmptyNode, ForceCancel, ForceRelease, Query
from app.shared.authz import Permission
from app.shared.authz.scope import may
from app.shared.context import Context
from app.web import Contexts, Ctx, Form, fragment, page, redirect
from app.web.query import OptionalId, OptionalSearch, OptionalState, OptionalText

Flag = Annotated[str | None, QueryParameter(max_length=5)]


LIST, DETAIL = "provisioning/admin_machines.html", "provisioning/admin_machine.html"


async def _list(ctx: Context, query: Query) -> AdminMachinesPage:
    return AdminMachinesPage.of(await operators.page_allocations(ctx, query), query)


async def _detail(ctx: Context, allocation_id: UUID) -> AdminMachinePage:
    detail = await operators.get_allocation(ctx, allocation_id)
    return AdminMachinePage.of(detail, may_release=may(ctx.actor, Permission.PLATFORM_ALLOCATION_RELEASE))


@get("/admin/allocations", opt=PLATFORM_ALLOCATION_READ)
async def list_machines(
    ctx: Ctx,
    live: Flag = None,
    stuck: Flag = None,
    state_word: OptionalState = None,
    sku: OptionalText = None,
    tenant: OptionalId = None,
    project: OptionalId = None,
    node: OptionalId = None,
    search: OptionalSearch = None,
    cursor: OptionalId = None,
) -> Response[str]:
    """Machines of all tenants, newest first, under filters that are in the address."""
    query = Query(
        live=bool(live), stuck=bool(stuck), state=state_word, sku=sku, tenant_id=tenant, project_id=project,
        node_id=node, search=search, before=cursor,
    )  # fmt: skip
    return await page(ctx, LIST, await _list(ctx, query))


@get("/admin/allocations/list", opt=PLATFORM_ALLOCATION_READ)
async def list_machines_again(
    ctx: Ctx,
    live: Flag = None,
    stuck: Flag = None,
    state_word: OptionalState = None,
    sku: OptionalText = None,
    tenant: OptionalId = None,
    project: OptionalId = None,
    node: OptionalId = None,
    search: OptionalSearch = None,
    cursor: OptionalId = None,
) -> Response[str]:
    """The same part of the list again."""
    query = Query(
        live=bool(live), stuck=bool(stuck), state=state_word, sku=sku, tenant_id=tenant, project_id=project,
        node_id=node, search=search, before=cursor,
    )  # fmt: skip
    return await fragment(ctx, LIST, "now", await _list(ctx, query))


@get("/admin/allocations/{allocation_id:uuid}", opt=PLATFORM_ALLOCATION_READ)
async def show_machine(ctx: Ctx, allocation_id: FromPath[UUID]) -> Response[str]:
    """One machine of any tenant: timeline, placements, workflows, money."""
    return await page(ctx, DETAIL, await _detail(ctx, allocation_id))


@get("/admin/allocations/{allocation_id:uuid}/now", opt=PLATFORM_ALLOCATION_READ)
async def show_machine_now(ctx: Ctx, allocation_id: FromPath[UUID]) -> Response[str]:
    """What moves of it."""
    return await fragment(ctx, DETAIL, "now", await _detail(ctx, allocation_id))


@post("/admin/allocations/{allocation_id:uuid}/release", opt=PLATFORM_ALLOCATION_RELEASE)
async def force_release(ctx: Ctx, allocation_id: FromPath[UUID], data: Form[ConfirmForm]) -> Response[str]:
    """Take it back from its customer."""
    command = ForceRelease(allocation_id=allocation_id, reason=data.reason, confirm_name=data.confirm_name)
    await operators.force_release(ctx, command)
    return redirect(ctx, f"/admin/allocations/{allocation_id}")


@post("/admin/allocations/{allocation_id:uuid}/cancel", opt=PLATFORM_ALLOCATION_RELEASE)
async def force_cancel(ctx: Ctx, allocation_id: FromPath[UUID], data: Form[OperatorBody]) -> Response[str]:
    """Cancel a launch that is in progress."""
    await operators.force_cancel(ctx, ForceCancel(allocation_id=allocation_id, reason=data.reason))
    return redirect(ctx, f"/admin/allocations/{allocation_id}")


@get("/admin/nodes/{node_id:uuid}/holders", opt=PLATFORM_ALLOCATION_READ)
async def show_holders(ctx: Ctx, node_id: FromPath[UUID]) -> Response[str]:
    """The allocations on a node: a part of the node's page, and a page of its own."""
    found = await operators.get_node(ctx, node_id)
    struct = HoldersPage.of(found, may_release=may(ctx.actor, Permission.PLATFORM_ALLOCATION_RELEASE))
    if ctx.web is not None and ctx.web.is_htmx:
        return await fragment(ctx, "provisioning/holders.html", "holders", struct)
    return await page(ctx, "provisioning/holders.html", struct)


@post("/admin/nodes/{node_id:uuid}/empty", opt=PLATFORM_ALLOCATION_RELEASE)
async def empty_node(contexts: Contexts, node_id: FromPath[UUID], data: Form[ConfirmForm]) -> Response[str]:
    """Release everything on a node; one result per machine."""
    command = EmptyNode(node_id=node_id, reason=data.reason, confirm_name=data.confirm_name)
    emptied = await operators.empty_node(contexts, command)
    async with contexts() as ctx:
        hostname = await operators.node_name(ctx, node_id)
        return await page(ctx, "provisioning/emptied.html", EmptiedPage.of(emptied, hostname))


ROUTES = [
    list_machines,
    list_machines_again,
    show_machine,
    show_machine_now,
    force_release,
    force_cancel,
    show_holders,
    empty_node,
]
