"""Members of an organisation: who is in it, in which roles, and every change of that.

Each change locks the organisation first, so that two owners who remove each other at once leave one. A change is seen
everywhere within five seconds: what stands in Valkey for a session is deleted, or ends by itself.
"""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from app.domains.auth.contracts.team import (
    LeaveOrganisation,
    MemberChanged,
    MemberQuery,
    MemberView,
    Place,
    RemoveMember,
    RoleAt,
    SetRole,
)
from app.domains.auth.errors import LastOwner, OwnersOnly, RoleAboveOwn
from app.domains.auth.events import MembershipChanged, MembershipGranted, MembershipRemoved, SessionRevoked
from app.domains.auth.repository import AuthRepository, TeamRepository
from app.domains.auth.repository.team import AnyRow
from app.domains.auth.rules.team import ORGANISATION_ROLES, PROJECT_ROLES, Change, Refusal, refusal, version_of
from app.domains.auth.service.sessions import forget_sessions
from app.shared.audit import AuditAction
from app.shared.authz import Actor, ActorKind, Permission, Role, TenantScope, tenant_scope
from app.shared.context import Context
from app.shared.errors import Forbidden, NotFound, ValidationFailed
from app.shared.errors.faults import Faults
from app.shared.ids import ProjectId, TenantId, UserId, new_id
from app.shared.paging import Slice, cut, pack
from app.shared.use_case import use_case
from app.shared.versions import check_version

REFUSALS = {Refusal.OWNERS_ONLY: OwnersOnly, Refusal.ABOVE_OWN_ROLE: RoleAboveOwn, Refusal.LAST_OWNER: LastOwner}


NO_PROJECT = "There is no such project in this organisation."


def role_in(actor: Actor, tenant_id: UUID) -> Role | None:
    """What the actor is in that organisation as a whole."""
    for binding in actor.bindings:
        if binding.tenant_id == tenant_id and binding.project_id is None:
            return binding.role
    return None


def parse_role(text: str, project_id: UUID | None) -> Role:
    """A role that fits the scope. Raises ValidationFailed naming those that do."""
    fitting = ORGANISATION_ROLES if project_id is None else PROJECT_ROLES
    for role in fitting:
        if role.value == text:
            return role
    raise ValidationFailed(fields={"role": f"one of {', '.join(role.value for role in fitting)}"})


def check_change(change: Change) -> None:
    """Raises what the rules refuse."""
    refused = refusal(change)
    if refused is Refusal.PROGRAM:
        raise ValidationFailed(fields={"role": "a service account has a role in its project only"})
    if refused is not None:
        raise REFUSALS.get(refused, Forbidden)()


async def page_members(ctx: Context, query: MemberQuery) -> Slice[MemberView, str]:
    """Everybody of the organisation, by name."""
    scope = tenant_scope(ctx.actor, Permission.TEAM_READ)
    rows = await TeamRepository(ctx.session).page_members(scope, query)
    kept = cut(rows, query.limit, lambda row: pack(row.sorted, str(row.id)))
    return Slice(items=tuple(await _views(ctx, scope, kept.items)), next_cursor=kept.next_cursor)


async def get_member(ctx: Context, user_id: UUID) -> MemberView:
    """Raises NotFound for whoever is not in the organisation."""
    scope = tenant_scope(ctx.actor, Permission.TEAM_READ)
    rows = await TeamRepository(ctx.session).page_members(scope, MemberQuery(limit=1), user_id)
    if not rows:
        raise NotFound()
    return (await _views(ctx, scope, rows))[0]


async def _views(ctx: Context, scope: TenantScope, rows: Sequence[AnyRow]) -> list[MemberView]:
    roles = await TeamRepository(ctx.session).list_roles(scope.tenant_id, [row.id for row in rows])
    held: dict[UUID, list[AnyRow]] = defaultdict(list)
    for role in roles:
        held[role.user_id].append(role)
    return [_view(row, held[row.id]) for row in rows]


