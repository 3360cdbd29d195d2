"""The operator's first page: the fleet map and what is stuck."""

from typing import Annotated

from litestar import Response, get
from litestar.params import FromPath, QueryParameter

from app.domains.provisioning.handlers.options import PLATFORM_CONSOLE, PLATFORM_NODE_READ
from app.domains.provisioning.schemas.fleet import PAGE, FleetPage, FleetView
from app.domains.provisioning.service import fleet
from app.domains.provisioning.service.fleet import FleetQuery
from app.shared.authz import Permission
from app.shared.authz.scope import may
from app.web import Ctx, fragment, page, redirect
from app.web.query import OptionalSearch, OptionalState, OptionalText

TypeWord = Annotated[str | None, QueryParameter(name="type", max_length=100)]


MAP = "provisioning/fleet.html"


async def _fleet(ctx: Ctx, query: FleetQuery, view: str | None, by: str | None) -> FleetPage:
    wanted = FleetView(query=query, table=view == "table", by_tenant=by == "tenant")
    return FleetPage.of(
        await fleet.fleet(ctx, wanted.query),
        wanted,
        may_open_nodes=may(ctx.actor, Permission.PLATFORM_NODE_READ),
        may_open_machines=may(ctx.actor, Permission.PLATFORM_ALLOCATION_READ),
    )


@get("/admin", opt=PLATFORM_CONSOLE)
async def show_fleet(
    ctx: Ctx,
    sku: TypeWord = None,
    node_state: OptionalState = None,
    search: OptionalSearch = None,
    view: OptionalText = None,
    by: OptionalText = None,
    after: OptionalText = None,
) -> Response[str]:
    """Every node as a berth strip, the fleet in figures, what is stuck."""
    query = FleetQuery(sku=sku, word=node_state, search=search, after=after, limit=PAGE)
    return await page(ctx, MAP, await _fleet(ctx, query, view, by))


@get("/admin/fleet", opt=PLATFORM_CONSOLE)
async def show_fleet_again(
    ctx: Ctx,
    sku: TypeWord = None,
    node_state: OptionalState = None,
    search: OptionalSearch = None,
    view: OptionalText = None,
    by: OptionalText = None,
    after: OptionalText = None,
) -> Response[str]:
    """The same under the same filter, when something has moved."""
    query = FleetQuery(sku=sku, word=node_state, search=search, after=after, limit=PAGE)
    return await fragment(ctx, MAP, "now", await _fleet(ctx, query, view, by))


@get("/admin/fleet/{system_id:str}", opt=PLATFORM_NODE_READ)
async def find_node(ctx: Ctx, system_id: FromPath[str]) -> Response[str]:
    """The node that MAAS calls so: the map's short way to its page."""
    return redirect(ctx, f"/admin/nodes/{await fleet.node_of(ctx, system_id)}")


ROUTES = [show_fleet, show_fleet_again, find_node]
