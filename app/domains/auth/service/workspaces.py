"""Workspaces: the organisations and projects that a person can open, and which of them a session is in.

Switching changes the workspace of the session; its token and the person's roles stay the same.
"""

from uuid import UUID

import msgspec

from app.domains.auth.contracts import WorkspaceView
from app.domains.auth.repository import TeamRepository
from app.domains.auth.repository.team import AnyRow
from app.domains.auth.rules.values import Workspace
from app.domains.auth.service.session_cache import forget_sessions
from app.shared.audit import AuditAction
from app.shared.authz import Actor, ActorKind
from app.shared.context import Context
from app.shared.errors import Forbidden, NotFound
from app.shared.ids import ProjectId, TenantId
from app.shared.use_case import Unprivileged, use_case


class SwitchProject(msgspec.Struct, frozen=True, kw_only=True):
    project_id: UUID


def person_of(actor: Actor) -> UUID:
    """The actor's user id. Raises Forbidden for programs, which belong to one project."""
    if actor.kind is not ActorKind.USER or actor.id is None:
        raise Forbidden("Only a person can do this.")
    return actor.id


async def list_workspaces(ctx: Context) -> list[WorkspaceView]:
    """Every project that the actor may open, by name of organisation and project; none for programs."""
    if ctx.actor.kind is not ActorKind.USER or ctx.actor.id is None:
        return []
    return [_workspace_view(row) for row in await TeamRepository(ctx.session).list_workspaces(ctx.actor.id)]


def _workspace_view(row: AnyRow) -> WorkspaceView:
    return WorkspaceView(
        tenant_id=TenantId(row.tenant_id),
        tenant_name=row.tenant_name,
        currency=row.currency,
        time_zone=row.time_zone,
        project_id=ProjectId(row.project_id),
        project_name=row.project_name,
    )


async def enter_workspace(ctx: Context, user_id: UUID, tenant_id: UUID, project_id: UUID | None) -> Workspace | None:
    """Move the actor and their session to the project, or to the organisation's first one when none is named. None when
    they may not open it."""
    repository = TeamRepository(ctx.session)
    for row in await repository.list_workspaces(user_id, project_id):
        if row.tenant_id == tenant_id:
            workspace = Workspace(tenant_id=TenantId(row.tenant_id), project_id=ProjectId(row.project_id))
            if ctx.actor.session_id is not None and ctx.actor.via_cookie:
                await repository.set_session_workspace(ctx.actor.session_id, user_id, workspace)
                await forget_sessions(ctx, user_id)
            ctx.actor = msgspec.structs.replace(
                ctx.actor, tenant_id=workspace.tenant_id, project_id=workspace.project_id
            )
            return workspace
    return None


@use_case(
    Unprivileged("one goes only where one has a role"),
    AuditAction.PROJECT_SWITCH,
    lambda _, result: result and result.project_id,
)
async def switch_project(ctx: Context, command: SwitchProject) -> Workspace:
    """Switch the session to another project. Raises NotFound for a project that the actor may not open."""
    user_id, before = person_of(ctx.actor), ctx.actor.project_id
    rows = await TeamRepository(ctx.session).list_workspaces(user_id, command.project_id)
    workspace = await enter_workspace(ctx, user_id, rows[0].tenant_id, command.project_id) if rows else None
    if workspace is None:
        raise NotFound()
    ctx.changed(project_id=(before, workspace.project_id))
    return workspace
