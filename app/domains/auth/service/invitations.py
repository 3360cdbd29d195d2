"""Invitations that an organisation sends: invite, resend, revoke.

An invitation is bound to a verified e-mail address and carries no token: its mail links to `/invitations`, behind
sign-in. The inviter learns only whether the address belongs to a member of their own organisation.
"""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from app.domains.auth.contracts import InvitationId
from app.domains.auth.errors import AlreadyMember, InvitationClosed, LimitReached
from app.domains.auth.events import (
    InvitationRevoked,
    InvitationSent,
)
from app.domains.auth.models import Invitation
from app.domains.auth.policies import INVITATION_DAYS, MAX_INVITATIONS
from app.domains.auth.repository import InvitationRepository, TeamRepository
from app.domains.auth.repository.team import AnyRow
from app.domains.auth.rules.addresses import address_key, is_address
from app.domains.auth.rules.team import Change
from app.domains.auth.rules.values import InvitationQuery
from app.domains.auth.service import rights
from app.domains.auth.service.invitation_lifecycle import CLOSED_MESSAGES, inviters_ended
from app.domains.auth.service.team import NO_PROJECT, check_change, parse_role, role_in
from app.shared.audit import AuditAction
from app.shared.authz import Permission, Role, TenantScope, tenant_scope
from app.shared.context import Context
from app.shared.errors import Forbidden, NotFound
from app.shared.errors.faults import Faults
from app.shared.ids import new_id
from app.shared.paging import Slice, cut
from app.shared.use_case import use_case


class InviteMember(msgspec.Struct, frozen=True, kw_only=True):
    """`project_id` None invites with a role in the organisation; otherwise the role is one of the project."""

    email: str
    role: str
    project_id: UUID | None = None


class Invited(msgspec.Struct, frozen=True, kw_only=True):
    """`is_new` is False when the address had a pending invitation to the same scope."""

    invitation_id: InvitationId
    is_new: bool = True


class InvitationView(msgspec.Struct, frozen=True, kw_only=True):
    """`state`: pending | accepted | declined | revoked | expired."""

    id: InvitationId
    email: str
    role: str
    project_id: UUID | None
    project_name: str | None
    state: str
    invited_by: UUID
    invited_by_name: str
    created_at: datetime
    sent_at: datetime
    sent_count: int
    expires_at: datetime


class ResendInvitation(msgspec.Struct, frozen=True, kw_only=True):
    invitation_id: UUID


class RevokeInvitation(msgspec.Struct, frozen=True, kw_only=True):
    invitation_id: UUID


@use_case(Permission.TEAM_MANAGE, AuditAction.TEAM_INVITE, lambda _, result: result and result.invitation_id)
async def invite(ctx: Context, command: InviteMember) -> Invited:
    """Invite an address. An address has one invitation per organisation or project: inviting it again with another
    role changes the role and sends the mail again. Raises ValidationFailed, NotFound, AlreadyMember, RoleAboveOwn,
    LimitReached."""
    scope = tenant_scope(ctx.actor, Permission.TEAM_MANAGE)
    repository, team = InvitationRepository(ctx.session), TeamRepository(ctx.session)
    address = command.email
    await team.lock_tenant(scope.tenant_id)
    with Faults() as faults:
        faults.unless(is_address(address), "email", "an e-mail address, like ada@acme.example")
        with faults.gathered():
            role = parse_role(command.role, command.project_id)
        known = command.project_id is None or await team.find_project(scope, command.project_id) is not None
        faults.unless(known, "project_id", NO_PROJECT)
    await _check_right(ctx, scope, role)
    key = address_key(address)
    if await team.find_member_by_key(scope, key) is not None:
        raise AlreadyMember()
    ctx.explain(role=role.value, project_id=str(command.project_id) if command.project_id else None)
    waiting = await repository.lock_pending(scope, command.project_id, key)
    now = await ctx.now()
    is_valid = waiting is not None and waiting.expires_at > now and not await inviters_ended(ctx, [waiting])
    if waiting is not None and is_valid and waiting.role == role.value:
        return Invited(invitation_id=InvitationId(waiting.id), is_new=False)
    if waiting is not None:
        if is_valid:
            await _check_right(ctx, scope, Role(waiting.role))
        await _send_again(ctx, scope, waiting.id, role, command.project_id)
        return Invited(invitation_id=InvitationId(waiting.id), is_new=False)
    return Invited(invitation_id=await _append(ctx, scope, command.project_id, (address, key), role))


async def _append(
    ctx: Context, scope: TenantScope, project_id: UUID | None, address: tuple[str, str], role: Role
) -> InvitationId:
    repository, now = InvitationRepository(ctx.session), await ctx.now()
    limit = await ctx.policy(MAX_INVITATIONS, scope.tenant_id)
    if await repository.count_pending(scope) >= limit:
        raise LimitReached(f"{limit} invitations are pending already. Revoke some first.", most=limit)
    if ctx.actor.id is None:
        raise Forbidden()
    invitation_id = InvitationId(new_id())
    until = await _expiry(ctx, scope, now)
    await repository.append(invitation_id, scope, project_id, address, role.value, ctx.actor.id, now, until)
    await _emit_sent(ctx, scope, invitation_id, role, project_id, version=1)
    return invitation_id


