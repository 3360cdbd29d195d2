"""The structs that the team's pages get. Their forms are in `forms`."""

from urllib.parse import urlencode
from uuid import UUID

import msgspec

from app.domains.auth.contracts.team import (
    AccountQuery,
    AccountView,
    CredentialView,
    InvitationQuery,
    InvitationView,
    MemberQuery,
    MemberView,
    OrganisationView,
    ProjectDetail,
    ReceivedInvitation,
)
from app.domains.auth.rules.team import GIVES, ORGANISATION_ROLES, PROJECT_ROLES
from app.domains.auth.rules.words import ROLE_NOTES, role_name
from app.domains.auth.schemas import ServiceAccountBody
from app.domains.auth.schemas.team import InviteBody, OrganisationBody, ProjectBody, RoleBody
from app.shared.authz import Permission, Role
from app.shared.authz.actor import Actor
from app.shared.authz.scope import may
from app.shared.paging import Slice
from app.web.show_code import ApiCall, call

Tab = tuple[str, str, bool, int | None]
Options = tuple[tuple[str, str], ...]
STATE_LOOKS = {
    "pending": ("waiting", "invited"),
    "accepted": ("active", "accepted"),
    "declined": ("ended", "declined"),
    "revoked": ("ended", "taken back"),
    "expired": ("attention", "expired"),
}


def tabs(actor: Actor, active: str, members: int | None = None) -> tuple[Tab, ...]:
    """The pages of the team that the actor may open."""
    found: list[Tab] = [
        ("Members", "/team", active == "members", members),
        ("Invitations", "/team/invitations", active == "invitations", None),
    ]
    if may(actor, Permission.SERVICE_ACCOUNT_MANAGE):
        found.append(("Service accounts", "/team/accounts", active == "accounts", None))
    return (*found, ("Roles", "/team/roles", active == "roles", None))


def own_role(actor: Actor) -> Role | None:
    """What the actor is in the organisation where they stand."""
    here = [b.role for b in actor.bindings if b.tenant_id == actor.tenant_id and b.project_id is None]
    return here[0] if here else None


def role_options(actor: Actor, *, of_project: bool) -> Options:
    """Those roles that the actor may give."""
    role = own_role(actor)
    gives = GIVES.get(role, frozenset()) if role else frozenset()
    every = PROJECT_ROLES if of_project else ORGANISATION_ROLES
    return tuple((role.value, role_name(role)) for role in every if role in gives)


def project_options(projects: tuple[ProjectDetail, ...]) -> Options:
    return tuple((str(project.id), project.name) for project in projects)


class MemberLine(msgspec.Struct, frozen=True, kw_only=True):
    member: MemberView
    role_word: str
    project_words: tuple[str, ...]
    is_self: bool


def member_line(member: MemberView, actor: Actor) -> MemberLine:
    return MemberLine(
        member=member,
        role_word=role_name(member.role) if member.role else "",
        project_words=tuple(f"{role_name(at.role)} in {at.project_name}" for at in member.projects),
        is_self=member.user_id == actor.id,
    )


class InvitationLine(msgspec.Struct, frozen=True, kw_only=True):
    invitation: InvitationView
    role_word: str
    look: tuple[str, str]
    may_send: bool
    may_revoke: bool


def invitation_line(invitation: InvitationView, actor: Actor) -> InvitationLine:
    role = own_role(actor)
    gives = role is not None and Role(invitation.role) in GIVES.get(role, frozenset())
    return InvitationLine(
        invitation=invitation,
        role_word=role_name(invitation.role),
        look=STATE_LOOKS[invitation.state],
        may_send=gives and invitation.state in ("pending", "expired"),
        may_revoke=gives and invitation.state == "pending",
    )


class MembersPage(msgspec.Struct, frozen=True, kw_only=True):
    tabs: tuple[Tab, ...]
    lines: tuple[MemberLine, ...]
    waiting: tuple[InvitationLine, ...]
    total: int
    search: str
    may_manage: bool
    next_href: str | None
    first_href: str | None
    query: str


