"""Pages of the team: members, one member, sent invitations, and the roles."""

from typing import Annotated, Literal
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from app.domains.auth.handlers.options import PROFILE_MOVES, TEAM_MANAGE, TEAM_MANAGE_MAILS, TEAM_READ
from app.domains.auth.rules.values import InvitationQuery, MemberQuery
from app.domains.auth.schemas.forms import InviteForm, RemoveForm, RoleForm, as_version
from app.domains.auth.schemas.members import InvitationsPage, MemberPage, MembersPage, RolesPage
from app.domains.auth.service import invitations, members, projects, team
from app.domains.auth.service.invitations import ResendInvitation, RevokeInvitation
from app.domains.auth.service.team import LeaveOrganisation, RemoveMember
from app.shared.context import Context
from app.web import Ctx, Form, fragment, page, redirect
from app.web.paging import Cursor, CursorText
from app.web.query import Text

StateFilter = Annotated[
    Literal["pending", "accepted", "declined", "revoked", "expired"] | None, QueryParameter(name="state")
]
PAGE = 50


async def _members(ctx: Context, q: str, cursor: str | None) -> MembersPage:
    query = MemberQuery(search=q, cursor=cursor, limit=PAGE)
    result = await members.page_members(ctx, query)
    waiting = await invitations.page_sent(ctx, InvitationQuery(state="pending", limit=20))
    return MembersPage.of(ctx.actor, result, waiting, await members.count_members(ctx), query)


@get("/team", opt=TEAM_READ)
async def list_members(ctx: Ctx, q: Text = "", cursor: CursorText = None) -> Response[str]:
    """The members and the pending invitations."""
    return await page(ctx, "auth/team.html", await _members(ctx, q, cursor))


@get("/team/now", opt=TEAM_READ)
async def list_members_now(ctx: Ctx, q: Text = "", cursor: CursorText = None) -> Response[str]:
    """The list, for live updates."""
    return await fragment(ctx, "auth/team.html", "now", await _members(ctx, q, cursor or None))


async def _member(ctx: Context, user_id: UUID) -> MemberPage:
    shown = await members.get_member(ctx, user_id)
    is_last = await members.is_last_owner(ctx, shown)
    return MemberPage.of(ctx.actor, shown, await projects.all_projects(ctx), is_last_owner=is_last)


@get("/team/members/{user_id:uuid}", opt=TEAM_READ)
async def show_member(ctx: Ctx, user_id: FromPath[UUID]) -> Response[str]:
    """One member, their roles, and forms to change them."""
    return await page(ctx, "auth/member.html", await _member(ctx, user_id))


@get("/team/members/{user_id:uuid}/now", opt=TEAM_READ)
async def show_member_now(ctx: Ctx, user_id: FromPath[UUID]) -> Response[str]:
    """The member, for live updates."""
    return await fragment(ctx, "auth/member.html", "now", await _member(ctx, user_id))


@post("/team/members/{user_id:uuid}/role", opt=TEAM_MANAGE)
async def set_role(ctx: Ctx, user_id: FromPath[UUID], data: Form[RoleForm]) -> Response[str]:
    """Give, change or remove one role."""
    await team.set_role(ctx, data.command(user_id))
    return redirect(ctx, f"/team/members/{user_id}")


@post("/team/members/{user_id:uuid}/remove", opt=TEAM_MANAGE)
async def remove_member(ctx: Ctx, user_id: FromPath[UUID], data: Form[RemoveForm]) -> Response[str]:
    """Remove a member from the organisation."""
    command = RemoveMember(user_id=user_id, confirm_email=data.confirm_name, version=as_version(data.version))
    await team.remove_member(ctx, command)
    return redirect(ctx, "/team")


@post("/team/leave", opt=PROFILE_MOVES)
async def leave(ctx: Ctx) -> Response[str]:
    """Leave the organisation; the start page then shows another one, or offers to create one."""
    await team.leave(ctx, LeaveOrganisation())
    return redirect(ctx, "/")


async def _invitations(ctx: Context, wanted: str | None, cursor: UUID | None) -> InvitationsPage:
    query = InvitationQuery(state=wanted, cursor=cursor, limit=PAGE)
    result = await invitations.page_sent(ctx, query)
    choices, days = await projects.all_projects(ctx), await invitations.invitation_days(ctx)
    return InvitationsPage.of(ctx.actor, result, query, choices, days)


@get("/team/invitations", opt=TEAM_READ)
async def sent(ctx: Ctx, wanted: StateFilter = None, cursor: Cursor = None) -> Response[str]:
    """Sent invitations, and the form for a new one."""
    return await page(ctx, "auth/invitations_sent.html", await _invitations(ctx, wanted, cursor))


@get("/team/invitations/now", opt=TEAM_READ)
async def sent_now(ctx: Ctx, wanted: StateFilter = None, cursor: Cursor = None) -> Response[str]:
    """The list, for live updates."""
    return await fragment(ctx, "auth/invitations_sent.html", "now", await _invitations(ctx, wanted, cursor))


@post("/team/invitations", opt=TEAM_MANAGE_MAILS)
async def invite(ctx: Ctx, data: Form[InviteForm]) -> Response[str]:
    """Invite an address."""
    await invitations.invite(ctx, data.command())
    return redirect(ctx, "/team/invitations")


@post("/team/invitations/{invitation_id:uuid}/resend", opt=TEAM_MANAGE_MAILS)
async def resend(ctx: Ctx, invitation_id: FromPath[UUID]) -> Response[str]:
    """Send the mail again."""
    await invitations.resend(ctx, ResendInvitation(invitation_id=invitation_id))
    return redirect(ctx, "/team/invitations")


@post("/team/invitations/{invitation_id:uuid}/revoke", opt=TEAM_MANAGE)
async def revoke(ctx: Ctx, invitation_id: FromPath[UUID]) -> Response[str]:
    """Revoke an invitation."""
    await invitations.revoke(ctx, RevokeInvitation(invitation_id=invitation_id))
    return redirect(ctx, "/team/invitations")


@get("/team/roles", opt=TEAM_READ)
async def roles(ctx: Ctx) -> Response[str]:
    """What each role may do."""
    return await page(ctx, "auth/roles.html", RolesPage.of(ctx.actor))


ROUTES = [
    list_members,
    list_members_now,
    show_member,
    show_member_now,
    set_role,
    remove_member,
    leave,
    sent,
    sent_now,
    invite,
    resend,
    revoke,
    roles,
]
