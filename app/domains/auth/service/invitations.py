"""Invitations: an organisation invites an address; whoever proved that address to an identity provider answers.

No link carries a token: the mail leads to `/invitations`, and there the verified address decides. The inviter learns
nothing about an address but whether it belongs to somebody of their own team, which the team's page shows anyway.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from app.domains.auth.contracts.team import (
    AnswerInvitation,
    InvitationAnswered,
    InvitationId,
    InvitationMail,
    InvitationQuery,
    InvitationView,
    Invited,
    InviteMember,
    ReceivedInvitation,
    ResendInvitation,
    RevokeInvitation,
)
from app.domains.auth.errors import AlreadyMember, EmailUnverified, InvitationClosed, LimitReached
from app.domains.auth.events import (
    InvitationAccepted,
    InvitationDeclined,
    InvitationExpired,
    InvitationRevoked,
    InvitationSent,
)
from app.domains.auth.policies import INVITATION_DAYS, MAX_INVITATIONS
from app.domains.auth.repository import InvitationRepository, TeamRepository
from app.domains.auth.repository.team import AnyRow
from app.domains.auth.rules.addresses import address_key, is_address
from app.domains.auth.rules.team import Change, higher, refusal
from app.domains.auth.rules.words import role_name
from app.domains.auth.service import rights
from app.domains.auth.service.places import stand
from app.domains.auth.service.sessions import forget_sessions
from app.domains.auth.service.team import NO_PROJECT, change_role, check_change, grant, parse_role, role_in
from app.shared.audit import AuditAction
from app.shared.authz import ActorKind, Permission, Role, RoleBinding, TenantScope, tenant_scope
from app.shared.authz.rights import Claim
from app.shared.context import Context
from app.shared.errors import Forbidden, NotFound
from app.shared.errors.faults import Faults
from app.shared.ids import TenantId, new_id
from app.shared.paging import Slice, cut
from app.shared.use_case import use_case

PATH = "/invitations"
CLOSED_WORDS = {
    "accepted": "This invitation was accepted already.",
    "declined": "This invitation was declined.",
    "revoked": "This invitation was taken back.",
    "expired": "This invitation has expired. Ask for it to be sent again.",
    "void": "Who sent this invitation may not invite any more. Ask an admin of the organisation for another one.",
}
BATCH = 200


@use_case(Permission.TEAM_MANAGE, AuditAction.TEAM_INVITE, lambda _, result: result and result.invitation_id)
async def invite(ctx: Context, command: InviteMember) -> Invited:
    """Invite an address. The same address to the same place is one invitation; another role changes it and sends it
    again. Raises ValidationFailed, NotFound, AlreadyMember, RoleAboveOwn, LimitReached."""
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
    stands = waiting is not None and waiting.expires_at > now and not await inviters_ended(ctx, [waiting])
    if waiting is not None and stands and waiting.role == role.value:
        return Invited(invitation_id=InvitationId(waiting.id), is_new=False)
    if waiting is not None:
        if stands:
            await _check_right(ctx, scope, Role(waiting.role))
        await _send_again(ctx, scope, waiting.id, role, command.project_id)
        return Invited(invitation_id=InvitationId(waiting.id), is_new=False)
    return Invited(invitation_id=await _append(ctx, scope, command.project_id, (address, key), role))


async def _append(
    ctx: Context, scope: TenantScope, project_id: UUID | None, address: tuple[str, str], role: Role
) -> InvitationId:
    repository, now = InvitationRepository(ctx.session), await ctx.now()
    most = await ctx.policy(MAX_INVITATIONS, scope.tenant_id)
    if await repository.count_pending(scope) >= most:
        raise LimitReached(f"{most} invitations wait for an answer already. Revoke some first.", most=most)
    if ctx.actor.id is None:
        raise Forbidden()
    invitation_id = InvitationId(new_id())
    until = await _expiry(ctx, scope, now)
    await repository.append(invitation_id, scope, project_id, address, role.value, ctx.actor.id, now, until)
    await _tell_sent(ctx, scope, invitation_id, role, project_id, version=1)
    return invitation_id


async def _check_right(ctx: Context, scope: TenantScope, role: Role) -> None:
    """To invite with a role is to give it."""
    await rights.check_person(ctx, Permission.TEAM_MANAGE, scope.tenant_id)
    own = await TeamRepository(ctx.session).list_roles(scope.tenant_id, [ctx.actor.id]) if ctx.actor.id else []
    present = next((Role(row.role) for row in own if row.project_id is None), role_in(ctx.actor, scope.tenant_id))
    check_change(Change(actor_role=present, holder_role=None, before=None, after=role, owners=1))


async def inviters_ended(ctx: Context, rows: Sequence[AnyRow]) -> list[AnyRow]:
    """Those of the invitations whose sender could not send them now: the right to invite has ended, or the role that
    they would give is above what they may give by now."""
    claims = {row.id: _inviter(row) for row in rows}
    ended = await rights.endings(ctx, claims.values())
    roles = await rights.roles_of(ctx, {row.invited_by for row in rows})
    return [row for row in rows if claims[row.id] in ended or not _may_give(row, roles[row.invited_by])]


def _inviter(row: AnyRow) -> Claim:
    return Claim(principal_id=row.invited_by, permission=Permission.TEAM_MANAGE, tenant_id=row.tenant_id)


def _may_give(row: AnyRow, held: Sequence[RoleBinding]) -> bool:
    present = next((one.role for one in held if (one.tenant_id, one.project_id) == (row.tenant_id, None)), None)
    return refusal(Change(actor_role=present, holder_role=None, before=None, after=Role(row.role), owners=1)) is None


async def _expiry(ctx: Context, scope: TenantScope, now: datetime) -> datetime:
    return now + timedelta(days=await ctx.policy(INVITATION_DAYS, scope.tenant_id))


async def _send_again(
    ctx: Context, scope: TenantScope, invitation_id: UUID, role: Role, project_id: UUID | None
) -> None:
    now = await ctx.now()
    until = await _expiry(ctx, scope, now)
    if ctx.actor.id is None:
        raise Forbidden()
    repository = InvitationRepository(ctx.session)
    version = await repository.send_again(invitation_id, role.value, ctx.actor.id, now, until)
    await _tell_sent(ctx, scope, invitation_id, role, project_id, version=version)


async def _tell_sent(
    ctx: Context, scope: TenantScope, invitation_id: UUID, role: Role, project_id: UUID | None, *, version: int
) -> None:
    if ctx.actor.id is None:
        raise Forbidden()
    fact = InvitationSent(
        invitation_id=invitation_id,
        tenant_id=scope.tenant_id,
        role=role.value,
        invited_by=ctx.actor.id,
        project_id=project_id,
    )
    await ctx.emit(fact, version=version, tenant_id=scope.tenant_id, project_id=project_id)


@use_case(Permission.TEAM_MANAGE, AuditAction.TEAM_INVITATION_RESEND, lambda command, _: command.invitation_id)
async def resend(ctx: Context, command: ResendInvitation) -> Invited:
    """Send it again with a new term. Raises NotFound, InvitationClosed, RoleAboveOwn."""
    scope = tenant_scope(ctx.actor, Permission.TEAM_MANAGE)
    row = await _lock_own(ctx, scope, command.invitation_id)
    if row.state not in ("pending", "expired"):
        raise InvitationClosed(CLOSED_WORDS[row.state])
    if row.state == "expired":
        again = InviteMember(email=row.email, role=row.role, project_id=row.project_id)
        return await invite(ctx, again)
    await _send_again(ctx, scope, row.id, Role(row.role), row.project_id)
    return Invited(invitation_id=InvitationId(row.id), is_new=False)


@use_case(Permission.TEAM_MANAGE, AuditAction.TEAM_INVITATION_REVOKE, lambda command, _: command.invitation_id)
async def revoke(ctx: Context, command: RevokeInvitation) -> Invited:
    """Take it back; doing so twice is fine. Raises NotFound, InvitationClosed, RoleAboveOwn."""
    scope = tenant_scope(ctx.actor, Permission.TEAM_MANAGE)
    row = await _lock_own(ctx, scope, command.invitation_id)
    if row.state not in ("pending", "revoked"):
        raise InvitationClosed(CLOSED_WORDS[row.state])
    version = await InvitationRepository(ctx.session).close(row.id, "revoked", ctx.actor.id, await ctx.now())
    if version is not None:
        fact = InvitationRevoked(invitation_id=row.id, tenant_id=row.tenant_id, project_id=row.project_id)
        await ctx.emit(fact, version=version, tenant_id=row.tenant_id, project_id=row.project_id)
    return Invited(invitation_id=InvitationId(row.id), is_new=False)


async def _lock_own(ctx: Context, scope: TenantScope, invitation_id: UUID) -> AnyRow:
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
    """Raises NotFound."""
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


async def page_received(ctx: Context, cursor: UUID | None = None, limit: int = 100) -> Slice[ReceivedInvitation, UUID]:
    """What waits for the actor's own, verified address, newest first."""
    if ctx.actor.kind is not ActorKind.USER or ctx.actor.id is None:
        return Slice(items=(), next_cursor=None)
    rows = await InvitationRepository(ctx.session).page_received(ctx.actor.id, await ctx.now(), cursor, limit + 1)
    kept = cut(rows, limit, lambda row: UUID(str(row.id)))
    return Slice(items=tuple(_received(row) for row in kept.items), next_cursor=kept.next_cursor)