def members_page(
    actor: Actor, found: Slice[MemberView, str], waiting: Slice[InvitationView, UUID], total: int, query: MemberQuery
) -> MembersPage:
    """Who is invited stands below the first page of everybody."""
    kept = {"q": query.search} if query.search else {}
    is_whole = not query.search and not query.cursor
    return MembersPage(
        tabs=tabs(actor, "members", total),
        lines=tuple(member_line(member, actor) for member in found.items),
        waiting=tuple(invitation_line(one, actor) for one in waiting.items) if is_whole else (),
        total=total,
        search=query.search,
        may_manage=may(actor, Permission.TEAM_MANAGE),
        next_href=address("/team", kept, found.next_cursor) if found.next_cursor else None,
        first_href=address("/team", kept) if query.cursor else None,
        query=address("", kept, query.cursor),
    )


def address(path: str, kept: dict[str, str], cursor: object = None) -> str:
    """A path with its filters, and where its page begins."""
    words = {**kept, "cursor": str(cursor)} if cursor else kept
    return f"{path}?{urlencode(words)}" if words else path


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


def invitations_page(
    actor: Actor,
    found: Slice[InvitationView, UUID],
    query: InvitationQuery,
    projects: tuple[ProjectDetail, ...],
    days: int,
) -> InvitationsPage:
    """The list, its filters and the form."""
    base = "/team/invitations"
    kept = {"state": query.state} if query.state else {}
    return InvitationsPage(
        tabs=tabs(actor, "invitations"),
        lines=tuple(invitation_line(one, actor) for one in found.items),
        chips=tuple(
            (word, base if state == query.state else f"{base}?state={state}", state == query.state)
            for state, (_, word) in STATE_LOOKS.items()
        ),
        roles=(*role_options(actor, of_project=False), *role_options(actor, of_project=True)),
        projects=project_options(projects),
        days=days,
        may_manage=may(actor, Permission.TEAM_MANAGE),
        next_href=address(base, kept, found.next_cursor) if found.next_cursor else None,
        first_href=address(base, kept) if query.cursor else None,
        query=address("", kept, query.cursor),
        call=invite_call(),
    )


def invite_call() -> ApiCall:
    body = InviteBody(email="ben@acme.example", role="tenant_member")
    return call("POST", "/api/v1/team/invitations", body, cli=("team", "invite", body.email, "--role", body.role))


class MemberPage(msgspec.Struct, frozen=True, kw_only=True):
    line: MemberLine
    roles: Options
    project_roles: Options
    projects: Options
    may_manage: bool
    why_not: str
    is_last_owner: bool
    call: ApiCall


def member_page(
    actor: Actor, member: MemberView, projects: tuple[ProjectDetail, ...], *, is_last_owner: bool
) -> MemberPage:
    """Forms for who may change this person; the reason for who may not."""
    manages = may(actor, Permission.TEAM_MANAGE)
    is_above = member.role == Role.TENANT_OWNER and own_role(actor) is not Role.TENANT_OWNER
    return MemberPage(
        line=member_line(member, actor),
        roles=role_options(actor, of_project=False),
        project_roles=role_options(actor, of_project=True),
        projects=project_options(projects),
        may_manage=manages and not is_above,
        why_not="Only an owner may change what an owner is." if manages and is_above else "",
        is_last_owner=is_last_owner,
        call=role_call(member),
    )


def role_call(member: MemberView) -> ApiCall:
    body = RoleBody(role=member.role or "tenant_member")
    words = ("team", "role", member.email, "--role", str(body.role))
    return call("PATCH", f"/api/v1/team/members/{member.user_id}", body, cli=words)


class RolesPage(msgspec.Struct, frozen=True, kw_only=True):
    tabs: tuple[Tab, ...]
    organisation: tuple[tuple[str, str], ...]
    project: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, tuple[bool, ...]], ...]
    own: str


