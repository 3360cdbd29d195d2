"""Who may do what with an app. Owners manage it, users open it, viewers see its state and its log.

Owners and admins of the organisation may manage every app, so that nothing stays running when a person leaves; that
does not let them open it. To everybody else an app of which they are no member does not exist.
"""

from uuid import UUID

from app.domains.appruntime.contracts import MEMBER_ROLES, AppView, MemberChanged, RemoveMember, SetMember
from app.domains.appruntime.errors import LastOwner, NotOneOfUs
from app.domains.appruntime.events import AppMemberChanged
from app.domains.appruntime.repository import AppRepository, MemberRepository
from app.domains.appruntime.service import transitions
from app.domains.auth import public as auth
from app.shared.audit import AuditAction
from app.shared.authz import Permission, project_scope
from app.shared.authz.scope import may
from app.shared.context import Context
from app.shared.errors import Forbidden, NotFound, ValidationFailed
from app.shared.ids import UserId
from app.shared.use_case import use_case


def oversees(ctx: Context) -> bool:
    """Whether the actor may manage apps of others."""
    return may(ctx.actor, Permission.TEAM_MANAGE)


async def visible(ctx: Context, app_id: UUID) -> tuple[AppView, str]:
    """An app that the actor may see, and their role in it (empty for who only oversees). Raises NotFound."""
    scope = project_scope(ctx.actor, Permission.APP_READ)
    app = await AppRepository(ctx.session).get_in(scope, app_id)
    role = await MemberRepository(ctx.session).role(app.id, ctx.actor.id)
    if not role and not oversees(ctx):
        raise NotFound()
    return app, role


async def manageable(ctx: Context, app_id: UUID) -> AppView:
    """An app that the actor may change. Raises NotFound, or Forbidden for who may only use or see it."""
    app, role = await visible(ctx, app_id)
    if role != "owner" and not oversees(ctx):
        raise Forbidden("Only an owner of this app may do that.")
    return app


@use_case(Permission.APP_RUN, AuditAction.APP_MEMBER_SET, lambda command, _result: command.app_id)
async def set_member(ctx: Context, command: SetMember) -> MemberChanged:
    """Add a person of the project or change their role. Raises NotFound, Forbidden, ValidationFailed, NotOneOfUs,
    LastOwner."""
    app = await manageable(ctx, command.app_id)
    if command.role not in MEMBER_ROLES:
        raise ValidationFailed(fields={"role": "Choose owner, user or viewer."})
    app = await AppRepository(ctx.session).get(app.id, lock=True)
    user_id = await _person(ctx, app, command)
    if command.role != "owner":
        await _keep_an_owner(ctx, app, user_id)
    held = {member.user_id: member.role for member in await MemberRepository(ctx.session).list_of([app.id])}
    ctx.changed(role=(held.get(UserId(user_id)), command.role))
    await MemberRepository(ctx.session).set(app, user_id, command.role, await ctx.now())
    return await _emit_member_changed(ctx, app, user_id, command.role)


@use_case(Permission.APP_RUN, AuditAction.APP_MEMBER_REMOVE, lambda command, _result: command.app_id)
async def remove_member(ctx: Context, command: RemoveMember) -> MemberChanged:
    """Remove a person; their open connections end within seconds. Raises NotFound, Forbidden, LastOwner."""
    app = await manageable(ctx, command.app_id)
    app = await AppRepository(ctx.session).get(app.id, lock=True)
    await _keep_an_owner(ctx, app, command.user_id)
    await MemberRepository(ctx.session).remove(app.id, command.user_id)
    return await _emit_member_changed(ctx, app, command.user_id, "")


async def _person(ctx: Context, app: AppView, command: SetMember) -> UUID:
    people = await auth.people_of_project(ctx, app.tenant_id, app.project_id)
    email = command.email.lower()
    for person in people:
        if person.id == command.user_id or (email and person.email.lower() == email):
            return person.id
    raise NotOneOfUs(fields={"email": "Nobody in this project has this address."})


async def _keep_an_owner(ctx: Context, app: AppView, removed: UUID) -> None:
    members = await MemberRepository(ctx.session).list_of([app.id])
    owners = {member.user_id for member in members if member.role == "owner"}
    if owners == {removed}:
        raise LastOwner()


async def _emit_member_changed(ctx: Context, app: AppView, user_id: UUID, role: str) -> MemberChanged:
    ctx.explain(user_id=str(user_id), role=role)
    app = await AppRepository(ctx.session).change(app, await ctx.now())
    await transitions.emit_change(ctx, app, AppMemberChanged(app_id=app.id, user_id=user_id, role=role))
    return MemberChanged(app_id=app.id, user_id=UserId(user_id), role=role)
