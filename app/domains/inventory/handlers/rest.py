"""The catalog and the fleet for programs."""

from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath, QueryParameter

from app.domains.inventory.contracts import NodeState
from app.domains.inventory.handlers.options import CATALOG_READ, PLATFORM_NODE_MANAGE, PLATFORM_NODE_READ
from app.domains.inventory.schemas import ImageAnswer, NodesAnswer, ReasonBody, SkuAnswer
from app.domains.inventory.service import fleet, images, nodes, offers
from app.domains.inventory.service.fleet import LARGEST_PAGE, NodeQuery
from app.domains.inventory.service.nodes import CordonNode, NodeChanged, UncordonNode
from app.web import Ctx, Json
from app.web.kept import kept
from app.web.query import OptionalText

InState = Annotated[NodeState | None, QueryParameter(name="state")]  # `state` alone is Litestar's own
Limit = Annotated[int, QueryParameter(ge=1, le=LARGEST_PAGE)]


@get("/skus", opt=CATALOG_READ | kept("inventory:all", "auth:{tenant}"))
async def list_skus(ctx: Ctx) -> list[SkuAnswer]:
    """Every type on sale, the most expensive machine first: price in force, announced price, what is free now."""
    return [SkuAnswer.of(offer) for offer in (await offers.list_offers(ctx)).items]


@get("/skus/{code:str}", opt=CATALOG_READ)
async def get_sku(ctx: Ctx, code: FromPath[str]) -> SkuAnswer:
    """One type by its code."""
    return SkuAnswer.of(await offers.get_offer(ctx, code))


@get("/images", opt=CATALOG_READ | kept("inventory:all"))
async def list_images(ctx: Ctx) -> list[ImageAnswer]:
    """Every image on offer, the default first."""
    return [ImageAnswer.of(image) for image in await images.images(ctx)]


@get("/admin/nodes", opt=PLATFORM_NODE_READ)
async def list_nodes(
    ctx: Ctx,
    node_state: InState = None,
    sku: OptionalText = None,
    search: OptionalText = None,
    cursor: OptionalText = None,
    limit: Limit = 50,
) -> NodesAnswer:
    """A page of the fleet, by host name."""
    query = NodeQuery(state=node_state, sku=sku, search=search, cursor=cursor, limit=limit)
    return NodesAnswer.of(await fleet.page_nodes(ctx, query))


@post("/admin/nodes/{node_id:uuid}/cordon", opt=PLATFORM_NODE_MANAGE, status_code=200)
async def cordon(ctx: Ctx, node_id: FromPath[UUID], data: Json[ReasonBody]) -> NodeChanged:
    """Place no new tenants on the node; present ones remain."""
    return await nodes.cordon_node(ctx, CordonNode(node_id=node_id, reason=data.reason))


@post("/admin/nodes/{node_id:uuid}/uncordon", opt=PLATFORM_NODE_MANAGE, status_code=200)
async def uncordon(ctx: Ctx, node_id: FromPath[UUID]) -> NodeChanged:
    """Let the node have tenants again."""
    return await nodes.uncordon_node(ctx, UncordonNode(node_id=node_id))


ROUTES = [list_skus, get_sku, list_images, list_nodes, cordon, uncordon]
