"""API of members and invitations."""

from typing import Annotated, Literal
from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, QueryParameter

from app.domains.auth.handlers.options import PROFILE, PROFILE_MOVES, TEAM_MANAGE, TEAM_MANAGE_MAILS, TEAM_READ
from app.domains.auth.rules.values import InvitationQuery, MemberQuery
from app.domains.auth.schemas.rest import InvitationsAnswer, InviteBody, MembersAnswer, ReceivedAnswer, RoleBody
from app.domains.auth.service import invitations, members, received_invitations, team
from app.domains.auth.service.invitations import (
    InvitationView,
    InviteMember,
    ResendInvitation,
    RevokeInvitation,
)
from app.domains.auth.service.members import MemberView
from app.domains.auth.service.received_invitations import AnswerInvitation, InvitationAnswered
from app.domains.auth.service.team import LeaveOrganisation, MemberChanged, RemoveMember, SetRole
from app.shared.authz import Role
from app.web import Ctx, Json
from app.web.etag import IfMatch, seen_version, tagged
from app.web.paging import Cursor, CursorText, Limit

AGAIN = {
    200: ResponseSpec(
        InvitationView, generate_examples=False, description="The address already has a pending invitation"
    )
}
RoleFilter = Annotated[Role | None, QueryParameter(description="only members with this role")]
ProjectFilter = Annotated[UUID | None, QueryParameter(description="only members with a role in this project")]
Search = Annotated[str, QueryParameter(max_length=100, description="part of the name or e-mail address")]
StateFilter = Annotated[
    Literal["pending", "accepted", "declined", "revoked", "expired"] | None,
    QueryParameter(name="state", description="only invitations in this state"),
]


@get("/team/members", opt=TEAM_READ)
async def list_members(
    ctx: Ctx,
    role: RoleFilter = None,
    project_id: ProjectFilter = None,
    q: Search = "",
    cursor: CursorText = None,
    limit: Limit = 50,
) -> MembersAnswer:
    """List the members of the organisation with their roles, by name."""
    query = MemberQuery(
        role=None if role is None else role.value, project_id=project_id, search=q, cursor=cursor, limit=limit
    )
    result = await members.page_members(ctx, query)
    return MembersAnswer(items=list(result.items), next_cursor=result.next_cursor)


@get("/team/members/{user_id:uuid}", opt=TEAM_READ)
async def get_member(ctx: Ctx, user_id: FromPath[UUID]) -> Response[MemberView]:
    """Get a member; the `ETag` identifies their roles."""
    member = await members.get_member(ctx, user_id)
    return tagged(member, member.version)


@patch("/team/members/{user_id:uuid}", opt=TEAM_MANAGE)
async def set_role(
    ctx: Ctx, user_id: FromPath[UUID], data: Json[RoleBody], if_match: IfMatch = None
) -> Response[MemberView]:
    """Give, change or remove one role, in the organisation or in a project."""
    command = SetRole(user_id=user_id, role=data.role, project_id=data.project_id, version=seen_version(if_match))
    await team.set_role(ctx, command)
    member = await members.get_member(ctx, user_id)
    return tagged(member, member.version)


@delete("/team/members/{user_id:uuid}", opt=TEAM_MANAGE, status_code=200)
async def remove_member(ctx: Ctx, user_id: FromPath[UUID], if_match: IfMatch = None) -> MemberChanged:
    """Remove a member. Their tokens and terminals here end within five seconds; their machines keep running."""
    return await team.remove_member(ctx, RemoveMember(user_id=user_id, version=seen_version(if_match)))


@post("/team/leave", opt=PROFILE_MOVES, status_code=200)
async def leave(ctx: Ctx) -> MemberChanged:
    """Leave the organisation."""
    return await team.leave(ctx, LeaveOrganisation())


@get("/team/invitations", opt=TEAM_READ)
async def list_invitations(
    ctx: Ctx, wanted: StateFilter = None, cursor: Cursor = None, limit: Limit = 50
) -> InvitationsAnswer:
    """List the invitations that the organisation sent, newest first."""
    result = await invitations.page_sent(ctx, InvitationQuery(state=wanted, cursor=cursor, limit=limit))
    return InvitationsAnswer(items=list(result.items), next_cursor=result.next_cursor)


@get("/team/invitations/{invitation_id:uuid}", opt=TEAM_READ)
async def get_invitation(ctx: Ctx, invitation_id: FromPath[UUID]) -> InvitationView:
    """Get an invitation."""
    return await invitations.get_sent(ctx, invitation_id)


@post("/team/invitations", opt=TEAM_MANAGE_MAILS, responses=AGAIN)
async def invite(ctx: Ctx, data: Json[InviteBody]) -> Response[InvitationView]:
    """Invite an e-mail address (201). An address with a pending invitation gets that invitation (200)."""
    command = InviteMember(email=data.email, role=data.role, project_id=data.project_id)
    invited = await invitations.invite(ctx, command)
    shown = await invitations.get_sent(ctx, invited.invitation_id)
    return Response(shown, status_code=201 if invited.is_new else 200)


@post("/team/invitations/{invitation_id:uuid}/resend", opt=TEAM_MANAGE_MAILS, status_code=200)
async def resend(ctx: Ctx, invitation_id: FromPath[UUID]) -> InvitationView:
    """Send the mail again, with a new expiry."""
    command = ResendInvitation(invitation_id=invitation_id)
    sent = await invitations.resend(ctx, command)
    return await invitations.get_sent(ctx, sent.invitation_id)


@delete("/team/invitations/{invitation_id:uuid}", opt=TEAM_MANAGE, status_code=200)
async def revoke(ctx: Ctx, invitation_id: FromPath[UUID]) -> InvitationView:
    """Revoke an invitation."""
    await invitations.revoke(ctx, RevokeInvitation(invitation_id=invitation_id))
    return await invitations.get_sent(ctx, invitation_id)


@get("/invitations", opt=PROFILE)
async def list_received(ctx: Ctx, cursor: Cursor = None, limit: Limit = 50) -> ReceivedAnswer:
    """List pending invitations to the caller's verified address, newest first."""
    result = await received_invitations.page_received(ctx, cursor, limit)
    return ReceivedAnswer(items=list(result.items), next_cursor=result.next_cursor)


@post("/invitations/{invitation_id:uuid}/accept", opt=PROFILE_MOVES, status_code=200)
async def accept(ctx: Ctx, invitation_id: FromPath[UUID]) -> InvitationAnswered:
    """Accept an invitation."""
    return await received_invitations.accept(ctx, AnswerInvitation(invitation_id=invitation_id))


@post("/invitations/{invitation_id:uuid}/decline", opt=PROFILE, status_code=200)
async def decline(ctx: Ctx, invitation_id: FromPath[UUID]) -> InvitationAnswered:
    """Decline an invitation."""
    return await received_invitations.decline(ctx, AnswerInvitation(invitation_id=invitation_id))


ROUTES = [
    list_members,
    get_member,
    set_role,
    remove_member,
    leave,
    list_invitations,
    get_invitation,
    invite,
    resend,
    revoke,
    list_received,
    accept,
    decline,
]
