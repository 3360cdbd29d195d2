"""Organisations as their owners manage them: create, rename, time zone. Operators use `customers`."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.auth.errors import LimitReached
from app.domains.auth.events import TenantChanged, TenantCreated
from app.domains.auth.policies import MAX_ORGANISATIONS
from app.domains.auth.repository import TeamRepository
from app.domains.auth.rules.names import clean_name, clean_zone
from app.domains.auth.rules.values import Workspace
from app.domains.auth.service.team import grant
from app.domains.auth.service.workspaces import enter_workspace, person_of
from app.shared.audit import AuditAction, withheld
from app.shared.authz import Permission, Role, tenant_scope
from app.shared.context import Context
from app.shared.errors import Forbidden
from app.shared.ids import ProjectId, TenantId, new_id
from app.shared.use_case import use_case
from app.shared.versions import check_version

DEFAULT_PROJECT = "default"


class CreateOrganisation(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    time_zone: str = "UTC"


class OrganisationView(msgspec.Struct, frozen=True, kw_only=True):
    id: TenantId
    name: str
    currency: str
    time_zone: str
    created_at: datetime
    version: int


class ChangeOrganisation(msgspec.Struct, frozen=True, kw_only=True):
    """`version` is the version that the change was made from; None skips the check."""

    name: str
    time_zone: str
    version: int | None = None


async def suspended(ctx: Context) -> tuple[str, ...]:
    """Names of the actor's organisations that are suspended."""
    return tuple(await TeamRepository(ctx.session).list_suspended(person_of(ctx.actor)))


@use_case(Permission.PROFILE, AuditAction.ORGANISATION_CREATE, lambda _, result: result and result.tenant_id)
async def create_organisation(ctx: Context, command: CreateOrganisation) -> Workspace:
    """Create an organisation with one project, owned by the actor, and switch to it. Raises ValidationFailed,
    LimitReached, and Forbidden when the actor owns a suspended one."""
    user_id = person_of(ctx.actor)
    name, time_zone = clean_name(command.name), clean_zone(command.time_zone)
    if await TeamRepository(ctx.session).list_suspended(user_id, owned=True):
        raise Forbidden("An organisation of yours is suspended. Contact us before you create another one.")
    limit = await ctx.policy(MAX_ORGANISATIONS)
    if await TeamRepository(ctx.session).count_owned(user_id) >= limit:
        raise LimitReached(f"One person may own {limit} organisations.", most=limit)
    workspace = await add_organisation(ctx, user_id, name, time_zone)
    entered = await enter_workspace(ctx, user_id, workspace.tenant_id, workspace.project_id)
    return entered or workspace


async def add_organisation(ctx: Context, user_id: UUID, name: str, time_zone: str = "UTC") -> Workspace:
    """Write an organisation with its first project and its owner. The caller has checked everything."""
    repository, now = TeamRepository(ctx.session), await ctx.now()
    tenant_id, project_id = TenantId(new_id()), ProjectId(new_id())
    currency = await repository.append_tenant(tenant_id, name, time_zone, now)
    await repository.append_project(tenant_id, project_id, DEFAULT_PROJECT, now)
    await ctx.emit(TenantCreated(tenant_id=tenant_id, currency=currency), version=1, tenant_id=tenant_id)
    await grant(ctx, tenant_id, user_id, Role.TENANT_OWNER, None)
    return Workspace(tenant_id=tenant_id, project_id=project_id)


async def get_organisation(ctx: Context) -> OrganisationView:
    """The actor's organisation."""
    row = await TeamRepository(ctx.session).get_tenant(tenant_scope(ctx.actor, Permission.TEAM_READ))
    return OrganisationView(
        id=TenantId(row.id),
        name=row.name,
        currency=row.currency,
        time_zone=row.time_zone,
        created_at=row.created_at,
        version=row.version,
    )


@use_case(Permission.TEAM_MANAGE, AuditAction.ORGANISATION_CHANGE, lambda _, result: result and result.id)
async def change_organisation(ctx: Context, command: ChangeOrganisation) -> OrganisationView:
    """Change the name or the time zone. Raises ValidationFailed, PreconditionFailed."""
    scope = tenant_scope(ctx.actor, Permission.TEAM_MANAGE)
    name, time_zone = clean_name(command.name), clean_zone(command.time_zone)
    repository = TeamRepository(ctx.session)
    await repository.lock_tenant(scope.tenant_id)
    before = await get_organisation(ctx)
    check_version(before.version, command.version)
    ctx.changed(name=withheld(before.name, name), time_zone=(before.time_zone, time_zone))
    if (before.name, before.time_zone) == (name, time_zone):
        return before
    version = await repository.change_tenant(scope, name, time_zone)
    await ctx.emit(TenantChanged(tenant_id=scope.tenant_id), version=version, tenant_id=scope.tenant_id)
    return msgspec.structs.replace(before, name=name, time_zone=time_zone, version=version)
