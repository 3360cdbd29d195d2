"""The public API of provisioning for other domains. Everything reads in the caller's Context."""

from collections.abc import Iterable
from uuid import UUID

from app.domains.provisioning.contracts import AccessTarget, MachineView
from app.domains.provisioning.repository import AllocationRepository
from app.domains.provisioning.service import targets, views
from app.shared.authz import Permission, project_scope
from app.shared.context import Context

__all__ = [
    "access_endings",
    "get_access_target",
    "get_app_target",
    "get_machine",
    "list_active_machines",
    "machines_by_id",
]


async def get_access_target(ctx: Context, allocation_id: UUID) -> AccessTarget:
    """Where and as whom the actor's project logs in to this machine. Raises NotFound, NotActive."""
    return await targets.access_target(ctx, allocation_id)


async def get_app_target(ctx: Context, allocation_id: UUID) -> AccessTarget:
    """The same for our own workers and proxies, which have checked the permission. Raises NotFound, NotActive,
    Forbidden."""
    return await targets.app_target(ctx, allocation_id)


async def get_machine(ctx: Context, allocation_id: UUID) -> MachineView:
    """One machine of the actor's project. Raises NotFound."""
    scope = project_scope(ctx.actor, Permission.ALLOCATION_READ)
    return views.machine_view(await AllocationRepository(ctx.session).get_in(scope, allocation_id))


async def list_active_machines(ctx: Context) -> list[MachineView]:
    """The machines of the actor's project that one can log in to, the newest first."""
    return [views.machine_view(row) for row in await views.page_live(ctx) if row.state == "active"]


async def access_endings(ctx: Context, allocation_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Which of these allocations can no longer be logged in to, and why (customer | exhausted | operator | gone). The
    others are absent."""
    return await views.access_endings(ctx, allocation_ids)


async def machines_by_id(ctx: Context, allocation_ids: Iterable[UUID]) -> dict[UUID, MachineView]:
    """Names and states by id, of any tenant: the caller has checked the permission."""
    return await views.machines_by_id(ctx, allocation_ids)
