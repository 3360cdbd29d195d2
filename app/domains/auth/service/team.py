"""Changes of an organisation's members and their roles. `members` lists them.

Each change locks the organisation first, so that two owners who remove each other at once leave one. A change takes
effect everywhere within five seconds.
"""

from uuid import UUID

import msgspec

from app.domains.auth.errors import LastOwner, OwnersOnly, RoleAboveOwn
from app.domains.auth.events import MembershipChanged, MembershipGranted, MembershipRemoved, SessionRevoked
from app.domains.auth.repository import AuthRepository, TeamRepository
from app.domains.auth.repository.team import AnyRow
from app.domains.auth.rules.team import ORGANISATION_ROLES, PROJECT_ROLES, Change, Refusal, refusal, version_of
from app.domains.auth.rules.values import Workspace
from app.domains.auth.service.members import get_member
from app.domains.auth.service.session_cache import forget_sessions
from app.shared.audit import AuditAction
from app.shared.authz import Actor, ActorKind, Permission, Role, TenantScope, tenant_scope
from app.shared.context import Context
from app.shared.errors import Forbidden, NotFound, ValidationFailed
from app.shared.errors.faults import Faults
from app.shared.ids import ProjectId, TenantId, new_id
from app.shared.use_case import use_case
from app.shared.versions import check_version

REFUSALS = {Refusal.OWNERS_ONLY: OwnersOnly, Refusal.ABOVE_OWN_ROLE: RoleAboveOwn, Refusal.LAST_OWNER: LastOwner}


NO_PROJECT = "There is no such project in this organisation."


class SetRole(msgspec.Struct, frozen=True, kw_only=True):
    """`project_id` None is the organisation; `role` None removes the role."""

    user_id: UUID
    role: str | None
    project_id: UUID | None = None
    version: int | None = None


class RemoveMember(msgspec.Struct, frozen=True, kw_only=True):
    """`confirm_email` is what the person typed to confirm; API requests leave it out."""

    user_id: UUID
    confirm_email: str | None = None
    version: int | None = None


class LeaveOrganisation(msgspec.Struct, frozen=True, kw_only=True):
    pass


class MemberChanged(msgspec.Struct, frozen=True, kw_only=True):
    user_id: UUID


def role_in(actor: Actor, tenant_id: UUID) -> Role | None:
    """The actor's role in the organisation itself, not in its projects."""
    for binding in actor.bindings:
        if binding.tenant_id == tenant_id and binding.project_id is None:
            return binding.role
    return None


def parse_role(text: str, project_id: UUID | None) -> Role:
    """A role of the organisation (`project_id` None) or of a project. Raises ValidationFailed."""
    fitting = ORGANISATION_ROLES if project_id is None else PROJECT_ROLES
    for role in fitting:
        if role.value == text:
            return role
    raise ValidationFailed(fields={"role": f"one of {', '.join(role.value for role in fitting)}"})


def check_change(change: Change) -> None:
    """Apply the rules of `rules.team`. Raises OwnersOnly, RoleAboveOwn, LastOwner, ValidationFailed, Forbidden."""
    refused = refusal(change)
    if refused is Refusal.PROGRAM:
        raise ValidationFailed(fields={"role": "a service account has a role in its project only"})
    if refused is not None:
        raise REFUSALS.get(refused, Forbidden)()


@use_case(Permission.TEAM_MANAGE, AuditAction.TEAM_ROLE_SET, lambda command, _: command.user_id)
async def set_role(ctx: Context, command: SetRole) -> MemberChanged:
    """Give, change or remove one role of a member. Raises NotFound, PreconditionFailed, LastOwner, OwnersOnly,
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
    """Remove a person from the organisation: their sessions move elsewhere, their tokens and terminals here end within
    five seconds. What they launched remains with its project. Raises the same errors as `set_role`."""
    scope = tenant_scope(ctx.actor, Permission.TEAM_MANAGE)
    held = await _lock_roles(ctx, scope, command.user_id, command.version)
    email = (await get_member(ctx, command.user_id)).email
    if command.confirm_email not in (None, email):
        raise ValidationFailed(fields={"confirm_name": f"type {email} to confirm"})
    await _remove(ctx, scope, command.user_id, held)
    return MemberChanged(user_id=command.user_id)


@use_case(Permission.TEAM_READ, AuditAction.TEAM_LEAVE, lambda _, result: result and result.user_id)
async def leave(ctx: Context, command: LeaveOrganisation) -> MemberChanged:
    """Leave the organisation. Raises LastOwner, and Forbidden for service accounts, which are disabled instead."""
    scope = tenant_scope(ctx.actor, Permission.TEAM_READ)
    if ctx.actor.kind is not ActorKind.USER or ctx.actor.id is None:
        raise Forbidden("A service account cannot leave. Disable it instead.")
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
    """Apply the rules to the state under the lock; the actor's own role is read again too."""
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
    await _move_sessions(ctx, scope, user_id)
    await forget_sessions(ctx, user_id)


async def grant(ctx: Context, tenant_id: UUID, user_id: UUID, role: Role, project_id: UUID | None) -> UUID:
    """Write a new membership. The caller has checked the right to."""
    membership_id = new_id()
    await AuthRepository(ctx.session).append_membership(
        membership_id, role, await ctx.now(), user_id=user_id, tenant_id=tenant_id, project_id=project_id
    )
    event = MembershipGranted(
        membership_id=membership_id, tenant_id=tenant_id, user_id=user_id, role=role.value, project_id=project_id
    )
    await ctx.emit(event, version=1, tenant_id=tenant_id, project_id=project_id)
    return membership_id


async def change_role(ctx: Context, tenant_id: UUID, row: AnyRow, role: Role) -> None:
    """Change the role of a membership. The caller has checked the right to."""
    version = await TeamRepository(ctx.session).set_role(tenant_id, row.id, role.value)
    event = MembershipChanged(
        membership_id=row.id,
        tenant_id=tenant_id,
        user_id=row.user_id,
        role=role.value,
        before=row.role,
        project_id=row.project_id,
    )
    await ctx.emit(event, version=version, tenant_id=tenant_id, project_id=row.project_id)


async def _take(ctx: Context, scope: TenantScope, row: AnyRow, *, left: bool) -> None:
    version = await TeamRepository(ctx.session).delete_role(scope.tenant_id, row.id)
    event = MembershipRemoved(
        membership_id=row.id,
        tenant_id=scope.tenant_id,
        user_id=row.user_id,
        role=row.role,
        project_id=row.project_id,
        left=left,
    )
    await ctx.emit(event, version=version + 1, tenant_id=scope.tenant_id, project_id=row.project_id)


async def _move_sessions(ctx: Context, scope: TenantScope, user_id: UUID) -> None:
    """Move the browser sessions of a removed person to their default workspace, if any, and end their command-line
    sessions here. After the loss of one role of several, the next request moves the session."""
    workspace = await AuthRepository(ctx.session).find_default_workspace(user_id)
    to = (
        Workspace(tenant_id=TenantId(workspace.tenant_id), project_id=ProjectId(workspace.project_id))
        if workspace
        else None
    )
    repository, reason = TeamRepository(ctx.session), "removed from the organisation"
    await repository.move_sessions(user_id, scope.tenant_id, to)
    for session_id in await repository.end_programs(user_id, scope.tenant_id, reason, await ctx.now()):
        await ctx.emit(SessionRevoked(session_id=session_id, user_id=user_id, reason=reason), version=2)


def _text(value: UUID | None) -> str | None:
    return str(value) if value else None
