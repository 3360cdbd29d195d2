"""Page structs of members, invitations and roles."""

from uuid import UUID

import msgspec

from app.domains.auth.rules.labels import ROLE_DESCRIPTIONS, matrix, role_label
from app.domains.auth.rules.team import GIVES, ORGANISATION_ROLES, PROJECT_ROLES
from app.domains.auth.rules.values import InvitationQuery, MemberQuery
from app.domains.auth.schemas.links import (
    Options,
    Tab,
    address,
    next_address,
    own_role,
    project_options,
    role_options,
    tabs,
)
from app.domains.auth.schemas.rest import InviteBody, RoleBody
from app.domains.auth.service.invitations import InvitationView
from app.domains.auth.service.members import MemberView
from app.domains.auth.service.projects import ProjectDetail
from app.shared.authz import Permission, Role
from app.shared.authz.actor import Actor
from app.shared.authz.scope import may
from app.shared.paging import Slice
from app.web.show_code import ApiCall, call

STATE_LOOKS = {
    "pending": ("waiting", "Pending"),
    "accepted": ("active", "Accepted"),
    "declined": ("ended", "Declined"),
    "revoked": ("ended", "Revoked"),
    "expired": ("attention", "Expired"),
}


class MemberLine(msgspec.Struct, frozen=True, kw_only=True):
    member: MemberView
    role_label: str
    project_labels: tuple[str, ...]
    is_self: bool

    @classmethod
    def of(cls, member: MemberView, actor: Actor) -> "MemberLine":
        return cls(
            member=member,
            role_label=role_label(member.role) if member.role else "",
            project_labels=tuple(f"{role_label(at.role)} in {at.project_name}" for at in member.projects),
            is_self=member.user_id == actor.id,
        )


class InvitationLine(msgspec.Struct, frozen=True, kw_only=True):
    """`look` is the state's shape and label."""

    invitation: InvitationView
    role_label: str
    look: tuple[str, str]
    may_send: bool
    may_revoke: bool

    @classmethod
    def of(cls, invitation: InvitationView, actor: Actor) -> "InvitationLine":
        role = own_role(actor)
        gives = role is not None and Role(invitation.role) in GIVES.get(role, frozenset())
        return cls(
            invitation=invitation,
            role_label=role_label(invitation.role),
            look=STATE_LOOKS[invitation.state],
            may_send=gives and invitation.state in ("pending", "expired"),
            may_revoke=gives and invitation.state == "pending",
        )


class MembersPage(msgspec.Struct, frozen=True, kw_only=True):
    """`waiting` holds pending invitations, below the first page of all members only."""

    tabs: tuple[Tab, ...]
    lines: tuple[MemberLine, ...]
    waiting: tuple[InvitationLine, ...]
    total: int
    search: str
    may_manage: bool
    next_href: str | None
    first_href: str | None
    query: str

    @classmethod
    def of(
        cls,
        actor: Actor,
        members: Slice[MemberView, str],
        waiting: Slice[InvitationView, UUID],
        total: int,
        query: MemberQuery,
    ) -> "MembersPage":
        filters = {"q": query.search} if query.search else {}
        is_whole = not query.search and not query.cursor
        return cls(
            tabs=tabs(actor, "members", total),
            lines=tuple(MemberLine.of(member, actor) for member in members.items),
            waiting=tuple(InvitationLine.of(one, actor) for one in waiting.items) if is_whole else (),
            total=total,
            search=query.search,
            may_manage=may(actor, Permission.TEAM_MANAGE),
            next_href=next_address("/team", filters, members.next_cursor),
            first_href=address("/team", filters) if query.cursor else None,
            query=address("", filters, query.cursor),
        )


class MemberPage(msgspec.Struct, frozen=True, kw_only=True):
    """`why_not` says why the actor may not change this member although they manage the team."""

    line: MemberLine
    roles: Options
    project_roles: Options
    projects: Options
    may_manage: bool
    why_not: str
    is_last_owner: bool
    call: ApiCall

    @classmethod
    def of(
        cls, actor: Actor, member: MemberView, projects: tuple[ProjectDetail, ...], *, is_last_owner: bool
    ) -> "MemberPage":
        manages = may(actor, Permission.TEAM_MANAGE)
        is_above = member.role == Role.TENANT_OWNER and own_role(actor) is not Role.TENANT_OWNER
        body = RoleBody(role=member.role or "tenant_member")
        argv = ("team", "role", member.email, "--role", str(body.role))
        return cls(
            line=MemberLine.of(member, actor),
            roles=role_options(actor, of_project=False),
            project_roles=role_options(actor, of_project=True),
            projects=project_options(projects),
            may_manage=manages and not is_above,
            why_not="Only an owner may change the role of an owner." if manages and is_above else "",
            is_last_owner=is_last_owner,
            call=call("PATCH", f"/api/v1/team/members/{member.user_id}", body, cli=argv),
        )


class InvitationsPage(msgspec.Struct, frozen=True, kw_only=True):
    tabs: tuple[Tab, ...]
    lines: tuple[InvitationLine, ...]
    chips: tuple[tuple[str, str, bool], ...]
    roles: Options
    projects: Options
    days: int
    may_manage: bool
    next_href: str | None
    first_href: str | None
    query: str
    call: ApiCall

    @classmethod
    def of(
        cls,
        actor: Actor,
        invitations: Slice[InvitationView, UUID],
        query: InvitationQuery,
        projects: tuple[ProjectDetail, ...],
        days: int,
    ) -> "InvitationsPage":
        base = "/team/invitations"
        filters = {"state": query.state} if query.state else {}
        body = InviteBody(email="ben@acme.example", role="tenant_member")
        argv = ("team", "invite", body.email, "--role", body.role)
        return cls(
            tabs=tabs(actor, "invitations"),
            lines=tuple(InvitationLine.of(one, actor) for one in invitations.items),
            chips=tuple(
                (label, base if state == query.state else f"{base}?state={state}", state == query.state)
                for state, (_, label) in STATE_LOOKS.items()
            ),
            roles=(*role_options(actor, of_project=False), *role_options(actor, of_project=True)),
            projects=project_options(projects),
            days=days,
            may_manage=may(actor, Permission.TEAM_MANAGE),
            next_href=next_address(base, filters, invitations.next_cursor),
            first_href=address(base, filters) if query.cursor else None,
            query=address("", filters, query.cursor),
            call=call("POST", "/api/v1/team/invitations", body, cli=argv),
        )


class RolesPage(msgspec.Struct, frozen=True, kw_only=True):
    """`rows` has one entry per permission: its label, and for each role whether it is granted."""

    tabs: tuple[Tab, ...]
    organisation: tuple[tuple[str, str], ...]
    project: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, tuple[bool, ...]], ...]
    own: str

    @classmethod
    def of(cls, actor: Actor) -> "RolesPage":
        own = own_role(actor)
        return cls(
            tabs=tabs(actor, "roles"),
            organisation=_descriptions(ORGANISATION_ROLES),
            project=_descriptions(PROJECT_ROLES),
            rows=tuple(matrix()),
            own=role_label(own) if own else "",
        )


def _descriptions(roles: tuple[Role, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((role_label(role), ROLE_DESCRIPTIONS[role]) for role in roles)
