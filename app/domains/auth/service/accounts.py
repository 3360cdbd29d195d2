"""Service accounts and their credentials: programs with a role in one project.

A secret is shown once and stored as a hash. Tokens end within five seconds when their credential is revoked, their
account is disabled, or its sponsor loses the right to manage service accounts. Another admin becomes the sponsor by
creating a credential.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.auth.contracts import ServiceAccountId
from app.domains.auth.events import ServiceAccountDisabled
from app.domains.auth.repository import AuthRepository, TeamRepository, TokenRepository
from app.domains.auth.repository.team import AnyRow
from app.domains.auth.rules.names import clean_name
from app.domains.auth.rules.team import PROJECT_ROLES, Change
from app.domains.auth.rules.values import AccountQuery
from app.domains.auth.service import rights
from app.domains.auth.service.team import NO_PROJECT, check_change, role_in
from app.shared.audit import AuditAction
from app.shared.authz import Permission, Role, TenantScope, tenant_scope
from app.shared.authz.rights import MESSAGES
from app.shared.context import Context
from app.shared.crypto import digest, new_secret
from app.shared.errors import Forbidden, NotFound, ValidationFailed
from app.shared.errors.faults import Faults
from app.shared.ids import ProjectId, new_id
from app.shared.paging import Slice, cut
from app.shared.use_case import use_case


class CreateCredential(msgspec.Struct, frozen=True, kw_only=True):
    service_account_id: UUID


class CredentialCreated(msgspec.Struct, frozen=True, kw_only=True):
    """The stored result. It holds no secret, so a repeated request does not show the secret again."""

    client_id: UUID
    service_account_id: UUID
    secret_already_shown: bool = True


@use_case(
    Permission.SERVICE_ACCOUNT_MANAGE,
    AuditAction.SERVICE_ACCOUNT_CREDENTIAL_CREATE,
    lambda command, _result: command.service_account_id,
)
async def create_credential(ctx: Context, command: CreateCredential) -> CredentialCreated:
    """Create a credential and make the actor the account's sponsor. The secret goes to `ctx.once_only`: into this
    response, never into the stored result. Raises NotFound, RightEnded."""
    scope = tenant_scope(ctx.actor, Permission.SERVICE_ACCOUNT_MANAGE)
    repository = TokenRepository(ctx.session)
    if ctx.actor.id is None or not await repository.has_account(scope, command.service_account_id):
        raise NotFound()
    await rights.check_person(ctx, Permission.SERVICE_ACCOUNT_MANAGE, scope.tenant_id)
    credential_id, secret = new_id(), new_secret()
    await repository.adopt(command.service_account_id, ctx.actor.id)
    await repository.append_credential(
        credential_id, command.service_account_id, digest(secret), ctx.actor.id, await ctx.now()
    )
    ctx.once_only["client_secret"] = secret
    return CredentialCreated(client_id=credential_id, service_account_id=command.service_account_id)


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    id: ServiceAccountId
    name: str
    role: str
    project_id: ProjectId
    project_name: str
    created_at: datetime
    created_by: UUID
    disabled_at: datetime | None
    last_used_at: datetime | None
    credentials: int
    version: int
    sponsor_id: UUID | None = None  # the person who created it or its latest credential
    ended: str = ""  # why it may not act although it is not disabled


class CredentialView(msgspec.Struct, frozen=True, kw_only=True):
    """A credential without its secret."""

    client_id: UUID
    created_at: datetime
    created_by: UUID
    last_used_at: datetime | None
    revoked_at: datetime | None


class RevokeCredential(msgspec.Struct, frozen=True, kw_only=True):
    service_account_id: UUID
    client_id: UUID


class CredentialRevoked(msgspec.Struct, frozen=True, kw_only=True):
    client_id: UUID


class DisableAccount(msgspec.Struct, frozen=True, kw_only=True):
    service_account_id: UUID
    confirm_name: str | None = None


class AccountDisabled(msgspec.Struct, frozen=True, kw_only=True):
    service_account_id: UUID


class CreateServiceAccount(msgspec.Struct, frozen=True, kw_only=True):
    """`project_id` None is the actor's current project."""

    name: str
    role: str = "project_member"
    project_id: UUID | None = None


@use_case(
    Permission.SERVICE_ACCOUNT_MANAGE,
    AuditAction.SERVICE_ACCOUNT_CREATE,
    lambda command, result: result.id if result else command.name,
)
async def create_service_account(ctx: Context, command: CreateServiceAccount) -> AccountView:
    """Create an account in a project of the organisation, the actor's current one by default. Raises ValidationFailed,
    NameTaken, RightEnded, Forbidden."""
    scope = tenant_scope(ctx.actor, Permission.SERVICE_ACCOUNT_MANAGE)
    project_id = ctx.actor.project_id if command.project_id is None else command.project_id
    if ctx.actor.id is None or project_id is None:
        raise Forbidden()
    project = await TeamRepository(ctx.session).find_project(scope, project_id)
    with Faults() as faults:
        with faults.gathered():
            name = clean_name(command.name)
        with faults.gathered():
            role = _role(command.role)
        faults.unless(project is not None, "project_id", NO_PROJECT)
    actor_role = role_in(ctx.actor, scope.tenant_id)
    await rights.check_person(ctx, Permission.SERVICE_ACCOUNT_MANAGE, scope.tenant_id)
    check_change(Change(actor_role=actor_role, holder_role=None, before=None, after=role, owners=1, is_program=True))
    now, account_id = await ctx.now(), ServiceAccountId(new_id())
    await TokenRepository(ctx.session).append_account(account_id, scope, project_id, name, ctx.actor.id, now)
    await AuthRepository(ctx.session).append_membership(
        new_id(), role, now, service_account_id=account_id, tenant_id=scope.tenant_id, project_id=project_id
    )
    return await get_account(ctx, account_id)