def _received(row: AnyRow) -> ReceivedInvitation:
    return ReceivedInvitation(
        id=InvitationId(row.id),
        tenant_name=row.tenant_name,
        project_name=row.project_name,
        role=row.role,
        invited_by_name=row.invited_by_name,
        sent_at=row.sent_at,
        expires_at=row.expires_at,
    )


@use_case(Permission.PROFILE, AuditAction.INVITATION_ACCEPT, lambda command, _: command.invitation_id)
async def accept(ctx: Context, command: AnswerInvitation) -> InvitationAnswered:
    """Join, and stand there from now on. Accepting twice is fine; a higher role that one has already stays.
    Raises EmailUnverified, NotFound for whatever is not for the actor's address, InvitationClosed."""
    row, user_id = await _lock_received(ctx, command.invitation_id)
    accepted_before = row.state == "accepted" and row.closed_by == user_id
    if accepted_before or row.state == "pending":
        if not accepted_before:
            if await inviters_ended(ctx, [row]):
                raise InvitationClosed(CLOSED_WORDS["void"])
            await _join(ctx, row, user_id)
        ctx.changed(state=(row.state, "accepted"))
        place = await stand(ctx, user_id, row.tenant_id, row.project_id)
        if place is not None:
            return InvitationAnswered(
                invitation_id=row.id, state="accepted", tenant_id=row.tenant_id, project_id=place.project_id
            )
    raise InvitationClosed(CLOSED_WORDS[row.state if row.state != "pending" else "accepted"])