def _view(row: AnyRow, held: list[AnyRow]) -> MemberView:
    return MemberView(
        user_id=UserId(row.id),
        name=row.name,
        email=row.email,
        role=next((role.role for role in held if role.project_id is None), None),
        projects=tuple(
            RoleAt(
                membership_id=role.id,
                role=role.role,
                project_id=role.project_id,
                project_name=role.project_name,
                since=role.created_at,
            )
            for role in held
            if role.project_id is not None
        ),
        joined_at=min(role.created_at for role in held),
        last_seen_at=row.last_seen_at,
        is_suspended=row.suspended_at is not None,
        version=version_of((role.id, role.role) for role in held),
    )


async def count_members(ctx: Context) -> int:
    """How many people the organisation has."""
    return await TeamRepository(ctx.session).count_members(tenant_scope(ctx.actor, Permission.TEAM_READ))


@use_case(Permission.TEAM_MANAGE, AuditAction.TEAM_ROLE_SET, lambda command, _: command.user_id)
async def set_role(ctx: Context, command: SetRole) -> MemberChanged:
    """Give, change or take one role of a member. Raises NotFound, PreconditionFailed, LastOwner, OwnersOnly,
    RoleAboveOwn, ValidationFailed."""
    scope = tenant_scope(ctx.actor, Permission.TEAM_MANAGE)
    held = await _lock_roles(ctx, scope, command.user_id, command.version)
    repository, after = TeamRepository(ctx.session), None
    with Faults() as faults:
        with faults.gathered():
            after = None if command.role is None else parse_role(command.role, command.project_id)
        known = command.project_id is None or await repository.find_project(scope, command.project_id) is not None
        faults.unless(known, "project_id", NO_PROJECT)
    mine = next((row for row in held if row.project_id == command.project_id), None)
    ctx.explain(project_id=_text(command.project_id))
    ctx.changed(role=(mine.role if mine else None, command.role))
    if (mine.role if mine else None) == command.role or (mine is None and after is None):
        return MemberChanged(user_id=command.user_id)
    await _check(ctx, scope, held, mine, after)
    if after is None and len(held) == 1:
        raise ValidationFailed(fields={"role": "their only role here; remove them from the team instead"})
    if mine is not None and after is None:
        await _take(ctx, scope, mine, left=command.user_id == ctx.actor.id)
    elif mine is not None and after is not None:
        await change_role(ctx, scope.tenant_id, mine, after)
    elif after is not None:
        await grant(ctx, scope.tenant_id, command.user_id, after, command.project_id)
    await forget_sessions(ctx, command.user_id)
    return MemberChanged(user_id=command.user_id)


@use_case(Permission.TEAM_MANAGE, AuditAction.TEAM_REMOVE, lambda command, _: command.user_id)
async def remove_member(ctx: Context, command: RemoveMember) -> MemberChanged:
    """Take every role here from a person: their sessions leave, their tokens and terminals here end within five
    seconds. What they launched stays with its project. Raises as `set_role`."""
    scope = tenant_scope(ctx.actor, Permission.TEAM_MANAGE)
    held = await _lock_roles(ctx, scope, command.user_id, command.version)
    email = (await get_member(ctx, command.user_id)).email
    if command.confirm_email not in (None, email):
        raise ValidationFailed(fields={"confirm_name": f"type {email} to confirm"})
    await _remove(ctx, scope, command.user_id, held)
    return MemberChanged(user_id=command.user_id)


@use_case(Permission.TEAM_READ, AuditAction.TEAM_LEAVE, lambda _, result: result and result.user_id)
async def leave(ctx: Context, command: LeaveOrganisation) -> MemberChanged:
    """Go oneself. Raises LastOwner; Forbidden for programs, which are disabled instead."""
    scope = tenant_scope(ctx.actor, Permission.TEAM_READ)
    if ctx.actor.kind is not ActorKind.USER or ctx.actor.id is None:
        raise Forbidden("A service account does not leave: it is disabled.")
    held = await _lock_roles(ctx, scope, ctx.actor.id, None)
    await _remove(ctx, scope, ctx.actor.id, held)
    return MemberChanged(user_id=ctx.actor.id)