def _role(text: str) -> Role:
    for role in PROJECT_ROLES:
        if role.value == text:
            return role
    raise ValidationFailed(fields={"role": "one of project_admin, project_member, project_viewer"})


async def page_accounts(ctx: Context, query: AccountQuery) -> Slice[AccountView, UUID]:
    """The organisation's accounts, oldest first; disabled ones only on request."""
    scope = tenant_scope(ctx.actor, Permission.SERVICE_ACCOUNT_MANAGE)
    rows = await TokenRepository(ctx.session).page_accounts(scope, query)
    kept = cut([_view(row) for row in rows], query.limit, lambda view: UUID(str(view.id)))
    return Slice(items=kept.items, next_cursor=kept.next_cursor)


async def get_account(ctx: Context, account_id: UUID) -> AccountView:
    """One account of the organisation, disabled or not. Raises NotFound."""
    scope = tenant_scope(ctx.actor, Permission.SERVICE_ACCOUNT_MANAGE)
    row = await TokenRepository(ctx.session).find_account(scope, account_id)
    if row is None:
        raise NotFound()
    return _view(row)


def _view(row: AnyRow) -> AccountView:
    return AccountView(
        id=ServiceAccountId(row.id),
        name=row.name,
        role=row.role,
        project_id=ProjectId(row.project_id),
        project_name=row.project_name,
        created_at=row.created_at,
        created_by=row.created_by,
        disabled_at=row.disabled_at,
        last_used_at=row.last_used_at,
        credentials=row.credentials,
        version=row.version,
        sponsor_id=row.sponsor_id,
        ended=MESSAGES["unsponsored"] if row.unsponsored_at and row.disabled_at is None else "",
    )


async def page_credentials(
    ctx: Context, account_id: UUID, cursor: UUID | None = None, limit: int = 200
) -> Slice[CredentialView, UUID]:
    """The account's credentials without their secrets, newest first, including revoked ones. Raises NotFound."""
    scope = tenant_scope(ctx.actor, Permission.SERVICE_ACCOUNT_MANAGE)
    await get_account(ctx, account_id)
    rows = await TokenRepository(ctx.session).page_credentials(scope, account_id, cursor, limit + 1)
    kept = cut(rows, limit, lambda row: UUID(str(row.id)))
    return Slice(items=tuple(_credential(row) for row in kept.items), next_cursor=kept.next_cursor)


def _credential(row: AnyRow) -> CredentialView:
    return CredentialView(
        client_id=row.id,
        created_at=row.created_at,
        created_by=row.created_by,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )


@use_case(
    Permission.SERVICE_ACCOUNT_MANAGE,
    AuditAction.SERVICE_ACCOUNT_CREDENTIAL_REVOKE,
    lambda command, _: command.service_account_id,
)
async def revoke_credential(ctx: Context, command: RevokeCredential) -> CredentialRevoked:
    """Revoke a credential and every token issued to it; doing so twice is allowed. Raises NotFound."""
    scope = tenant_scope(ctx.actor, Permission.SERVICE_ACCOUNT_MANAGE)
    repository = TokenRepository(ctx.session)
    ctx.explain(client_id=str(command.client_id))
    if not await repository.revoke_credential(scope, command.service_account_id, command.client_id, await ctx.now()):
        raise NotFound()
    return CredentialRevoked(client_id=command.client_id)


@use_case(
    Permission.SERVICE_ACCOUNT_MANAGE,
    AuditAction.SERVICE_ACCOUNT_DISABLE,
    lambda command, _: command.service_account_id,
)
async def disable_account(ctx: Context, command: DisableAccount) -> AccountDisabled:
    """Disable an account permanently, with its credentials and tokens; what it launched remains. Doing so twice is
    allowed. Raises NotFound, and ValidationFailed when the typed name does not match."""
    scope = tenant_scope(ctx.actor, Permission.SERVICE_ACCOUNT_MANAGE)
    account = await get_account(ctx, command.service_account_id)
    if command.confirm_name is not None and command.confirm_name != account.name:
        raise ValidationFailed(fields={"confirm_name": f"Type {account.name} to confirm"})
    if account.disabled_at is None:
        await _disable(ctx, scope, account)
    return AccountDisabled(service_account_id=account.id)


async def _disable(ctx: Context, scope: TenantScope, account: AccountView) -> None:
    version = await TokenRepository(ctx.session).disable_account(scope, account.id, await ctx.now())
    event = ServiceAccountDisabled(
        service_account_id=account.id, tenant_id=scope.tenant_id, project_id=account.project_id
    )
    await ctx.emit(event, version=version, tenant_id=scope.tenant_id, project_id=account.project_id)


async def creators(ctx: Context, account: AccountView, credentials: Sequence[CredentialView]) -> dict[UUID, str]:
    """Names of the people who created the account and its credentials, and of its sponsor."""
    ids = {account.created_by, account.sponsor_id or account.created_by, *(row.created_by for row in credentials)}
    return {row.id: row.name for row in await AuthRepository(ctx.session).list_people(list(ids))}