async def _join(ctx: Context, row: AnyRow, user_id: UUID) -> None:
    version = await InvitationRepository(ctx.session).close(row.id, "accepted", user_id, await ctx.now())
    held = await TeamRepository(ctx.session).list_roles(row.tenant_id, [user_id])
    mine = next((role for role in held if role.project_id == row.project_id), None)
    invited = Role(row.role)
    if mine is None:
        await grant(ctx, row.tenant_id, user_id, invited, row.project_id)
    elif higher(Role(mine.role), invited) is not Role(mine.role):
        await change_role(ctx, row.tenant_id, mine, invited)
    fact = InvitationAccepted(invitation_id=row.id, tenant_id=row.tenant_id, user_id=user_id, project_id=row.project_id)
    await ctx.emit(fact, version=version or row.version, tenant_id=row.tenant_id, project_id=row.project_id)
    await forget_sessions(ctx, user_id)


@use_case(Permission.PROFILE, AuditAction.INVITATION_DECLINE, lambda command, _: command.invitation_id)
async def decline(ctx: Context, command: AnswerInvitation) -> InvitationAnswered:
    """Say no; twice is fine. Raises as `accept`."""
    row, user_id = await _lock_received(ctx, command.invitation_id)
    if row.state == "pending":
        version = await InvitationRepository(ctx.session).close(row.id, "declined", user_id, await ctx.now())
        fact = InvitationDeclined(
            invitation_id=row.id, tenant_id=row.tenant_id, user_id=user_id, project_id=row.project_id
        )
        await ctx.emit(fact, version=version or row.version, tenant_id=row.tenant_id, project_id=row.project_id)
    elif not (row.state == "declined" and row.closed_by == user_id):
        raise InvitationClosed(CLOSED_WORDS[row.state])
    ctx.changed(state=(row.state, "declined"))
    return InvitationAnswered(invitation_id=row.id, state="declined", tenant_id=row.tenant_id)


