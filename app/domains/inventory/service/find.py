"""Nodes by host name, for search by operators."""

from collections.abc import Sequence

from app.domains.inventory.service.fleet import NodeQuery, page_nodes
from app.shared.authz import Permission
from app.shared.authz.scope import may
from app.shared.context import Context
from app.shared.manifest import Found

LIMIT = 8


async def search_nodes(ctx: Context, text: str) -> Sequence[Found]:
    """By host name."""
    if not may(ctx.actor, Permission.PLATFORM_NODE_READ):
        return ()
    found = await page_nodes(ctx, NodeQuery(search=text, limit=LIMIT))
    return [
        Found(label=row.hostname, href=f"/admin/nodes/{row.id}", icon="nodes", kind="Node", note=row.sku_code or "")
        for row in found.nodes
    ]
