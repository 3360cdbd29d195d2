"""Machines by name or id, for search: those of the session's project; for an operator, those of all tenants."""

from collections.abc import Sequence

from app.domains.provisioning.repository import AllocationRepository
from app.domains.provisioning.service.operators import Query, page_allocations
from app.shared.authz import Permission, project_scope
from app.shared.authz.scope import may
from app.shared.context import Context
from app.shared.manifest import Found

LIMIT = 8


async def search_machines(ctx: Context, text: str) -> Sequence[Found]:
    """Newest first; empty without the permission to see machines."""
    if may(ctx.actor, Permission.PLATFORM_ALLOCATION_READ):
        return await _of_everybody(ctx, text)
    if ctx.actor.project_id is None or not may(ctx.actor, Permission.ALLOCATION_READ):
        return ()
    scope = project_scope(ctx.actor, Permission.ALLOCATION_READ)
    rows = await AllocationRepository(ctx.session).find_named(scope, text, LIMIT)
    return [
        Found(label=row.name, href=f"/machines/{row.id}", icon="machines", kind="Machine", note=row.sku_code)
        for row in rows
    ]


async def _of_everybody(ctx: Context, text: str) -> Sequence[Found]:
    found = await page_allocations(ctx, Query(search=text, limit=LIMIT))
    return [
        Found(label=row.name, href=f"/admin/allocations/{row.id}", icon="machines", kind="Machine", note=row.sku_code)
        for row in found.rows[:LIMIT]
    ]
