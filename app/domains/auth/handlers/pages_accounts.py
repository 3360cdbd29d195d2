"""Pages of service accounts and their credentials."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from app.domains.auth.handlers.options import SERVICE_ACCOUNT_MANAGE
from app.domains.auth.rules.values import AccountQuery
from app.domains.auth.schemas.forms import AccountForm, ConfirmForm
from app.domains.auth.schemas.pages import AccountPage, AccountsPage
from app.domains.auth.service import accounts, projects
from app.domains.auth.service.accounts import (
    CreateCredential,
    CredentialCreated,
    DisableAccount,
    RevokeCredential,
)
from app.shared.context import Context
from app.web import Ctx, Form, page, redirect
from app.web.paging import Cursor
from app.web.query import Flag

PAGE = 50


@get("/team/accounts", opt=SERVICE_ACCOUNT_MANAGE)
async def list_accounts(ctx: Ctx, disabled: Flag = "", cursor: Cursor = None) -> Response[str]:
    """The organisation's service accounts, and the form for a new one."""
    query = AccountQuery(disabled=bool(disabled), cursor=cursor, limit=PAGE)
    result = await accounts.page_accounts(ctx, query)
    choices = await projects.all_projects(ctx)
    return await page(ctx, "auth/accounts.html", AccountsPage.of(ctx.actor, result, query, choices))


@post("/team/accounts", opt=SERVICE_ACCOUNT_MANAGE)
async def create_account(ctx: Ctx, data: Form[AccountForm]) -> Response[str]:
    """Create an account and open its page."""
    made = await accounts.create_service_account(ctx, data.command())
    return redirect(ctx, f"/team/accounts/{made.id}")


@get("/team/accounts/{account_id:uuid}", opt=SERVICE_ACCOUNT_MANAGE)
async def account(ctx: Ctx, account_id: FromPath[UUID]) -> Response[str]:
    """One account with its credentials."""
    return await page(ctx, "auth/account.html", await _account(ctx, account_id, None))


async def _account(ctx: Context, account_id: UUID, created: CredentialCreated | None) -> AccountPage:
    shown = await accounts.get_account(ctx, account_id)
    credentials = (await accounts.page_credentials(ctx, account_id)).items
    people = await accounts.creators(ctx, shown, credentials)
    return AccountPage.of(shown, credentials, people, created, ctx.once_only.get("client_secret"))


@post("/team/accounts/{account_id:uuid}/credentials", opt=SERVICE_ACCOUNT_MANAGE, status_code=200)
async def create_credential(ctx: Ctx, account_id: FromPath[UUID]) -> Response[str]:
    """Create a credential; its secret is shown in this response only."""
    command = CreateCredential(service_account_id=account_id)
    created = await accounts.create_credential(ctx, command)
    return await page(ctx, "auth/account.html", await _account(ctx, account_id, created))


@post("/team/accounts/{account_id:uuid}/credentials/{client_id:uuid}/revoke", opt=SERVICE_ACCOUNT_MANAGE)
async def revoke_credential(ctx: Ctx, account_id: FromPath[UUID], client_id: FromPath[UUID]) -> Response[str]:
    """Revoke a credential and its tokens."""
    command = RevokeCredential(service_account_id=account_id, client_id=client_id)
    await accounts.revoke_credential(ctx, command)
    return redirect(ctx, f"/team/accounts/{account_id}")


@post("/team/accounts/{account_id:uuid}/disable", opt=SERVICE_ACCOUNT_MANAGE)
async def disable_account(ctx: Ctx, account_id: FromPath[UUID], data: Form[ConfirmForm]) -> Response[str]:
    """Disable an account permanently."""
    command = DisableAccount(service_account_id=account_id, confirm_name=data.confirm_name)
    await accounts.disable_account(ctx, command)
    return redirect(ctx, "/team/accounts")


ROUTES = [list_accounts, create_account, account, create_credential, revoke_credential, disable_account]