def role_notes(roles: tuple[Role, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((role_name(role), ROLE_NOTES[role]) for role in roles)


class AccountLine(msgspec.Struct, frozen=True, kw_only=True):
    account: AccountView
    role_word: str


def account_line(account: AccountView) -> AccountLine:
    return AccountLine(account=account, role_word=role_name(account.role))


class AccountsPage(msgspec.Struct, frozen=True, kw_only=True):
    tabs: tuple[Tab, ...]
    lines: tuple[AccountLine, ...]
    roles: Options
    projects: Options
    project: str
    with_disabled: bool
    next_href: str | None
    first_href: str | None
    call: ApiCall


def accounts_page(
    actor: Actor, found: Slice[AccountView, UUID], query: AccountQuery, projects: tuple[ProjectDetail, ...]
) -> AccountsPage:
    """The list and the form."""
    kept = {"disabled": "1"} if query.disabled else {}
    return AccountsPage(
        tabs=tabs(actor, "accounts"),
        lines=tuple(account_line(account) for account in found.items),
        roles=role_options(actor, of_project=True),
        projects=project_options(projects),
        project=str(actor.project_id or ""),
        with_disabled=query.disabled,
        next_href=address("/team/accounts", kept, found.next_cursor) if found.next_cursor else None,
        first_href=address("/team/accounts", kept) if query.cursor else None,
        call=account_call(),
    )


def account_call() -> ApiCall:
    body = ServiceAccountBody(name="ci", role="project_member")
    return call("POST", "/api/v1/service-accounts", body, cli=("accounts", "add", body.name, "--role", body.role))


class AccountPage(msgspec.Struct, frozen=True, kw_only=True):
    """`secret` is there in the answer that made it, and never again."""

    line: AccountLine
    credentials: tuple[CredentialView, ...]
    people: dict[UUID, str]
    client_id: UUID | None = None
    secret: str | None = None
    already_shown: bool = False
    call: ApiCall


def credential_call(account: AccountView) -> ApiCall:
    words = ("accounts", "credential", account.name)
    return call("POST", f"/api/v1/service-accounts/{account.id}/credentials", cli=words)


class ReceivedLine(msgspec.Struct, frozen=True, kw_only=True):
    invitation: ReceivedInvitation
    role_word: str


class ReceivedPage(msgspec.Struct, frozen=True, kw_only=True):
    lines: tuple[ReceivedLine, ...]
    email: str
    is_verified: bool
    provider: str
    is_homeless: bool
    suspended: tuple[str, ...]
    suggested: str


class NewOrganisationPage(msgspec.Struct, frozen=True, kw_only=True):
    suggested: str
    zones: tuple[tuple[str, str], ...]


class OrganisationPage(msgspec.Struct, frozen=True, kw_only=True):
    organisation: OrganisationView
    projects: tuple[ProjectDetail, ...]
    zones: tuple[tuple[str, str], ...]
    current: UUID | None
    may_change: bool
    may_make: bool
    next_href: str | None
    change_call: ApiCall
    project_call: ApiCall


def organisation_page(
    actor: Actor, shown: OrganisationView, found: Slice[ProjectDetail, UUID], zones: Options
) -> OrganisationPage:
    """Settings for who may change them."""
    return OrganisationPage(
        organisation=shown,
        projects=found.items,
        zones=zones,
        current=actor.project_id,
        may_change=may(actor, Permission.TEAM_MANAGE),
        may_make=may(actor, Permission.PROJECT_MANAGE),
        next_href=address("/settings/organisation", {}, found.next_cursor) if found.next_cursor else None,
        change_call=organisation_call(shown),
        project_call=project_call(),
    )


def organisation_call(shown: OrganisationView) -> ApiCall:
    return call("PATCH", "/api/v1/organisation", OrganisationBody(name=shown.name, time_zone=shown.time_zone))


def project_call() -> ApiCall:
    body = ProjectBody(name="vision")
    return call("POST", "/api/v1/projects", body, cli=("projects", "add", body.name))
