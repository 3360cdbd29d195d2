"""The history of a node: what happened to it, when, by whom. Written by the use cases, in their own transactions."""

from uuid import UUID

from app.domains.auth import public as auth
from app.domains.inventory.contracts import NodeId
from app.domains.inventory.repository.history import HistoryRepository, HistoryRow
from app.domains.inventory.repository.nodes import NodeRepository
from app.shared.authz import Permission, platform_scope
from app.shared.context import Context
from app.shared.errors import NotFound
from app.shared.ids import new_id

LONGEST = 2_000  # of a detail that we make; a reason that somebody wrote stands in it as a whole


async def note(ctx: Context, node_id: UUID, kind: str, detail: str = "", allocation_id: UUID | None = None) -> None:
    """Add a line. `detail` is plain text without secrets."""
    row = HistoryRow(
        id=new_id(),
        node_id=node_id,
        occurred_at=await ctx.now(),
        kind=kind,
        detail=detail[:LONGEST],
        allocation_id=allocation_id,
        actor_kind=ctx.actor.kind.value,
        actor_id=ctx.actor.id,
    )
    await HistoryRepository(ctx.session).append_entry(row)


async def history(
    ctx: Context, node_id: UUID, before: UUID | None = None, limit: int = 30
) -> tuple[list[HistoryRow], dict[UUID, str]]:
    """The newest lines with the names of people in them. Raises NotFound, Forbidden."""
    scope = platform_scope(ctx.actor, Permission.PLATFORM_NODE_READ)
    if not await NodeRepository(ctx.session).list_names([node_id]):
        raise NotFound()
    rows = list(await HistoryRepository(ctx.session).list_entries(scope, NodeId(node_id), before, limit))
    return rows, await auth.names_of(ctx, {row.actor_id for row in rows if row.actor_id is not None})
