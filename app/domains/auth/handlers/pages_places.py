"""Where one stands: switching, one's own invitations, organisations, projects."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from app.domains.auth.contracts.team import (
    AnswerInvitation,
    CreateOrganisation,
    CreateProject,
    RenameProject,
    SwitchPlace,
)
from app.domains.auth.rules.words import role_name
from app.domains.auth.schemas.forms import OrganisationForm, PlaceForm, ProjectForm, as_id, as_version
from app.domains.auth.schemas.pages import NewOrganisationPage, ReceivedLine, ReceivedPage, organisation_page
from app.domains.auth.service import invitations, places, team_views
from app.shared.authz import Permission
from app.shared.authz.scope import may
from app.shared.errors import NotFound
from app.web import Ctx, Form, page, redirect, requires
from app.web.paging import Cursor

OWN = requires(Permission.PROFILE)
MOVES = requires(Permission.PROFILE, moves=True)
READ = requires(Permission.TEAM_READ)
MANAGE = requires(Permission.TEAM_MANAGE)
PROJECTS = requires(Permission.PROJECT_MANAGE)
SETTINGS = "/settings/organisation"


@post("/place", opt=MOVES, include_in_schema=False)
async def switch(ctx: Ctx, data: Form[PlaceForm]) -> Response[str]:
    """Stand in another project from now on."""
    project_id = as_id(data.project, "project")
    if project_id is None:
        raise NotFound()
    await places.switch(ctx, SwitchPlace(project_id=project_id))
    return redirect(ctx, "/")


@get("/invitations", opt=OWN, include_in_schema=False)
async def received(ctx: Ctx) -> Response[str]:
    """What waits for one's own address; who is in no organisation may also begin one here."""
    email, is_verified = await team_views.own_address(ctx)
    waiting = (await invitations.page_received(ctx)).items
    struct = ReceivedPage(
        lines=tuple(ReceivedLine(invitation=one, role_word=role_name(one.role)) for one in waiting),
        email=email,
        is_verified=is_verified,
        provider=ctx.settings.oidc.name,
        is_homeless=ctx.actor.tenant_id is None and not may(ctx.actor, Permission.PLATFORM_CONSOLE),
        suspended=await team_views.suspended(ctx),
        suggested=team_views.suggested_name(ctx),
    )
    return await page(ctx, "auth/invitations.html", struct)


@post("/invitations/{invitation_id:uuid}/accept", opt=MOVES, include_in_schema=False)
async def accept(ctx: Ctx, invitation_id: FromPath[UUID]) -> Response[str]:
    """Join, and stand there."""
    await invitations.accept(ctx, AnswerInvitation(invitation_id=invitation_id))
    return redirect(ctx, "/")


@post("/invitations/{invitation_id:uuid}/decline", opt=OWN, include_in_schema=False)
async def decline(ctx: Ctx, invitation_id: FromPath[UUID]) -> Response[str]:
    """Say no."""
    await invitations.decline(ctx, AnswerInvitation(invitation_id=invitation_id))
    return redirect(ctx, "/invitations")


@get("/organisations/new", opt=OWN, include_in_schema=False)
async def new_organisation(ctx: Ctx) -> Response[str]:
    """The form for an organisation of one's own."""
    struct = NewOrganisationPage(suggested=team_views.suggested_name(ctx), zones=team_views.zones())
    return await page(ctx, "auth/organisation_new.html", struct)


@post("/organisations", opt=MOVES, include_in_schema=False)
async def create_organisation(ctx: Ctx, data: Form[OrganisationForm]) -> Response[str]:
    """An organisation with one project; one stands in it from now on."""
    command = CreateOrganisation(name=data.name, time_zone=data.time_zone)
    await places.create_organisation(ctx, command)
    return redirect(ctx, "/")


@get("/settings/organisation", opt=READ, include_in_schema=False)
async def organisation(ctx: Ctx, cursor: Cursor = None) -> Response[str]:
    """Name, time zone, currency, projects."""
    shown, found = await places.get_organisation(ctx), await places.page_projects(ctx, cursor)
    struct = organisation_page(ctx.actor, shown, found, team_views.zones())
    return await page(ctx, "auth/organisation.html", struct)


@post("/settings/organisation", opt=MANAGE, include_in_schema=False)
async def change_organisation(ctx: Ctx, data: Form[OrganisationForm]) -> Response[str]:
    """Another name or time zone."""
    await places.change_organisation(ctx, data.change())
    return redirect(ctx, SETTINGS)


@post("/settings/organisation/projects", opt=PROJECTS, include_in_schema=False)
async def create_project(ctx: Ctx, data: Form[ProjectForm]) -> Response[str]:
    """A new project."""
    await places.create_project(ctx, CreateProject(name=data.name))
    return redirect(ctx, SETTINGS)


@post("/settings/organisation/projects/{project_id:uuid}", opt=PROJECTS, include_in_schema=False)
async def rename_project(ctx: Ctx, project_id: FromPath[UUID], data: Form[ProjectForm]) -> Response[str]:
    """Another name."""
    command = RenameProject(project_id=project_id, name=data.name, version=as_version(data.version))
    await places.rename_project(ctx, command)
    return redirect(ctx, SETTINGS)


ROUTES = [
    switch,
    received,
    accept,
    decline,
    new_organisation,
    create_organisation,
    organisation,
    change_organisation,
    create_project,
    rename_project,
]
