"""Where people stand: their organisations and projects, which of them a session is in, and what those are called.

To switch is to change the place of one's session: its token, roles and everything else stay as they are.
"""

from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from app.domains.auth.contracts.team import (
    ChangeOrganisation,
    CreateOrganisation,
    CreateProject,
    OrganisationView,
    Place,
    PlaceView,
    ProjectDetail,
    RenameProject,
    SwitchPlace,
)
from app.domains.auth.errors import LimitReached
from app.domains.auth.events import ProjectCreated, ProjectRenamed, TenantChanged, TenantCreated
from app.domains.auth.policies import MAX_ORGANISATIONS, MAX_PROJECTS
from app.domains.auth.repository import InvitationRepository, TeamRepository
from app.domains.auth.repository.team import AnyRow
from app.domains.auth.service.sessions import forget_sessions
from app.domains.auth.service.team import grant
from app.shared.audit import AuditAction, withheld
from app.shared.authz import Actor, ActorKind, Permission, Role, tenant_scope
from app.shared.context import Context
from app.shared.errors import Forbidden, NotFound, ValidationFailed
from app.shared.ids import ProjectId, TenantId, new_id
from app.shared.paging import Slice, cut
from app.shared.text import checked_name
from app.shared.use_case import Unprivileged, use_case
from app.shared.versions import check_version

DEFAULT_PROJECT = "default"


def person_of(actor: Actor) -> UUID:
    """The person who asks. Raises Forbidden for programs, which have one place for ever."""
    if actor.kind is not ActorKind.USER or actor.id is None:
        raise Forbidden("Only a person can do this.")
    return actor.id


def clean_name(text: str) -> str:
    """A name of an organisation, a project or a program, as it was written. Raises ValidationFailed."""
    return checked_name(text, wanted="1 to 100 printable characters")


def clean_zone(text: str) -> str:
    """The name of a time zone. Raises ValidationFailed."""
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValidationFailed(fields={"time_zone": "a name like Europe/Berlin, or UTC"}) from error


async def list_places(ctx: Context) -> list[PlaceView]:
    """Every project that the actor may stand in, with its organisation, by name."""
    if ctx.actor.kind is not ActorKind.USER or ctx.actor.id is None:
        return []
    return [_place_view(row) for row in await TeamRepository(ctx.session).list_places(ctx.actor.id)]


def _place_view(row: AnyRow) -> PlaceView:
    return PlaceView(
        tenant_id=TenantId(row.tenant_id),
        tenant_name=row.tenant_name,
        currency=row.currency,
        time_zone=row.time_zone,
        project_id=ProjectId(row.project_id),
        project_name=row.project_name,
    )


async def count_received(ctx: Context) -> int:
    """How many invitations wait for the actor."""
    if ctx.actor.kind is not ActorKind.USER or ctx.actor.id is None:
        return 0
    return await InvitationRepository(ctx.session).count_received(ctx.actor.id, await ctx.now())


async def stand(ctx: Context, user_id: UUID, tenant_id: UUID, project_id: UUID | None) -> Place | None:
    """Put the actor's session in that organisation (its first project when none is named), and go on as somebody who
    stands there; None when they may not."""
    repository = TeamRepository(ctx.session)
    for row in await repository.list_places(user_id, project_id):
        if row.tenant_id == tenant_id:
            place = Place(tenant_id=TenantId(row.tenant_id), project_id=ProjectId(row.project_id))
            if ctx.actor.session_id is not None and ctx.actor.via_cookie:
                await repository.place_session(ctx.actor.session_id, user_id, place)
                await forget_sessions(ctx, user_id)
            ctx.actor = msgspec.structs.replace(ctx.actor, tenant_id=place.tenant_id, project_id=place.project_id)
            return place
    return None


@use_case(
    Unprivileged("one goes only where one has a role"),
    AuditAction.PROJECT_SWITCH,
    lambda _, result: result and result.project_id,
)
async def switch(ctx: Context, command: SwitchPlace) -> Place:
    """Stand in another project. Raises NotFound for every project that is not the actor's to enter."""
    user_id, before = person_of(ctx.actor), ctx.actor.project_id
    rows = await TeamRepository(ctx.session).list_places(user_id, command.project_id)
    place = await stand(ctx, user_id, rows[0].tenant_id, command.project_id) if rows else None
    if place is None:
        raise NotFound()
    ctx.changed(project_id=(before, place.project_id))
    return place


