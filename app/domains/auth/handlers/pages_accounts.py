"""Service accounts and their credentials, as people manage them."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from app.domains.auth.contracts import CreateCredential, CredentialCreated
from app.domains.auth.contracts.team import (
    AccountQuery,
    AccountView,
    CredentialView,
    DisableAccount,
    RevokeCredential,
)
from app.domains.auth.schemas.forms import AccountForm, ConfirmForm
from app.domains.auth.schemas.pages import AccountPage, account_line, accounts_page, credential_call
from app.domains.auth.service import accounts, team_views, tokens
from app.shared.authz import Permission
from app.shared.context import Context
from app.web import Ctx, Form, page, redirect, requires
from app.web.paging import Cursor

ACCOUNTS = requires(Permission.SERVICE_ACCOUNT_MANAGE)
Flag = Annotated[str, QueryParameter(max_length=1)]
PAGE = 50


@get("/team/accounts", opt=ACCOUNTS, include_in_schema=False)
async def list_accounts(ctx: Ctx, disabled: Flag = "", cursor: Cursor = None) -> Response[str]:
    """The organisation's programs, and the form for the next one."""
    query = AccountQuery(disabled=bool(disabled), cursor=cursor, limit=PAGE)
    found = await accounts.page_accounts(ctx, query)
    struct = accounts_page(ctx.actor, found, query, await team_views.all_projects(ctx))
    return await page(ctx, "auth/accounts.html", struct)


@post("/team/accounts", opt=ACCOUNTS, include_in_schema=False)
async def create_account(ctx: Ctx, data: Form[AccountForm]) -> Response[str]:
    """Make one, then to its page, where it gets its first credential."""
    made = await accounts.create_service_account(ctx, data.command())
    return redirect(ctx, f"/team/accounts/{made.id}")


@get("/team/accounts/{account_id:uuid}", opt=ACCOUNTS, include_in_schema=False)
async def account(ctx: Ctx, account_id: FromPath[UUID]) -> Response[str]:
    """One of them with its credentials."""
    return await page(ctx, "auth/account.html", await _account(ctx, account_id, None))


async def _account(ctx: Context, account_id: UUID, created: CredentialCreated | None) -> AccountPage:
    shown = await accounts.get_account(ctx, account_id)
    credentials = (await accounts.page_credentials(ctx, account_id)).items
    secret = ctx.once_only.get("client_secret")
    return AccountPage(
        line=account_line(shown),
        credentials=credentials,
        people=await team_views.names_of(ctx, _makers(shown, credentials)),
        client_id=created.client_id if created else None,
        secret=secret,
        already_shown=created is not None and secret is None,
        call=credential_call(shown),
    )


def _makers(shown: AccountView, credentials: Sequence[CredentialView]) -> set[UUID]:
    return {shown.created_by, shown.sponsor_id or shown.created_by, *(one.created_by for one in credentials)}


@post("/team/accounts/{account_id:uuid}/credentials", opt=ACCOUNTS, include_in_schema=False, status_code=200)
async def create_credential(ctx: Ctx, account_id: FromPath[UUID]) -> Response[str]:
    """A client id; its secret stands in this one answer."""
    command = CreateCredential(service_account_id=account_id)
    created = await tokens.create_credential(ctx, command)
    return await page(ctx, "auth/account.html", await _account(ctx, account_id, created))


@post("/team/accounts/{account_id:uuid}/credentials/{client_id:uuid}/revoke", opt=ACCOUNTS, include_in_schema=False)
async def revoke_credential(ctx: Ctx, account_id: FromPath[UUID], client_id: FromPath[UUID]) -> Response[str]:
    """End a client id and its tokens."""
    command = RevokeCredential(service_account_id=account_id, client_id=client_id)
    await accounts.revoke_credential(ctx, command)
    return redirect(ctx, f"/team/accounts/{account_id}")


@post("/team/accounts/{account_id:uuid}/disable", opt=ACCOUNTS, include_in_schema=False)
async def disable_account(ctx: Ctx, account_id: FromPath[UUID], data: Form[ConfirmForm]) -> Response[str]:
    """End an account for ever."""
    command = DisableAccount(service_account_id=account_id, confirm_name=data.confirm_name)
    await accounts.disable_account(ctx, command)
    return redirect(ctx, "/team/accounts")


ROUTES = [list_accounts, create_account, account, create_credential, revoke_credential, disable_account]
