"""Projects of an organisation: list, create, rename."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.auth.errors import LimitReached
from app.domains.auth.events import ProjectCreated, ProjectRenamed
from app.domains.auth.models import Project
from app.domains.auth.policies import MAX_PROJECTS
from app.domains.auth.repository import TeamRepository
from app.domains.auth.rules.names import clean_name
from app.shared.audit import AuditAction, withheld
from app.shared.authz import Permission, tenant_scope
from app.shared.context import Context
from app.shared.errors import NotFound
from app.shared.ids import ProjectId, new_id
from app.shared.paging import Slice, cut
from app.shared.use_case import use_case
from app.shared.versions import check_version

MAX_OPTIONS = 200


class CreateProject(msgspec.Struct, frozen=True, kw_only=True):
    name: str


class RenameProject(msgspec.Struct, frozen=True, kw_only=True):
    project_id: UUID
    name: str
    version: int | None = None


class ProjectDetail(msgspec.Struct, frozen=True, kw_only=True):
    id: ProjectId
    name: str
    created_at: datetime
    version: int


async def all_projects(ctx: Context) -> tuple[ProjectDetail, ...]:
    """The actor's projects for a select, at most 200."""
    return (await page_projects(ctx, None, MAX_OPTIONS)).items


async def page_projects(ctx: Context, cursor: UUID | None = None, limit: int = 50) -> Slice[ProjectDetail, UUID]:
    """The projects that the actor may see, oldest first: all of them with a role in the organisation, otherwise those
    with a role."""
    scope = tenant_scope(ctx.actor, Permission.TEAM_READ)
    here = [binding for binding in ctx.actor.bindings if binding.tenant_id == scope.tenant_id]
    only = [binding.project_id for binding in here if binding.project_id is not None]
    sees_all = any(binding.project_id is None for binding in here)
    rows = await TeamRepository(ctx.session).page_projects(scope, None if sees_all else only, cursor, limit + 1)
    kept = cut([_project(row) for row in rows], limit, lambda project: UUID(str(project.id)))
    return Slice(items=kept.items, next_cursor=kept.next_cursor)


async def get_project(ctx: Context, project_id: UUID) -> ProjectDetail:
    """One project that the actor may see. Raises NotFound."""
    scope = tenant_scope(ctx.actor, Permission.TEAM_READ)
    row = await TeamRepository(ctx.session).find_project(scope, project_id)
    here = [binding for binding in ctx.actor.bindings if binding.tenant_id == scope.tenant_id]
    if row is None or not any(binding.project_id in (None, project_id) for binding in here):
        raise NotFound()
    return _project(row)


def _project(row: Project) -> ProjectDetail:
    return ProjectDetail(id=ProjectId(row.id), name=row.name, created_at=row.created_at, version=row.version)


@use_case(Permission.PROJECT_MANAGE, AuditAction.PROJECT_CREATE, lambda _, result: result and result.id)
async def create_project(ctx: Context, command: CreateProject) -> ProjectDetail:
    """Create a project in the organisation. Raises ValidationFailed, NameTaken, LimitReached."""
    scope = tenant_scope(ctx.actor, Permission.PROJECT_MANAGE)
    name, repository = clean_name(command.name), TeamRepository(ctx.session)
    await repository.lock_tenant(scope.tenant_id)
    limit = await ctx.policy(MAX_PROJECTS, scope.tenant_id)
    if await repository.count_projects(scope) >= limit:
        raise LimitReached(f"Your organisation may have {limit} projects.", most=limit)
    now, project_id = await ctx.now(), ProjectId(new_id())
    await repository.append_project(scope.tenant_id, project_id, name, now)
    event = ProjectCreated(project_id=project_id, tenant_id=scope.tenant_id)
    await ctx.emit(event, version=1, tenant_id=scope.tenant_id, project_id=project_id)
    return ProjectDetail(id=project_id, name=name, created_at=now, version=1)


@use_case(Permission.PROJECT_MANAGE, AuditAction.PROJECT_RENAME, lambda command, _: command.project_id)
async def rename_project(ctx: Context, command: RenameProject) -> ProjectDetail:
    """Rename a project. Raises NotFound, ValidationFailed, NameTaken, PreconditionFailed."""
    scope = tenant_scope(ctx.actor, Permission.PROJECT_MANAGE)
    name, repository = clean_name(command.name), TeamRepository(ctx.session)
    row = await repository.find_project(scope, command.project_id, lock=True)
    if row is None:
        raise NotFound()
    check_version(row.version, command.version)
    ctx.changed(name=withheld(row.name, name))
    if row.name == name:
        return _project(row)
    version = await repository.rename_project(scope, command.project_id, name)
    event = ProjectRenamed(project_id=command.project_id, tenant_id=scope.tenant_id)
    await ctx.emit(event, version=version, tenant_id=scope.tenant_id, project_id=command.project_id)
    return msgspec.structs.replace(_project(row), name=name, version=version)