@use_case(Permission.PROFILE, AuditAction.ORGANISATION_CREATE, lambda _, result: result and result.tenant_id)
async def create_organisation(ctx: Context, command: CreateOrganisation) -> Place:
    """An organisation with one project, owned by the actor, who stands in it from now on. Raises ValidationFailed,
    LimitReached; Forbidden to who owns one that is suspended."""
    user_id = person_of(ctx.actor)
    name, time_zone = clean_name(command.name), clean_zone(command.time_zone)
    if await TeamRepository(ctx.session).list_suspended(user_id, owned=True):
        raise Forbidden("An organisation of yours is suspended. Ask us about it before you begin another one.")
    most = await ctx.policy(MAX_ORGANISATIONS)
    if await TeamRepository(ctx.session).count_owned(user_id) >= most:
        raise LimitReached(f"One person may own {most} organisations.", most=most)
    place = await found(ctx, user_id, name, time_zone)
    stood = await stand(ctx, user_id, place.tenant_id, place.project_id)
    return stood or place


async def found(ctx: Context, user_id: UUID, name: str, time_zone: str = "UTC") -> Place:
    """A new organisation with its first project and its first owner. The caller has checked everything."""
    repository, now = TeamRepository(ctx.session), await ctx.now()
    tenant_id, project_id = TenantId(new_id()), ProjectId(new_id())
    currency = await repository.append_tenant(tenant_id, name, time_zone, now)
    await repository.append_project(tenant_id, project_id, DEFAULT_PROJECT, now)
    await ctx.emit(TenantCreated(tenant_id=tenant_id, currency=currency), version=1, tenant_id=tenant_id)
    await grant(ctx, tenant_id, user_id, Role.TENANT_OWNER, None)
    return Place(tenant_id=tenant_id, project_id=project_id)


async def get_organisation(ctx: Context) -> OrganisationView:
    """Where the actor stands."""
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
    """Another name or time zone. Raises ValidationFailed, PreconditionFailed."""
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


async def page_projects(ctx: Context, cursor: UUID | None = None, limit: int = 50) -> Slice[ProjectDetail, UUID]:
    """The projects that the actor may see, oldest first: all with an organisation's role, else those with a role."""
    scope = tenant_scope(ctx.actor, Permission.TEAM_READ)
    here = [binding for binding in ctx.actor.bindings if binding.tenant_id == scope.tenant_id]
    only = [binding.project_id for binding in here if binding.project_id is not None]
    sees_all = any(binding.project_id is None for binding in here)
    rows = await TeamRepository(ctx.session).page_projects(scope, None if sees_all else only, cursor, limit + 1)
    kept = cut([_project(row) for row in rows], limit, lambda project: UUID(str(project.id)))
    return Slice(items=kept.items, next_cursor=kept.next_cursor)


async def get_project(ctx: Context, project_id: UUID) -> ProjectDetail:
    """Raises NotFound."""
    scope = tenant_scope(ctx.actor, Permission.TEAM_READ)
    row = await TeamRepository(ctx.session).find_project(scope, project_id)
    here = [binding for binding in ctx.actor.bindings if binding.tenant_id == scope.tenant_id]
    if row is None or not any(binding.project_id in (None, project_id) for binding in here):
        raise NotFound()
    return _project(row)


def _project(row: AnyRow) -> ProjectDetail:
    return ProjectDetail(id=ProjectId(row.id), name=row.name, created_at=row.created_at, version=row.version)


@use_case(Permission.PROJECT_MANAGE, AuditAction.PROJECT_CREATE, lambda _, result: result and result.id)
async def create_project(ctx: Context, command: CreateProject) -> ProjectDetail:
    """A project in the organisation. Raises ValidationFailed, NameTaken, LimitReached."""
    scope = tenant_scope(ctx.actor, Permission.PROJECT_MANAGE)
    name, repository = clean_name(command.name), TeamRepository(ctx.session)
    await repository.lock_tenant(scope.tenant_id)
    most = await ctx.policy(MAX_PROJECTS, scope.tenant_id)
    if await repository.count_projects(scope) >= most:
        raise LimitReached(f"Your organisation may have {most} projects.", most=most)
    now, project_id = await ctx.now(), ProjectId(new_id())
    await repository.append_project(scope.tenant_id, project_id, name, now)
    fact = ProjectCreated(project_id=project_id, tenant_id=scope.tenant_id)
    await ctx.emit(fact, version=1, tenant_id=scope.tenant_id, project_id=project_id)
    return ProjectDetail(id=project_id, name=name, created_at=now, version=1)


@use_case(Permission.PROJECT_MANAGE, AuditAction.PROJECT_RENAME, lambda command, _: command.project_id)
async def rename_project(ctx: Context, command: RenameProject) -> ProjectDetail:
    """Raises NotFound, ValidationFailed, NameTaken, PreconditionFailed."""
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
    fact = ProjectRenamed(project_id=command.project_id, tenant_id=scope.tenant_id)
    await ctx.emit(fact, version=version, tenant_id=scope.tenant_id, project_id=command.project_id)
    return msgspec.structs.replace(_project(row), name=name, version=version)
