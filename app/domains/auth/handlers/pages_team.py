"""The team: members, one member, invitations that were sent, what each role may do."""

from typing import Annotated, Literal
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from app.domains.auth.contracts.team import (
    InvitationQuery,
    LeaveOrganisation,
    MemberQuery,
    RemoveMember,
    ResendInvitation,
    RevokeInvitation,
)
from app.domains.auth.rules.team import ORGANISATION_ROLES, PROJECT_ROLES
from app.domains.auth.rules.words import matrix, role_name
from app.domains.auth.schemas.forms import InviteForm, RemoveForm, RoleForm, as_version
from app.domains.auth.schemas.pages import (
    InvitationsPage,
    MemberPage,
    MembersPage,
    RolesPage,
    invitations_page,
    member_page,
    members_page,
    own_role,
    role_notes,
    tabs,
)
from app.domains.auth.service import invitations, team, team_views
from app.shared.authz import Permission
from app.shared.context import Context
from app.web import Ctx, Form, fragment, page, redirect, requires
from app.web.limits import INVITATIONS
from app.web.paging import Cursor, CursorText

READ = requires(Permission.TEAM_READ)
MANAGE = requires(Permission.TEAM_MANAGE)
SENDS = requires(Permission.TEAM_MANAGE, rate=INVITATIONS)
Search = Annotated[str, QueryParameter(max_length=100)]
StateWord = Annotated[
    Literal["pending", "accepted", "declined", "revoked", "expired"] | None, QueryParameter(name="state")
]
PAGE = 50


async def _members(ctx: Context, q: str, cursor: str | None) -> MembersPage:
    query = MemberQuery(search=q, cursor=cursor, limit=PAGE)
    found = await team.page_members(ctx, query)
    waiting = await invitations.page_sent(ctx, InvitationQuery(state="pending", limit=20))
    return members_page(ctx.actor, found, waiting, await team.count_members(ctx), query)


@get("/team", opt=READ, include_in_schema=False)
async def members(ctx: Ctx, q: Search = "", cursor: CursorText = None) -> Response[str]:
    """Everybody, and who is invited."""
    return await page(ctx, "auth/team.html", await _members(ctx, q, cursor))


@get("/team/now", opt=READ, include_in_schema=False)
async def members_now(ctx: Ctx, q: Search = "", cursor: CursorText = None) -> Response[str]:
    """The list again."""
    return await fragment(ctx, "auth/team.html", "now", await _members(ctx, q, cursor or None))


async def _member(ctx: Context, user_id: UUID) -> MemberPage:
    shown = await team.get_member(ctx, user_id)
    is_last = await team_views.is_last_owner(ctx, shown)
    return member_page(ctx.actor, shown, await team_views.all_projects(ctx), is_last_owner=is_last)


@get("/team/members/{user_id:uuid}", opt=READ, include_in_schema=False)
async def member(ctx: Ctx, user_id: FromPath[UUID]) -> Response[str]:
    """One person: their roles, and what may be done about them."""
    return await page(ctx, "auth/member.html", await _member(ctx, user_id))


@get("/team/members/{user_id:uuid}/now", opt=READ, include_in_schema=False)
async def member_now(ctx: Ctx, user_id: FromPath[UUID]) -> Response[str]:
    """What moves of it."""
    return await fragment(ctx, "auth/member.html", "now", await _member(ctx, user_id))


@post("/team/members/{user_id:uuid}/role", opt=MANAGE, include_in_schema=False)
async def set_role(ctx: Ctx, user_id: FromPath[UUID], data: Form[RoleForm]) -> Response[str]:
    """Give, change or take one role."""
    await team.set_role(ctx, data.command(user_id))
    return redirect(ctx, f"/team/members/{user_id}")


@post("/team/members/{user_id:uuid}/remove", opt=MANAGE, include_in_schema=False)
async def remove_member(ctx: Ctx, user_id: FromPath[UUID], data: Form[RemoveForm]) -> Response[str]:
    """Out of the organisation."""
    command = RemoveMember(user_id=user_id, confirm_email=data.confirm_name, version=as_version(data.version))
    await team.remove_member(ctx, command)
    return redirect(ctx, "/team")


@post("/team/leave", opt=requires(Permission.PROFILE, moves=True), include_in_schema=False)
async def leave(ctx: Ctx) -> Response[str]:
    """Go oneself; the start page then is that of another organisation, or asks for one."""
    await team.leave(ctx, LeaveOrganisation())
    return redirect(ctx, "/")


async def _invitations(ctx: Context, wanted: str | None, cursor: UUID | None) -> InvitationsPage:
    query = InvitationQuery(state=wanted, cursor=cursor, limit=PAGE)
    found = await invitations.page_sent(ctx, query)
    projects = await team_views.all_projects(ctx)
    return invitations_page(ctx.actor, found, query, projects, await team_views.invitation_days(ctx))


@get("/team/invitations", opt=READ, include_in_schema=False)
async def sent(ctx: Ctx, wanted: StateWord = None, cursor: Cursor = None) -> Response[str]:
    """What was sent, and the form for the next one."""
    return await page(ctx, "auth/invitations_sent.html", await _invitations(ctx, wanted, cursor))


@get("/team/invitations/now", opt=READ, include_in_schema=False)
async def sent_now(ctx: Ctx, wanted: StateWord = None, cursor: Cursor = None) -> Response[str]:
    """The list again."""
    return await fragment(ctx, "auth/invitations_sent.html", "now", await _invitations(ctx, wanted, cursor))


@post("/team/invitations", opt=SENDS, include_in_schema=False)
async def invite(ctx: Ctx, data: Form[InviteForm]) -> Response[str]:
    """Invite an address."""
    await invitations.invite(ctx, data.command())
    return redirect(ctx, "/team/invitations")


@post("/team/invitations/{invitation_id:uuid}/resend", opt=SENDS, include_in_schema=False)
async def resend(ctx: Ctx, invitation_id: FromPath[UUID]) -> Response[str]:
    """Mail it again."""
    await invitations.resend(ctx, ResendInvitation(invitation_id=invitation_id))
    return redirect(ctx, "/team/invitations")


@post("/team/invitations/{invitation_id:uuid}/revoke", opt=MANAGE, include_in_schema=False)
async def revoke(ctx: Ctx, invitation_id: FromPath[UUID]) -> Response[str]:
    """Take it back."""
    await invitations.revoke(ctx, RevokeInvitation(invitation_id=invitation_id))
    return redirect(ctx, "/team/invitations")


@get("/team/roles", opt=READ, include_in_schema=False)
async def roles(ctx: Ctx) -> Response[str]:
    """What each role may do, from the table that decides."""
    mine = own_role(ctx.actor)
    struct = RolesPage(
        tabs=tabs(ctx.actor, "roles"),
        organisation=role_notes(ORGANISATION_ROLES),
        project=role_notes(PROJECT_ROLES),
        rows=tuple(matrix()),
        own=role_name(mine) if mine else "",
    )
    return await page(ctx, "auth/roles.html", struct)


ROUTES = [
    members,
    members_now,
    member,
    member_now,
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
