"""API of service accounts and their credentials."""

from typing import Annotated
from uuid import UUID

from litestar import Response, delete, get, post
from litestar.params import FromPath, QueryParameter

from app.domains.auth.handlers.options import SERVICE_ACCOUNT_MANAGE
from app.domains.auth.rules.values import AccountQuery
from app.domains.auth.schemas.rest import (
    AccountsAnswer,
    CredentialAnswer,
    CredentialsAnswer,
    ServiceAccountBody,
)
from app.domains.auth.service import accounts
from app.domains.auth.service.accounts import (
    AccountDisabled,
    AccountView,
    CreateCredential,
    CreateServiceAccount,
    CredentialRevoked,
    DisableAccount,
    RevokeCredential,
)
from app.web import Ctx, Json
from app.web.etag import tagged
from app.web.paging import Cursor, Limit

Disabled = Annotated[bool, QueryParameter(description="include disabled accounts")]


@get("/service-accounts", opt=SERVICE_ACCOUNT_MANAGE)
async def list_accounts(
    ctx: Ctx, disabled: Disabled = False, cursor: Cursor = None, limit: Limit = 50
) -> AccountsAnswer:
    """List the organisation's service accounts, oldest first."""
    result = await accounts.page_accounts(ctx, AccountQuery(disabled=disabled, cursor=cursor, limit=limit))
    return AccountsAnswer(items=list(result.items), next_cursor=result.next_cursor)


@get("/service-accounts/{account_id:uuid}", opt=SERVICE_ACCOUNT_MANAGE)
async def get_account(ctx: Ctx, account_id: FromPath[UUID]) -> Response[AccountView]:
    """Get a service account."""
    shown = await accounts.get_account(ctx, account_id)
    return tagged(shown, shown.version)


@post("/service-accounts", opt=SERVICE_ACCOUNT_MANAGE)
async def create_account(ctx: Ctx, data: Json[ServiceAccountBody]) -> AccountView:
    """Create a service account with a role in one project."""
    command = CreateServiceAccount(name=data.name, role=data.role, project_id=data.project_id)
    return await accounts.create_service_account(ctx, command)


@delete("/service-accounts/{account_id:uuid}", opt=SERVICE_ACCOUNT_MANAGE, status_code=200)
async def disable_account(ctx: Ctx, account_id: FromPath[UUID]) -> AccountDisabled:
    """Disable a service account permanently: its credentials and tokens end within five seconds."""
    return await accounts.disable_account(ctx, DisableAccount(service_account_id=account_id))


@get("/service-accounts/{account_id:uuid}/credentials", opt=SERVICE_ACCOUNT_MANAGE)
async def list_credentials(
    ctx: Ctx, account_id: FromPath[UUID], cursor: Cursor = None, limit: Limit = 50
) -> CredentialsAnswer:
    """List the account's credentials without their secrets, newest first."""
    result = await accounts.page_credentials(ctx, account_id, cursor, limit)
    return CredentialsAnswer(items=list(result.items), next_cursor=result.next_cursor)


@post("/service-accounts/{account_id:uuid}/credentials", opt=SERVICE_ACCOUNT_MANAGE)
async def create_credential(ctx: Ctx, account_id: FromPath[UUID]) -> CredentialAnswer:
    """Create a credential; the secret is in this response only."""
    created = await accounts.create_credential(ctx, CreateCredential(service_account_id=account_id))
    return CredentialAnswer.of(created, ctx.once_only.get("client_secret"))


@delete("/service-accounts/{account_id:uuid}/credentials/{client_id:uuid}", opt=SERVICE_ACCOUNT_MANAGE, status_code=200)
async def revoke_credential(ctx: Ctx, account_id: FromPath[UUID], client_id: FromPath[UUID]) -> CredentialRevoked:
    """Revoke a credential; its tokens end within five seconds."""
    command = RevokeCredential(service_account_id=account_id, client_id=client_id)
    return await accounts.revoke_credential(ctx, command)


ROUTES = [
    list_accounts,
    get_account,
    create_account,
    disable_account,
    list_credentials,
    create_credential,
    revoke_credential,
]
