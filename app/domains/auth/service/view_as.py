"""View-as: an operator's session sees an organisation as its owner does, for a limited time, and can change nothing.

The actor of such a session carries `viewing`. By it the route guard refuses unsafe requests, `@use_case` refuses use
cases, and the database refuses writes. Shells, apps and files stay closed. The audit log names the operator.
"""

from datetime import timedelta
from uuid import UUID

import msgspec

from app.domains.auth.contracts.customers import StartView, ViewBanner, ViewStarted
from app.domains.auth.policies import VIEW_AS_MINUTES
from app.domains.auth.repository import AuthRepository, views
from app.domains.auth.repository.team import AnyRow
from app.domains.auth.service.session_cache import forget_sessions
from app.shared.audit import AuditAction
from app.shared.authz import Actor, ActorKind, Permission, Role, RoleBinding
from app.shared.authz.scope import may
from app.shared.context import Context
from app.shared.errors import Forbidden, NotFound
from app.shared.ids import new_id
from app.shared.text import checked_text
from app.shared.use_case import Unprivileged, use_case

MAX_REASON = 500


class StopView(msgspec.Struct, frozen=True, kw_only=True):
    """End the view of the actor's session."""


class ViewStopped(msgspec.Struct, frozen=True, kw_only=True):
    """`tenant_id` is the organisation that was viewed; None when there was no view."""

    tenant_id: UUID | None


async def actor_of_view(ctx: Context, row: AnyRow, bindings: tuple[RoleBinding, ...]) -> Actor | None:
    """The actor of a session with an open view; None without one, or when the person may no longer view."""
    actor = Actor(kind=ActorKind.USER, id=row.user_id, bindings=bindings)
    if not may(actor, Permission.PLATFORM_VIEW_AS):
        return None
    view = await views.find_open_view(ctx.session, row.id, await ctx.now())
    if view is None:
        return None
    return Actor(
        kind=ActorKind.USER,
        id=row.user_id,
        tenant_id=view.tenant_id,
        project_id=view.project_id,
        bindings=(RoleBinding(Role.TENANT_OWNER, view.tenant_id),),
        session_id=row.id,
        name=row.name,
        via_cookie=True,
        viewing=view.id,
    )


@use_case(Permission.PLATFORM_VIEW_AS, AuditAction.VIEW_AS_START, lambda command, _result: command.tenant_id)
async def start_view(ctx: Context, command: StartView) -> ViewStarted:
    """Start a view of the organisation in the actor's browser session. Raises NotFound, ValidationFailed without a
    reason, and Forbidden for programs."""
    reason = checked_text(command.reason, wanted=f"Say why, in 3 to {MAX_REASON} characters.")
    if ctx.actor.session_id is None or ctx.actor.id is None or not ctx.actor.via_cookie:
        raise Forbidden("Only a person in a browser can do this.")
    if not await AuthRepository(ctx.session).list_tenants([command.tenant_id]):
        raise NotFound()
    project_id = await views.find_project_of(ctx.session, command.tenant_id, command.project_id)
    if project_id is None and command.project_id is not None:
        raise NotFound()
    now = await ctx.now()
    expires_at = now + timedelta(minutes=await view_as_minutes(ctx))
    view_id = new_id()
    await views.end_views(ctx.session, ctx.actor.session_id, now)
    workspace = (command.tenant_id, project_id)
    await views.add_view(ctx.session, view_id, ctx.actor.session_id, ctx.actor.id, workspace, reason, now, expires_at)
    await forget_sessions(ctx, ctx.actor.id)
    ctx.about(command.tenant_id)
    ctx.explain(reason=reason, view_id=str(view_id), expires_at=expires_at.isoformat())
    return ViewStarted(view_id=view_id, expires_at=expires_at)


@use_case(Unprivileged("whoever views may stop"))
async def stop_view(ctx: Context, command: StopView) -> ViewStopped:
    """End the view of the actor's session, if it has one."""
    if ctx.actor.session_id is None or ctx.actor.viewing is None:
        return ViewStopped(tenant_id=None)
    if ctx.actor.id is not None:
        await forget_sessions(ctx, ctx.actor.id)
    for view in await views.end_views(ctx.session, ctx.actor.session_id, await ctx.now()):
        ctx.about(view.tenant_id)
        await ctx.audit(AuditAction.VIEW_AS_STOP, view.tenant_id, {"view_id": str(view.id)})
    return ViewStopped(tenant_id=ctx.actor.tenant_id)


async def view_banner(ctx: Context) -> ViewBanner | None:
    """What every page shows while the actor views as a customer; None otherwise."""
    if ctx.actor.viewing is None or ctx.actor.session_id is None:
        return None
    view = await views.find_open_view(ctx.session, ctx.actor.session_id, await ctx.now())
    if view is None:
        return None
    return ViewBanner(
        tenant_id=view.tenant_id, tenant_name=view.tenant_name, reason=view.reason, expires_at=view.expires_at
    )


async def view_as_minutes(ctx: Context) -> int:
    """How long a view lasts."""
    return await ctx.policy(VIEW_AS_MINUTES)
