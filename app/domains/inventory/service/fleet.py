"""The fleet for operators, and the import they can start."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from app.domains.inventory import policies
from app.domains.inventory.contracts import FleetNode, NodeDetail, StuckNode
from app.domains.inventory.repository.fleet import FleetCounts, FleetRepository, NodeFilter, NodeRow
from app.domains.inventory.rules import maintenance
from app.domains.inventory.service import import_nodes, nodes
from app.domains.inventory.service.import_nodes import ImportNodes, ImportReport
from app.domains.maas.public import gateway_of
from app.shared.authz import Permission, platform_scope
from app.shared.context import Context, ContextFactory
from app.shared.paging import pack, unpack
from app.shared.text import given
from app.shared.use_case import Unprivileged, find_answer, use_case

LARGEST_PAGE = 200
REPORT = "report"  # the second part of an import, which the same request again is given


class NodeQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A request for a page of nodes, as it came in."""

    state: str | None = None
    cordoned: bool = False
    sku: str | None = None
    search: str | None = None
    cursor: str | None = None
    limit: int = 50


class NodePage(msgspec.Struct, frozen=True, kw_only=True):
    """One page; `next_cursor` is None on the last."""

    nodes: tuple[NodeRow, ...]
    next_cursor: str | None


async def page_nodes(ctx: Context, query: NodeQuery) -> NodePage:
    """A page of the fleet by host name. Raises ValidationFailed for a cursor that is not ours."""
    scope = platform_scope(ctx.actor, Permission.PLATFORM_NODE_READ)
    after = unpack(query.cursor, tuple[str, UUID]) if query.cursor else None
    limit = min(max(1, query.limit), LARGEST_PAGE)
    wanted = NodeFilter(
        state=given(query.state),
        cordoned=query.cordoned,
        sku=given(query.sku),
        search=given(query.search.strip().lower()) if query.search is not None else None,
        after=after,
        limit=limit + 1,
    )
    rows = await FleetRepository(ctx.session).page_nodes(scope, wanted)
    last = rows[limit - 1] if len(rows) > limit else None
    next_cursor = pack(last.hostname, last.id) if last else None
    return NodePage(nodes=tuple(rows[:limit]), next_cursor=next_cursor)


async def count_nodes(ctx: Context) -> FleetCounts:
    """The fleet in figures."""
    return await FleetRepository(ctx.session).count_nodes(platform_scope(ctx.actor, Permission.PLATFORM_NODE_READ))


async def show_node(ctx: Context, node_id: UUID) -> NodeDetail:
    """One node for an operator. Raises NotFound."""
    platform_scope(ctx.actor, Permission.PLATFORM_NODE_READ)
    return await nodes.get_node(ctx, node_id)


async def import_now(contexts: ContextFactory) -> ImportReport:
    """Import at an operator's request: the permission is checked and recorded first. Raises Forbidden, MaasError."""
    async with contexts() as ctx:
        maas, gateway = ctx.settings.maas, gateway_of(ctx.runtime)
        await import_nodes.ask_import(ctx, ImportNodes(maas.pool))
        done = await find_answer(ctx, _as_read, REPORT)
    if done is not None:
        return done
    report = await import_nodes.import_nodes(contexts, gateway, maas.pool)
    async with contexts() as ctx:
        return await _as_read(ctx, report, part=REPORT)


@use_case(Unprivileged("the report of an import that was allowed"))
async def _as_read(_ctx: Context, report: ImportReport) -> ImportReport:
    return report


async def fleet_nodes(ctx: Context) -> list[FleetNode]:
    """Every node that is not retired, by type, zone and host name, with the allocations that hold its slots. For
    operators: raises Forbidden."""
    return await FleetRepository(ctx.session).list_fleet(platform_scope(ctx.actor, Permission.PLATFORM_CONSOLE))


async def stuck_nodes(ctx: Context, fleet_now: Sequence[FleetNode]) -> list[StuckNode]:
    """Of these nodes those that have been out of service for longer than policy allows."""
    slas = {
        "quarantined": await ctx.policy(policies.SLA_QUARANTINED),
        "missing": await ctx.policy(policies.SLA_MISSING),
        "maintenance": await ctx.policy(policies.SLA_MAINTENANCE),
        "cordoned": await ctx.policy(policies.SLA_CORDONED),
    }
    return maintenance.stuck_nodes(fleet_now, slas, await ctx.now())
