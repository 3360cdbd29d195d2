"""API of the organisation and its projects."""

from uuid import UUID

from litestar import Response, get, patch, post
from litestar.params import FromPath

from app.domains.auth.handlers.options import PROJECT_MANAGE, TEAM_MANAGE, TEAM_READ
from app.domains.auth.schemas.rest import (
    OrganisationBody,
    ProjectBody,
    ProjectsAnswer,
)
from app.domains.auth.service import organisations, projects
from app.domains.auth.service.organisations import ChangeOrganisation, OrganisationView
from app.domains.auth.service.projects import CreateProject, ProjectDetail, RenameProject
from app.web import Ctx, Json
from app.web.etag import IfMatch, seen_version, tagged
from app.web.kept import kept
from app.web.paging import Cursor, Limit


@get("/organisation", opt=TEAM_READ)
async def get_organisation(ctx: Ctx) -> Response[OrganisationView]:
    """Get the caller's organisation."""
    shown = await organisations.get_organisation(ctx)
    return tagged(shown, shown.version)


@patch("/organisation", opt=TEAM_MANAGE)
async def change_organisation(
    ctx: Ctx, data: Json[OrganisationBody], if_match: IfMatch = None
) -> Response[OrganisationView]:
    """Change name or time zone."""
    now = await organisations.get_organisation(ctx)
    command = ChangeOrganisation(
        name=now.name if data.name is None else data.name,
        time_zone=now.time_zone if data.time_zone is None else data.time_zone,
        version=seen_version(if_match),
    )
    changed = await organisations.change_organisation(ctx, command)
    return tagged(changed, changed.version)


@get("/projects", opt=TEAM_READ | kept("auth:{tenant}"))
async def list_projects(ctx: Ctx, cursor: Cursor = None, limit: Limit = 50) -> ProjectsAnswer:
    """List the projects that the caller may see, oldest first."""
    result = await projects.page_projects(ctx, cursor, limit)
    return ProjectsAnswer(items=list(result.items), next_cursor=result.next_cursor)


@get("/projects/{project_id:uuid}", opt=TEAM_READ)
async def get_project(ctx: Ctx, project_id: FromPath[UUID]) -> Response[ProjectDetail]:
    """Get a project."""
    shown = await projects.get_project(ctx, project_id)
    return tagged(shown, shown.version)


@post("/projects", opt=PROJECT_MANAGE)
async def create_project(ctx: Ctx, data: Json[ProjectBody]) -> Response[ProjectDetail]:
    """Create a project."""
    made = await projects.create_project(ctx, CreateProject(name=data.name))
    return tagged(made, made.version, status=201)


@patch("/projects/{project_id:uuid}", opt=PROJECT_MANAGE)
async def rename_project(
    ctx: Ctx, project_id: FromPath[UUID], data: Json[ProjectBody], if_match: IfMatch = None
) -> Response[ProjectDetail]:
    """Rename a project."""
    command = RenameProject(project_id=project_id, name=data.name, version=seen_version(if_match))
    changed = await projects.rename_project(ctx, command)
    return tagged(changed, changed.version)


ROUTES = [get_organisation, change_organisation, list_projects, get_project, create_project, rename_project]
