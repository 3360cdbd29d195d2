"""Organisation, projects, service accounts and sessions for programs."""

from typing import Annotated
from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.params import FromPath, QueryParameter

from app.domains.auth.contracts import (
    CreateCredential,
    CreateServiceAccount,
    Revoked,
    RevokeSession,
)
from app.domains.auth.contracts.team import (
    AccountDisabled,
    AccountQuery,
    AccountView,
    ChangeOrganisation,
    CreateProject,
    CredentialRevoked,
    DisableAccount,
    OrganisationView,
    OthersRevoked,
    ProjectDetail,
    RenameProject,
    RevokeCredential,
    RevokeOtherSessions,
)
from app.domains.auth.schemas import CredentialAnswer, ServiceAccountBody
from app.domains.auth.schemas.team import (
    AccountsAnswer,
    CredentialsAnswer,
    OrganisationBody,
    ProjectBody,
    ProjectsAnswer,
    SessionsAnswer,
)
from app.domains.auth.service import accounts, places, sessions, tokens
from app.shared.authz import Permission
from app.web import Ctx, Json, requires
from app.web.etag import IfMatch, seen_version, tagged
from app.web.paging import Cursor, Limit

READ = requires(Permission.TEAM_READ)
MANAGE = requires(Permission.TEAM_MANAGE)
PROJECTS = requires(Permission.PROJECT_MANAGE)
ACCOUNTS = requires(Permission.SERVICE_ACCOUNT_MANAGE)
OWN = requires(Permission.PROFILE)
Disabled = Annotated[bool, QueryParameter(description="those that were disabled too")]


@get("/api/v1/organisation", opt=READ)
async def get_organisation(ctx: Ctx) -> Response[OrganisationView]:
    """Where the request stands."""
    shown = await places.get_organisation(ctx)
    return tagged(shown, shown.version)


@patch("/api/v1/organisation", opt=MANAGE)
async def change_organisation(
    ctx: Ctx, data: Json[OrganisationBody], if_match: IfMatch = None
) -> Response[OrganisationView]:
    """Another name or time zone."""
    now = await places.get_organisation(ctx)
    command = ChangeOrganisation(
        name=now.name if data.name is None else data.name,
        time_zone=now.time_zone if data.time_zone is None else data.time_zone,
        version=seen_version(if_match),
    )
    changed = await places.change_organisation(ctx, command)
    return tagged(changed, changed.version)


@get("/api/v1/projects", opt=READ)
async def list_projects(ctx: Ctx, cursor: Cursor = None, limit: Limit = 50) -> ProjectsAnswer:
    """The organisation's projects that one may see, oldest first."""
    found = await places.page_projects(ctx, cursor, limit)
    return ProjectsAnswer(items=list(found.items), next_cursor=found.next_cursor)


@get("/api/v1/projects/{project_id:uuid}", opt=READ)
async def get_project(ctx: Ctx, project_id: FromPath[UUID]) -> Response[ProjectDetail]:
    """One of them."""
    shown = await places.get_project(ctx, project_id)
    return tagged(shown, shown.version)


@post("/api/v1/projects", opt=PROJECTS)
async def create_project(ctx: Ctx, data: Json[ProjectBody]) -> Response[ProjectDetail]:
    """A new one."""
    made = await places.create_project(ctx, CreateProject(name=data.name))
    return tagged(made, made.version, status=201)


@patch("/api/v1/projects/{project_id:uuid}", opt=PROJECTS)
async def rename_project(
    ctx: Ctx, project_id: FromPath[UUID], data: Json[ProjectBody], if_match: IfMatch = None
) -> Response[ProjectDetail]:
    """Another name."""
    command = RenameProject(project_id=project_id, name=data.name, version=seen_version(if_match))
    changed = await places.rename_project(ctx, command)
    return tagged(changed, changed.version)