async def _check_right(ctx: Context, scope: TenantScope, role: Role) -> None:
    """To invite with a role is to give it. Raises RightEnded, OwnersOnly, RoleAboveOwn, Forbidden."""
    await rights.check_person(ctx, Permission.TEAM_MANAGE, scope.tenant_id)
    own = await TeamRepository(ctx.session).list_roles(scope.tenant_id, [ctx.actor.id]) if ctx.actor.id else []
    present = next((Role(row.role) for row in own if row.project_id is None), role_in(ctx.actor, scope.tenant_id))
    check_change(Change(actor_role=present, holder_role=None, before=None, after=role, owners=1))


async def _expiry(ctx: Context, scope: TenantScope, now: datetime) -> datetime:
    return now + timedelta(days=await invitation_days(ctx))


async def _send_again(
    ctx: Context, scope: TenantScope, invitation_id: UUID, role: Role, project_id: UUID | None
) -> None:
    now = await ctx.now()
    until = await _expiry(ctx, scope, now)
    if ctx.actor.id is None:
        raise Forbidden()
    repository = InvitationRepository(ctx.session)
    version = await repository.send_again(invitation_id, role.value, ctx.actor.id, now, until)
    await _emit_sent(ctx, scope, invitation_id, role, project_id, version=version)


async def _emit_sent(
    ctx: Context, scope: TenantScope, invitation_id: UUID, role: Role, project_id: UUID | None, *, version: int
) -> None:
    if ctx.actor.id is None:
        raise Forbidden()
    event = InvitationSent(
        invitation_id=invitation_id,
        tenant_id=scope.tenant_id,
        role=role.value,
        invited_by=ctx.actor.id,
        project_id=project_id,
    )
    await ctx.emit(event, version=version, tenant_id=scope.tenant_id, project_id=project_id)


@use_case(Permission.TEAM_MANAGE, AuditAction.TEAM_INVITATION_RESEND, lambda command, _: command.invitation_id)
async def resend(ctx: Context, command: ResendInvitation) -> Invited:
    """Send the mail again with a new expiry. Raises NotFound, InvitationClosed, RoleAboveOwn."""
    scope = tenant_scope(ctx.actor, Permission.TEAM_MANAGE)
    row = await _lock_own(ctx, scope, command.invitation_id)
    if row.state not in ("pending", "expired"):
        raise InvitationClosed(CLOSED_MESSAGES[row.state])
    if row.state == "expired":
        again = InviteMember(email=row.email, role=row.role, project_id=row.project_id)
        return await invite(ctx, again)
    await _send_again(ctx, scope, row.id, Role(row.role), row.project_id)
    return Invited(invitation_id=InvitationId(row.id), is_new=False)


@use_case(Permission.TEAM_MANAGE, AuditAction.TEAM_INVITATION_REVOKE, lambda command, _: command.invitation_id)
async def revoke(ctx: Context, command: RevokeInvitation) -> Invited:
    """Revoke an invitation; doing so twice is allowed. Raises NotFound, InvitationClosed, RoleAboveOwn."""
    scope = tenant_scope(ctx.actor, Permission.TEAM_MANAGE)
    row = await _lock_own(ctx, scope, command.invitation_id)
    if row.state not in ("pending", "revoked"):
        raise InvitationClosed(CLOSED_MESSAGES[row.state])
    version = await InvitationRepository(ctx.session).close(row.id, "revoked", ctx.actor.id, await ctx.now())
    if version is not None:
        event = InvitationRevoked(invitation_id=row.id, tenant_id=row.tenant_id, project_id=row.project_id)
        await ctx.emit(event, version=version, tenant_id=row.tenant_id, project_id=row.project_id)
    return Invited(invitation_id=InvitationId(row.id), is_new=False)


async def _lock_own(ctx: Context, scope: TenantScope, invitation_id: UUID) -> Invitation:
    await TeamRepository(ctx.session).lock_tenant(scope.tenant_id)
    row = await InvitationRepository(ctx.session).lock(invitation_id, scope)
    if row is None:
        raise NotFound()
    await _check_right(ctx, scope, Role(row.role))
    return row


async def page_sent(ctx: Context, query: InvitationQuery) -> Slice[InvitationView, UUID]:
    """The organisation's invitations, newest first."""
    scope = tenant_scope(ctx.actor, Permission.TEAM_READ)
    rows = await InvitationRepository(ctx.session).page_sent(scope, query, await ctx.now())
    kept = cut([_view(row) for row in rows], query.limit, lambda view: view.id)
    return Slice(items=kept.items, next_cursor=kept.next_cursor)


async def get_sent(ctx: Context, invitation_id: UUID) -> InvitationView:
    """One invitation of the organisation. Raises NotFound."""
    scope = tenant_scope(ctx.actor, Permission.TEAM_READ)
    rows = await InvitationRepository(ctx.session).page_sent(
        scope, InvitationQuery(limit=1), await ctx.now(), invitation_id
    )
    if not rows:
        raise NotFound()
    return _view(rows[0])


def _view(row: AnyRow) -> InvitationView:
    return InvitationView(
        id=InvitationId(row.id),
        email=row.email,
        role=row.role,
        project_id=row.project_id,
        project_name=row.project_name,
        state=row.state,
        invited_by=row.invited_by,
        invited_by_name=row.invited_by_name,
        created_at=row.created_at,
        sent_at=row.sent_at,
        sent_count=row.sent_count,
        expires_at=row.expires_at,
    )


async def invitation_days(ctx: Context) -> int:
    """For how many days an invitation can be accepted."""
    return await ctx.policy(INVITATION_DAYS, ctx.actor.tenant_id)
