"""The catalog for customers; the nodes for operators."""

from typing import Annotated
from uuid import UUID

from litestar import Litestar, Response, get, post
from litestar.params import FromPath, QueryParameter

from app.domains.inventory.handlers.options import CATALOG_READ, PLATFORM_NODE_MANAGE, PLATFORM_NODE_READ
from app.domains.inventory.rules import OfferFilter
from app.domains.inventory.schemas import CatalogPage, NodesPage, ReasonBody
from app.domains.inventory.service import fleet, nodes, offers
from app.domains.inventory.service.fleet import NodeQuery
from app.domains.inventory.service.import_nodes import ImportReport
from app.domains.inventory.service.nodes import CordonNode, LiftQuarantine, UncordonNode
from app.shared.authz import Permission
from app.shared.authz.scope import may
from app.shared.money import RateMicroPerHour
from app.shared.numbers import whole_number
from app.web import Contexts, Ctx, Form, fragment, page, redirect
from app.web.query import OptionalSearch, OptionalState, OptionalText
from app.web.types import AnyRequest

Dearest = Annotated[int | None, QueryParameter(name="max", ge=0, le=10**12)]


def _has_launch(app: Litestar) -> bool:
    return any(route.path == "/launch" for route in app.routes)


async def _catalog(
    request: AnyRequest, ctx: Ctx, gpu: str | None, dearest: int | None, free: str | None
) -> CatalogPage:
    rate = None if dearest is None else RateMicroPerHour(dearest)
    wanted = OfferFilter(gpu_model=gpu or None, dearest=rate, free_now=bool(free))
    on_offer = await offers.list_offers(ctx)
    can_launch = may(ctx.actor, Permission.ALLOCATION_LAUNCH) and _has_launch(request.app)
    return CatalogPage.of(on_offer, offers.filtered(on_offer, wanted), wanted, can_launch=can_launch)


@get("/catalog", opt=CATALOG_READ)
async def show_catalog(
    request: AnyRequest,
    ctx: Ctx,
    gpu: OptionalText = None,
    dearest: Dearest = None,
    free: OptionalText = None,
) -> Response[str]:
    """Types on sale, what they cost and what is free."""
    return await page(ctx, "inventory/catalog.html", await _catalog(request, ctx, gpu, dearest, free))


@get("/catalog/types", opt=CATALOG_READ)
async def show_types(
    request: AnyRequest,
    ctx: Ctx,
    gpu: OptionalText = None,
    dearest: Dearest = None,
    free: OptionalText = None,
) -> Response[str]:
    """The same types again, when what is free has changed."""
    return await fragment(ctx, "inventory/catalog.html", "types", await _catalog(request, ctx, gpu, dearest, free))


async def _nodes(ctx: Ctx, query: NodeQuery, report: ImportReport | None = None) -> NodesPage:
    found = await fleet.page_nodes(ctx, query)
    return NodesPage.of(found, await fleet.count_nodes(ctx), query, report)


@get("/admin/nodes", opt=PLATFORM_NODE_READ)
async def list_nodes(
    ctx: Ctx,
    node_state: OptionalState = None,
    cordoned: OptionalText = None,
    sku: OptionalText = None,
    search: OptionalSearch = None,
    cursor: OptionalText = None,
    imported: OptionalText = None,
) -> Response[str]:
    """The fleet: our state next to MAAS's, slots, reasons."""
    query = NodeQuery(state=node_state, cordoned=bool(cordoned), sku=sku, search=search, cursor=cursor)
    return await page(ctx, "inventory/nodes.html", await _nodes(ctx, query, _read_report(imported)))


@get("/admin/nodes/list", opt=PLATFORM_NODE_READ)
async def list_nodes_again(
    ctx: Ctx,
    node_state: OptionalState = None,
    cordoned: OptionalText = None,
    sku: OptionalText = None,
    search: OptionalSearch = None,
    cursor: OptionalText = None,
) -> Response[str]:
    """The same part of the list again."""
    query = NodeQuery(state=node_state, cordoned=bool(cordoned), sku=sku, search=search, cursor=cursor)
    return await fragment(ctx, "inventory/nodes.html", "list", await _nodes(ctx, query))


@post("/admin/nodes/import", opt=PLATFORM_NODE_MANAGE)
async def import_nodes(contexts: Contexts) -> Response[str]:
    """Read the pool from MAAS now."""
    report = await fleet.import_now(contexts)
    async with contexts() as ctx:
        return redirect(ctx, f"/admin/nodes?imported={_write_report(report)}")


@post("/admin/nodes/{node_id:uuid}/cordon", opt=PLATFORM_NODE_MANAGE)
async def cordon(ctx: Ctx, node_id: FromPath[UUID], data: Form[ReasonBody]) -> Response[str]:
    """No new tenants."""
    await nodes.cordon_node(ctx, CordonNode(node_id=node_id, reason=data.reason))
    return redirect(ctx, f"/admin/nodes/{node_id}")


@post("/admin/nodes/{node_id:uuid}/uncordon", opt=PLATFORM_NODE_MANAGE)
async def uncordon(ctx: Ctx, node_id: FromPath[UUID]) -> Response[str]:
    """Tenants again."""
    await nodes.uncordon_node(ctx, UncordonNode(node_id=node_id))
    return redirect(ctx, f"/admin/nodes/{node_id}")


@post("/admin/nodes/{node_id:uuid}/lift-quarantine", opt=PLATFORM_NODE_MANAGE)
async def lift_quarantine(ctx: Ctx, node_id: FromPath[UUID], data: Form[ReasonBody]) -> Response[str]:
    """Return a node to service."""
    await nodes.lift_quarantine(ctx, LiftQuarantine(node_id=node_id, reason=data.reason))
    return redirect(ctx, f"/admin/nodes/{node_id}")


def _write_report(report: ImportReport) -> str:
    return "-".join(str(getattr(report, name)) for name in report.__struct_fields__)


def _read_report(text: str | None) -> ImportReport | None:
    found = [whole_number(word) for word in (text or "").split("-")]
    counts = [count for count in found if count is not None]
    if len(counts) != len(ImportReport.__struct_fields__) or len(counts) != len(found):
        return None
    return ImportReport(**dict(zip(ImportReport.__struct_fields__, counts, strict=True)))


ROUTES = [
    show_catalog,
    show_types,
    list_nodes,
    list_nodes_again,
    import_nodes,
    cordon,
    uncordon,
    lift_quarantine,
]