async def _lock_received(ctx: Context, invitation_id: UUID) -> tuple[AnyRow, UUID]:
    """The invitation under its organisation's lock. An address that is not proved is told so before anything is looked
    up, and somebody else's invitation does not exist."""
    if ctx.actor.kind is not ActorKind.USER or ctx.actor.id is None:
        raise Forbidden()
    repository = InvitationRepository(ctx.session)
    person = await repository.get_person(ctx.actor.id)
    if not person.email_verified:
        raise EmailUnverified()
    tenant_id = await repository.find_tenant(invitation_id, person.email_key)
    if tenant_id is None:
        raise NotFound()
    await TeamRepository(ctx.session).lock_tenant(tenant_id)
    row = await repository.lock(invitation_id)
    if row is None:
        raise NotFound()
    if row.state == "pending" and row.expires_at <= await ctx.now():
        raise InvitationClosed(CLOSED_WORDS["expired"])
    return row, ctx.actor.id


async def mails(ctx: Context, ids: Iterable[UUID]) -> dict[UUID, InvitationMail]:
    """What the mail about each of them says."""
    rows = await InvitationRepository(ctx.session).list_mails(list(ids), await ctx.now())
    return {
        row.id: InvitationMail(
            invitation_id=InvitationId(row.id),
            email=row.email,
            user_id=row.user_id,
            tenant_id=TenantId(row.tenant_id),
            tenant_name=row.tenant_name,
            project_name=row.project_name,
            role=row.role,
            role_name=role_name(row.role),
            invited_by_name=row.invited_by_name,
            expires_at=row.expires_at,
            time_zone=row.time_zone,
            path=PATH,
            is_open=row.is_open,
        )
        for row in rows
    }


async def list_due(ctx: Context) -> list[UUID]:
    """Those whose time has run out, at most 200."""
    return await InvitationRepository(ctx.session).list_due(await ctx.now(), BATCH)


async def expire(ctx: Context, invitation_id: UUID) -> bool:
    """Close one whose time has run out. False when it was answered, closed, or is in somebody's hands."""
    repository, now = InvitationRepository(ctx.session), await ctx.now()
    row = await repository.lock_due(invitation_id, now)
    if row is None:
        return False
    version = await repository.close(row.id, "expired", None, now)
    fact = InvitationExpired(invitation_id=row.id, tenant_id=row.tenant_id, project_id=row.project_id)
    await ctx.emit(fact, version=version or 1, tenant_id=row.tenant_id, project_id=row.project_id)
    return True
