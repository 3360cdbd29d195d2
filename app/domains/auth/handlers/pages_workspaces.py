"""Pages of the person's workspaces: the switch, received invitations, organisations, projects."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from app.domains.auth.handlers.options import PROFILE, PROFILE_MOVES, PROJECT_MANAGE, TEAM_MANAGE, TEAM_READ
from app.domains.auth.schemas.forms import OrganisationForm, ProjectForm, SwitchProjectForm, as_id, as_version
from app.domains.auth.schemas.pages import NewOrganisationPage, OrganisationPage, ReceivedPage
from app.domains.auth.service import organisations, projects, received_invitations, workspaces
from app.domains.auth.service.organisations import CreateOrganisation
from app.domains.auth.service.projects import CreateProject, RenameProject
from app.domains.auth.service.received_invitations import AnswerInvitation
from app.domains.auth.service.workspaces import SwitchProject
from app.shared.errors import NotFound
from app.web import Ctx, Form, page, redirect
from app.web.paging import Cursor

SETTINGS = "/settings/organisation"


@post("/place", opt=PROFILE_MOVES)
async def switch(ctx: Ctx, data: Form[SwitchProjectForm]) -> Response[str]:
    """Switch the session to another project."""
    project_id = as_id(data.project, "project")
    if project_id is None:
        raise NotFound()
    await workspaces.switch_project(ctx, SwitchProject(project_id=project_id))
    return redirect(ctx, "/")


@get("/invitations", opt=PROFILE)
async def received(ctx: Ctx) -> Response[str]:
    """Pending invitations to the person's address; a person without an organisation can create one here."""
    struct = ReceivedPage.of(
        ctx.actor,
        (await received_invitations.page_received(ctx)).items,
        await received_invitations.own_address(ctx),
        ctx.settings.oidc.name,
        await organisations.suspended(ctx),
    )
    return await page(ctx, "auth/invitations.html", struct)


@post("/invitations/{invitation_id:uuid}/accept", opt=PROFILE_MOVES)
async def accept(ctx: Ctx, invitation_id: FromPath[UUID]) -> Response[str]:
    """Accept an invitation and switch to its workspace."""
    command = AnswerInvitation(invitation_id=invitation_id)
    await received_invitations.accept(ctx, command)
    return redirect(ctx, "/")


@post("/invitations/{invitation_id:uuid}/decline", opt=PROFILE)
async def decline(ctx: Ctx, invitation_id: FromPath[UUID]) -> Response[str]:
    """Decline an invitation."""
    command = AnswerInvitation(invitation_id=invitation_id)
    await received_invitations.decline(ctx, command)
    return redirect(ctx, "/invitations")


@get("/organisations/new", opt=PROFILE)
async def new_organisation(ctx: Ctx) -> Response[str]:
    """The form for a new organisation."""
    return await page(ctx, "auth/organisation_new.html", NewOrganisationPage.of(ctx.actor))


@post("/organisations", opt=PROFILE_MOVES)
async def create_organisation(ctx: Ctx, data: Form[OrganisationForm]) -> Response[str]:
    """Create an organisation with one project and switch to it."""
    command = CreateOrganisation(name=data.name, time_zone=data.time_zone)
    await organisations.create_organisation(ctx, command)
    return redirect(ctx, "/")


@get("/settings/organisation", opt=TEAM_READ)
async def organisation(ctx: Ctx, cursor: Cursor = None) -> Response[str]:
    """The organisation's settings and projects."""
    shown, result = await organisations.get_organisation(ctx), await projects.page_projects(ctx, cursor)
    return await page(ctx, "auth/organisation.html", OrganisationPage.of(ctx.actor, shown, result))


@post("/settings/organisation", opt=TEAM_MANAGE)
async def change_organisation(ctx: Ctx, data: Form[OrganisationForm]) -> Response[str]:
    """Change name or time zone."""
    await organisations.change_organisation(ctx, data.change())
    return redirect(ctx, SETTINGS)


@post("/settings/organisation/projects", opt=PROJECT_MANAGE)
async def create_project(ctx: Ctx, data: Form[ProjectForm]) -> Response[str]:
    """Create a project."""
    await projects.create_project(ctx, CreateProject(name=data.name))
    return redirect(ctx, SETTINGS)


@post("/settings/organisation/projects/{project_id:uuid}", opt=PROJECT_MANAGE)
async def rename_project(ctx: Ctx, project_id: FromPath[UUID], data: Form[ProjectForm]) -> Response[str]:
    """Rename a project."""
    command = RenameProject(project_id=project_id, name=data.name, version=as_version(data.version))
    await projects.rename_project(ctx, command)
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
