"""The fleet as an operator sees it: each slot with who holds it, what is sold and scattered, what is stuck. Only reads.

The statements are the same few for three nodes as for five hundred: nodes with their slots, what has not ended, the
names of organisations, what the meters earn, and the medians of types that something is under way of.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.auth import public as auth
from app.domains.billing import public as billing
from app.domains.inventory import public as inventory
from app.domains.inventory.contracts import FleetNode, StuckNode
from app.domains.provisioning import policies
from app.domains.provisioning.contracts import provision_workflow_id, release_workflow_id
from app.domains.provisioning.repository import OperatorRepository
from app.domains.provisioning.repository.operators import LiveAllocation
from app.domains.provisioning.rules.fleet import Figures, SlotKind, figures, node_word, slot_kinds
from app.domains.provisioning.rules.states import ENDING, State, as_state
from app.domains.provisioning.rules.stuck import AUTOMATIC, Sla, sla_of
from app.shared.authz import Permission, PlatformScope, platform_scope
from app.shared.context import Context
from app.shared.outbox.outcome import Outcome, outcomes
from app.shared.policy import PolicyKey

WAITING: frozenset[State] = frozenset({"requested", "placing"})
SLAS: Mapping[State, PolicyKey[int]] = {
    "requested": policies.SLA_REQUESTED,
    "placing": policies.SLA_PLACING,
    "provisioning": policies.SLA_PROVISIONING,
    "configuring": policies.SLA_CONFIGURING,
    "releasing": policies.SLA_RELEASING,
    "release_failed": policies.SLA_RELEASE_FAILED,
}


class FleetQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What of the fleet is shown. `search` looks in host names, system ids, machines and organisations. With `limit` it
    is one page, from behind the node `after` (a system id) on."""

    sku: str | None = None
    word: str | None = None
    search: str | None = None
    after: str | None = None
    limit: int | None = None


class MapNode(msgspec.Struct, frozen=True, kw_only=True):
    """A node with its slots. `tenants` are the organisations on it, in the order of their slots."""

    node: FleetNode
    kinds: tuple[SlotKind, ...]
    word: str
    tenants: tuple[UUID | None, ...]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The last request to Temporal and what became of it."""

    effect: str
    at: datetime
    outcome: Outcome


class StuckMachine(msgspec.Struct, frozen=True, kw_only=True):
    """An allocation that has been in a state for longer than it may."""

    allocation: LiveAllocation
    tenant: str
    age_seconds: int
    sla: Sla
    step: str
    detail: str
    automatic: str
    workflow_id: str
    asked: Asked | None


class Stuck(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that waits for longer than it may, the longest past its time first."""

    machines: tuple[StuckMachine, ...]
    nodes: tuple[StuckNode, ...]


class Fleet(msgspec.Struct, frozen=True, kw_only=True):
    """The whole map. `shown` are the nodes under the filter, of which `found` were found, and `more` come after them;
    `all_nodes` are those that the figures are of."""

    shown: tuple[MapNode, ...]
    found: int
    more: bool
    all_nodes: tuple[MapNode, ...]
    figures: Figures
    tenants: dict[UUID, str]
    burn: dict[str, int]
    waiting: int
    waiting_since: datetime | None
    stuck: Stuck
    at: datetime


async def fleet(ctx: Context, query: FleetQuery) -> Fleet:
    """The map under a filter. Raises Forbidden."""
    scope = platform_scope(ctx.actor, Permission.PLATFORM_CONSOLE)
    nodes = await inventory.fleet_nodes(ctx)
    live = await OperatorRepository(ctx.session).list_live(scope)
    known = {item.id: item for item in live}
    names = await auth.names_of(ctx, {item.tenant_id for item in live})
    drawn = tuple(_map_node(node, known) for node in nodes)
    waiting = [item for item in live if as_state(item.state) in WAITING]
    found = [node for node in drawn if _is_wanted(node, query, known, names)]
    shown, more = _page(found, query)
    return Fleet(
        shown=tuple(shown),
        found=len(found),
        more=more,
        all_nodes=drawn,
        figures=figures([(item.node, item.kinds) for item in drawn]),
        tenants=names,
        burn=dict(await billing.burn_rates(ctx, scope)),
        waiting=len(waiting),
        waiting_since=min((item.state_changed_at for item in waiting), default=None),
        stuck=await _stuck(ctx, scope, live, nodes, names),
        at=await ctx.now(),
    )


def _page(found: Sequence[MapNode], query: FleetQuery) -> tuple[Sequence[MapNode], bool]:
    """The page of the nodes that were found, and whether more follow. A node that is gone begins at the first one."""
    behind = {item.node.system_id: index for index, item in enumerate(found, 1)}
    start = 0 if query.after is None else behind.get(query.after, 0)
    if query.limit is None:
        return found[start:], False
    return found[start : start + query.limit], len(found) > start + query.limit