async def _lock_roles(ctx: Context, scope: TenantScope, user_id: UUID, version: int | None) -> list[AnyRow]:
    repository = TeamRepository(ctx.session)
    await repository.lock_tenant(scope.tenant_id)
    held = await repository.list_roles(scope.tenant_id, [user_id])
    if not held:
        raise NotFound()
    check_version(version_of((row.id, row.role) for row in held), version)
    return held


async def _check(ctx: Context, scope: TenantScope, held: list[AnyRow], mine: AnyRow | None, after: Role | None) -> None:
    """The rules, on what is true under the lock: the actor's own role is read again too."""
    repository = TeamRepository(ctx.session)
    own = await repository.list_roles(scope.tenant_id, [ctx.actor.id]) if ctx.actor.id else []
    holder = held[0].user_id
    check_change(
        Change(
            actor_role=_organisation_role(own),
            holder_role=_organisation_role(held),
            before=Role(mine.role) if mine else None,
            after=after,
            owners=await repository.count_owners(scope.tenant_id),
            is_self=holder == ctx.actor.id,
        )
    )


def _organisation_role(rows: list[AnyRow]) -> Role | None:
    return next((Role(row.role) for row in rows if row.project_id is None), None)


async def _remove(ctx: Context, scope: TenantScope, user_id: UUID, held: list[AnyRow]) -> None:
    ctx.explain(roles=[row.role for row in held])
    organisation = next((row for row in held if row.project_id is None), held[0])
    await _check(ctx, scope, held, organisation, None)
    for row in held:
        await _take(ctx, scope, row, left=user_id == ctx.actor.id)
    await _leave_place(ctx, scope, user_id)
    await forget_sessions(ctx, user_id)


async def grant(ctx: Context, tenant_id: UUID, user_id: UUID, role: Role, project_id: UUID | None) -> UUID:
    """A new membership. The caller has decided that it may be."""
    membership_id = new_id()
    await AuthRepository(ctx.session).append_membership(
        membership_id, role, await ctx.now(), user_id=user_id, tenant_id=tenant_id, project_id=project_id
    )
    fact = MembershipGranted(
        membership_id=membership_id, tenant_id=tenant_id, user_id=user_id, role=role.value, project_id=project_id
    )
    await ctx.emit(fact, version=1, tenant_id=tenant_id, project_id=project_id)
    return membership_id


async def change_role(ctx: Context, tenant_id: UUID, row: AnyRow, role: Role) -> None:
    """Another role in the same place. The caller has decided that it may be."""
    version = await TeamRepository(ctx.session).set_role(tenant_id, row.id, role.value)
    fact = MembershipChanged(
        membership_id=row.id,
        tenant_id=tenant_id,
        user_id=row.user_id,
        role=role.value,
        before=row.role,
        project_id=row.project_id,
    )
    await ctx.emit(fact, version=version, tenant_id=tenant_id, project_id=row.project_id)


async def _take(ctx: Context, scope: TenantScope, row: AnyRow, *, left: bool) -> None:
    version = await TeamRepository(ctx.session).delete_role(scope.tenant_id, row.id)
    fact = MembershipRemoved(
        membership_id=row.id,
        tenant_id=scope.tenant_id,
        user_id=row.user_id,
        role=row.role,
        project_id=row.project_id,
        left=left,
    )
    await ctx.emit(fact, version=version + 1, tenant_id=scope.tenant_id, project_id=row.project_id)


async def _leave_place(ctx: Context, scope: TenantScope, user_id: UUID) -> None:
    """The browser sessions of who has no role here any more go to a place where they have one, or nowhere; their
    command lines here end. (Who lost one role of several is led on by their next request.)"""
    place = await AuthRepository(ctx.session).find_default_place(user_id)
    to = Place(tenant_id=TenantId(place.tenant_id), project_id=ProjectId(place.project_id)) if place else None
    repository, reason = TeamRepository(ctx.session), "removed from the organisation"
    await repository.move_sessions(user_id, scope.tenant_id, to)
    for session_id in await repository.end_programs(user_id, scope.tenant_id, reason, await ctx.now()):
        await ctx.emit(SessionRevoked(session_id=session_id, user_id=user_id, reason=reason), version=2)


def _text(value: UUID | None) -> str | None:
    return str(value) if value else None