@get("/api/v1/service-accounts", opt=ACCOUNTS)
async def list_accounts(
    ctx: Ctx, disabled: Disabled = False, cursor: Cursor = None, limit: Limit = 50
) -> AccountsAnswer:
    """The organisation's service accounts, oldest first."""
    found = await accounts.page_accounts(ctx, AccountQuery(disabled=disabled, cursor=cursor, limit=limit))
    return AccountsAnswer(items=list(found.items), next_cursor=found.next_cursor)


@get("/api/v1/service-accounts/{account_id:uuid}", opt=ACCOUNTS)
async def get_account(ctx: Ctx, account_id: FromPath[UUID]) -> Response[AccountView]:
    """One of them."""
    shown = await accounts.get_account(ctx, account_id)
    return tagged(shown, shown.version)


@post("/api/v1/service-accounts", opt=ACCOUNTS)
async def create_account(ctx: Ctx, data: Json[ServiceAccountBody]) -> AccountView:
    """A service account with a role in one project."""
    command = CreateServiceAccount(name=data.name, role=data.role, project_id=data.project_id)
    return await accounts.create_service_account(ctx, command)


@delete("/api/v1/service-accounts/{account_id:uuid}", opt=ACCOUNTS, status_code=200)
async def disable_account(ctx: Ctx, account_id: FromPath[UUID]) -> AccountDisabled:
    """Disable it for ever: its credentials and tokens end within five seconds."""
    return await accounts.disable_account(ctx, DisableAccount(service_account_id=account_id))


@get("/api/v1/service-accounts/{account_id:uuid}/credentials", opt=ACCOUNTS)
async def list_credentials(
    ctx: Ctx, account_id: FromPath[UUID], cursor: Cursor = None, limit: Limit = 50
) -> CredentialsAnswer:
    """Its client ids, newest first; secrets are nowhere."""
    found = await accounts.page_credentials(ctx, account_id, cursor, limit)
    return CredentialsAnswer(items=list(found.items), next_cursor=found.next_cursor)


@post("/api/v1/service-accounts/{account_id:uuid}/credentials", opt=ACCOUNTS)
async def create_credential(ctx: Ctx, account_id: FromPath[UUID]) -> CredentialAnswer:
    """Client id and secret; the secret is shown in this answer only."""
    created = await tokens.create_credential(ctx, CreateCredential(service_account_id=account_id))
    return CredentialAnswer.of(created, ctx.once_only.get("client_secret"))


@delete("/api/v1/service-accounts/{account_id:uuid}/credentials/{client_id:uuid}", opt=ACCOUNTS, status_code=200)
async def revoke_credential(ctx: Ctx, account_id: FromPath[UUID], client_id: FromPath[UUID]) -> CredentialRevoked:
    """End a client id and its tokens, within five seconds."""
    command = RevokeCredential(service_account_id=account_id, client_id=client_id)
    return await accounts.revoke_credential(ctx, command)


@get("/api/v1/sessions", opt=OWN)
async def list_sessions(ctx: Ctx, cursor: Cursor = None, limit: Limit = 50) -> SessionsAnswer:
    """Where one is signed in, newest sign-in first."""
    found = await sessions.page_sessions(ctx, cursor, limit)
    return SessionsAnswer(items=list(found.items), next_cursor=found.next_cursor)


@delete("/api/v1/sessions/{session_id:uuid}", opt=OWN, status_code=200)
async def end_session(ctx: Ctx, session_id: FromPath[UUID]) -> Revoked:
    """End one of one's own."""
    return await sessions.revoke_session(ctx, RevokeSession(session_id=session_id))


@delete("/api/v1/sessions", opt=OWN, status_code=200)
async def end_other_sessions(ctx: Ctx) -> OthersRevoked:
    """End every one but that which asks."""
    return await sessions.revoke_other_sessions(ctx, RevokeOtherSessions())


ROUTES = [
    get_organisation,
    change_organisation,
    list_projects,
    get_project,
    create_project,
    rename_project,
    list_accounts,
    get_account,
    create_account,
    disable_account,
    list_credentials,
    create_credential,
    revoke_credential,
    list_sessions,
    end_session,
    end_other_sessions,
]