async def stuck(ctx: Context) -> Stuck:
    """What waits for longer than it may. Raises Forbidden."""
    scope = platform_scope(ctx.actor, Permission.PLATFORM_CONSOLE)
    live = await OperatorRepository(ctx.session).list_live(scope)
    names = await auth.names_of(ctx, {item.tenant_id for item in live})
    return await _stuck(ctx, scope, live, await inventory.fleet_nodes(ctx), names)


def _map_node(node: FleetNode, known: Mapping[UUID, LiveAllocation]) -> MapNode:
    holders = [None if holder is None else known.get(holder) for holder in node.holders]
    kinds = slot_kinds(node, {item.id: item.state for item in holders if item is not None})
    tenants = tuple(None if item is None else item.tenant_id for item in holders)
    return MapNode(node=node, kinds=kinds, word=node_word(node, kinds), tenants=tenants)


def _is_wanted(
    item: MapNode, query: FleetQuery, known: Mapping[UUID, LiveAllocation], names: Mapping[UUID, str]
) -> bool:
    if query.sku and (item.node.sku_code or "none") != query.sku:
        return False
    if query.word and item.word != query.word:
        return False
    if not query.search:
        return True
    wanted = query.search.strip().lower()
    machines = [known[holder].name for holder in item.node.holders if holder is not None and holder in known]
    tenants = [names.get(tenant, "") for tenant in item.tenants if tenant is not None]
    return any(wanted in text.lower() for text in (item.node.hostname, item.node.system_id, *machines, *tenants))


async def _stuck(
    ctx: Context,
    scope: PlatformScope,
    live: Sequence[LiveAllocation],
    nodes: Sequence[FleetNode],
    names: Mapping[UUID, str],
) -> Stuck:
    return Stuck(
        machines=tuple(await _stuck_machines(ctx, scope, live, names)),
        nodes=tuple(await inventory.stuck_nodes(ctx, nodes)),
    )


async def _stuck_machines(
    ctx: Context, scope: PlatformScope, live: Sequence[LiveAllocation], names: Mapping[UUID, str]
) -> list[StuckMachine]:
    moving, repository = [item for item in live if item.state != "active"], OperatorRepository(ctx.session)
    if not moving:
        return []
    now = await ctx.now()
    usual = await repository.usual_by_type(scope, list({item.sku_id for item in moving}))
    late = []
    for item in moving:
        sla = await _sla(ctx, item, usual.get(item.sku_id, {}))
        age = int((now - item.state_changed_at).total_seconds())
        if age > sla.seconds:
            late.append((item, sla, age))
    if not late:
        return []
    ids = [item.id for item, _, _ in late]
    steps, asked = await repository.steps_under_way(scope, ids), await _asked(ctx, scope, ids)
    found = [
        _stuck_machine(item, sla, age, steps.get(item.id, ("", "")), asked.get(item.id), names)
        for item, sla, age in late
    ]
    return sorted(found, key=lambda machine: (machine.sla.seconds - machine.age_seconds, machine.allocation.id))


async def _asked(ctx: Context, scope: PlatformScope, ids: Sequence[UUID]) -> dict[UUID, Asked]:
    requests = await OperatorRepository(ctx.session).last_requests(scope, ids)
    became = await outcomes(ctx.session, [request.outbox_id for request in requests.values()])
    return {
        allocation_id: Asked(effect=request.effect, at=request.created_at, outcome=became[request.outbox_id])
        for allocation_id, request in requests.items()
    }


async def _sla(ctx: Context, item: LiveAllocation, usual: Mapping[str, float]) -> Sla:
    state = as_state(item.state)
    return sla_of(
        state,
        await ctx.policy(SLAS[state]),
        usual,
        await ctx.policy(policies.SLA_FACTOR),
        await ctx.policy(policies.SLA_MINIMUM_SECONDS),
    )


def _stuck_machine(
    item: LiveAllocation,
    sla: Sla,
    age: int,
    under_way: tuple[str, str],
    asked: Asked | None,
    names: Mapping[UUID, str],
) -> StuckMachine:
    teardown = as_state(item.state) in ENDING
    return StuckMachine(
        allocation=item,
        tenant=names.get(item.tenant_id, ""),
        age_seconds=age,
        sla=sla,
        step=under_way[0],
        detail=under_way[1] or item.failure_text or "",
        automatic=AUTOMATIC[item.state],
        workflow_id=release_workflow_id(item.id) if teardown else provision_workflow_id(item.id),
        asked=asked,
    )


async def node_of(ctx: Context, system_id: str) -> UUID:
    """The node that MAAS calls so. Raises NotFound."""
    platform_scope(ctx.actor, Permission.PLATFORM_NODE_READ)
    return await inventory.node_by_system_id(ctx, system_id)
