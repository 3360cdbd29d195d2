"""What becomes of an invitation after it was sent: its mail, its expiry, and a sender who loses the right to invite."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from app.domains.auth.contracts import InvitationId, InvitationMail
from app.domains.auth.events import InvitationExpired
from app.domains.auth.models import Invitation
from app.domains.auth.repository import InvitationRepository
from app.domains.auth.rules.labels import role_label
from app.domains.auth.rules.team import Change, refusal
from app.domains.auth.service import rights
from app.shared.authz import Permission, Role, RoleBinding
from app.shared.authz.rights import Claim
from app.shared.context import Context
from app.shared.ids import TenantId

PATH = "/invitations"


CLOSED_MESSAGES = {
    "accepted": "This invitation has already been accepted.",
    "declined": "This invitation was declined.",
    "revoked": "This invitation was revoked.",
    "expired": "This invitation has expired. Ask for it to be sent again.",
    "void": "The sender of this invitation can no longer invite people. Ask an admin there for a new one.",
}


BATCH = 200


async def inviters_ended(ctx: Context, rows: Sequence[Invitation]) -> list[Invitation]:
    """Those of the invitations whose sender could not send them now: they may no longer invite, or no longer give the
    role."""
    claims = {row.id: _inviter(row) for row in rows}
    ended = await rights.endings(ctx, claims.values())
    roles = await rights.roles_of(ctx, {row.invited_by for row in rows})
    return [row for row in rows if claims[row.id] in ended or not _may_give(row, roles[row.invited_by])]


def _inviter(row: Invitation) -> Claim:
    return Claim(principal_id=row.invited_by, permission=Permission.TEAM_MANAGE, tenant_id=row.tenant_id)


def _may_give(row: Invitation, held: Sequence[RoleBinding]) -> bool:
    present = next((one.role for one in held if (one.tenant_id, one.project_id) == (row.tenant_id, None)), None)
    return refusal(Change(actor_role=present, holder_role=None, before=None, after=Role(row.role), owners=1)) is None


async def invitation_mails(ctx: Context, ids: Iterable[UUID]) -> dict[UUID, InvitationMail]:
    """The content of the mail about each invitation; unknown ids are absent."""
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
            role_label=role_label(row.role),
            invited_by_name=row.invited_by_name,
            expires_at=row.expires_at,
            time_zone=row.time_zone,
            path=PATH,
            is_open=row.is_open,
        )
        for row in rows
    }


async def list_due(ctx: Context) -> list[UUID]:
    """Pending invitations past their expiry, at most 200."""
    return await InvitationRepository(ctx.session).list_due(await ctx.now(), BATCH)


async def expire(ctx: Context, invitation_id: UUID) -> bool:
    """Expire one invitation. False when it was answered or closed, or is locked by another transaction."""
    repository, now = InvitationRepository(ctx.session), await ctx.now()
    row = await repository.lock_due(invitation_id, now)
    if row is None:
        return False
    version = await repository.close(row.id, "expired", None, now)
    event = InvitationExpired(invitation_id=row.id, tenant_id=row.tenant_id, project_id=row.project_id)
    await ctx.emit(event, version=version or 1, tenant_id=row.tenant_id, project_id=row.project_id)
    return True
