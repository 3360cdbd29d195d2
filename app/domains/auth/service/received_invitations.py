"""Invitations that a person has received: list, accept, decline.

Only the owner of the verified e-mail address sees and answers them.
"""

from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.auth.contracts import InvitationId
from app.domains.auth.errors import EmailUnverified, InvitationClosed
from app.domains.auth.events import InvitationAccepted, InvitationDeclined
from app.domains.auth.models import Invitation
from app.domains.auth.repository import InvitationRepository, TeamRepository
from app.domains.auth.repository.team import AnyRow
from app.domains.auth.rules.team import higher
from app.domains.auth.service.invitation_lifecycle import CLOSED_MESSAGES, inviters_ended
from app.domains.auth.service.session_cache import forget_sessions
from app.domains.auth.service.team import change_role, grant
from app.domains.auth.service.workspaces import enter_workspace, person_of
from app.shared.audit import AuditAction
from app.shared.authz import ActorKind, Permission, Role
from app.shared.context import Context
from app.shared.errors import Forbidden, NotFound
from app.shared.paging import Slice, cut
from app.shared.use_case import use_case


class AnswerInvitation(msgspec.Struct, frozen=True, kw_only=True):
    """Accept or decline a received invitation."""

    invitation_id: UUID


class InvitationAnswered(msgspec.Struct, frozen=True, kw_only=True):
    """`tenant_id` and `project_id` are the workspace of the session after accepting."""

    invitation_id: UUID
    state: str
    tenant_id: UUID
    project_id: UUID | None = None


class ReceivedInvitation(msgspec.Struct, frozen=True, kw_only=True):
    """An invitation as the invited person sees it."""

    id: InvitationId
    tenant_name: str
    project_name: str | None
    role: str
    invited_by_name: str
    sent_at: datetime
    expires_at: datetime


async def own_address(ctx: Context) -> tuple[str, bool]:
    """The actor's e-mail address, and whether the identity provider has verified it."""
    person = await InvitationRepository(ctx.session).get_person(person_of(ctx.actor))
    return str(person.email), bool(person.email_verified)


async def page_received(ctx: Context, cursor: UUID | None = None, limit: int = 100) -> Slice[ReceivedInvitation, UUID]:
    """Pending invitations to the actor's verified address, newest first."""
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
    """Join the organisation and switch to it. Accepting twice is allowed; a higher existing role is kept. Raises
    EmailUnverified, InvitationClosed, and NotFound for an invitation to another address."""
    row, user_id = await _lock_received(ctx, command.invitation_id)
    accepted_before = row.state == "accepted" and row.closed_by == user_id
    if accepted_before or row.state == "pending":
        if not accepted_before:
            if await inviters_ended(ctx, [row]):
                raise InvitationClosed(CLOSED_MESSAGES["void"])
            await _join(ctx, row, user_id)
        ctx.changed(state=(row.state, "accepted"))
        workspace = await enter_workspace(ctx, user_id, row.tenant_id, row.project_id)
        if workspace is not None:
            return InvitationAnswered(
                invitation_id=row.id, state="accepted", tenant_id=row.tenant_id, project_id=workspace.project_id
            )
    raise InvitationClosed(CLOSED_MESSAGES[row.state if row.state != "pending" else "accepted"])


async def _join(ctx: Context, row: Invitation, user_id: UUID) -> None:
    version = await InvitationRepository(ctx.session).close(row.id, "accepted", user_id, await ctx.now())
    held = await TeamRepository(ctx.session).list_roles(row.tenant_id, [user_id])
    mine = next((role for role in held if role.project_id == row.project_id), None)
    invited = Role(row.role)
    if mine is None:
        await grant(ctx, row.tenant_id, user_id, invited, row.project_id)
    elif higher(Role(mine.role), invited) is not Role(mine.role):
        await change_role(ctx, row.tenant_id, mine, invited)
    event = InvitationAccepted(
        invitation_id=row.id, tenant_id=row.tenant_id, user_id=user_id, project_id=row.project_id
    )
    await ctx.emit(event, version=version or row.version, tenant_id=row.tenant_id, project_id=row.project_id)
    await forget_sessions(ctx, user_id)


@use_case(Permission.PROFILE, AuditAction.INVITATION_DECLINE, lambda command, _: command.invitation_id)
async def decline(ctx: Context, command: AnswerInvitation) -> InvitationAnswered:
    """Decline; doing so twice is allowed. Raises the same errors as `accept`."""
    row, user_id = await _lock_received(ctx, command.invitation_id)
    if row.state == "pending":
        version = await InvitationRepository(ctx.session).close(row.id, "declined", user_id, await ctx.now())
        event = InvitationDeclined(
            invitation_id=row.id, tenant_id=row.tenant_id, user_id=user_id, project_id=row.project_id
        )
        await ctx.emit(event, version=version or row.version, tenant_id=row.tenant_id, project_id=row.project_id)
    elif not (row.state == "declined" and row.closed_by == user_id):
        raise InvitationClosed(CLOSED_MESSAGES[row.state])
    ctx.changed(state=(row.state, "declined"))
    return InvitationAnswered(invitation_id=row.id, state="declined", tenant_id=row.tenant_id)


async def _lock_received(ctx: Context, invitation_id: UUID) -> tuple[Invitation, UUID]:
    """The invitation, under its organisation's lock. An unverified address is refused before anything is read, and an
    invitation to another address is not found."""
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
        raise InvitationClosed(CLOSED_MESSAGES["expired"])
    return row, ctx.actor.id


async def count_received(ctx: Context) -> int:
    """How many invitations wait for the actor's answer."""
    if ctx.actor.kind is not ActorKind.USER or ctx.actor.id is None:
        return 0
    return await InvitationRepository(ctx.session).count_received(ctx.actor.id, await ctx.now())
