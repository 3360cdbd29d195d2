"""Forms of the team's pages, and the structs that they get."""

from uuid import UUID

import msgspec

from app.domains.auth.contracts import CreateServiceAccount
from app.domains.auth.contracts.team import (
    AccountView,
    ChangeOrganisation,
    CredentialView,
    InvitationView,
    InviteMember,
    MemberView,
    OrganisationView,
    ProjectDetail,
    ReceivedInvitation,
    SetRole,
)
from app.domains.auth.rules.team import GIVES, ORGANISATION_ROLES, PROJECT_ROLES
from app.domains.auth.rules.words import ROLE_NOTES, role_name
from app.domains.auth.schemas import ServiceAccountBody
from app.domains.auth.schemas.team import InviteBody, OrganisationBody, ProjectBody, RoleBody
from app.shared.authz import Permission, Role
from app.shared.authz.actor import Actor
from app.shared.authz.scope import may
from app.shared.errors import ValidationFailed
from app.shared.web.show_code import ApiCall, call

Tab = tuple[str, str, bool, int | None]
Options = tuple[tuple[str, str], ...]
STATE_LOOKS = {
    "pending": ("waiting", "invited"),
    "accepted": ("active", "accepted"),
    "declined": ("ended", "declined"),
    "revoked": ("ended", "taken back"),
    "expired": ("attention", "expired"),
}


def as_id(text: str, field: str) -> UUID | None:
    """The id in a select, None when nothing is chosen. Raises ValidationFailed."""
    try:
        return UUID(text) if text else None
    except ValueError as error:
        raise ValidationFailed(fields={field: "choose one of the list"}) from error


class InviteForm(msgspec.Struct, kw_only=True):
    email: str
    role: str
    project: str = ""

    def command(self) -> InviteMember:
        """A project counts only with a project's role, which needs one."""
        of_project = self.role in {role.value for role in PROJECT_ROLES}
        project_id = as_id(self.project, "project") if of_project else None
        if of_project and project_id is None:
            raise ValidationFailed(fields={"project": "choose the project that the role is for"})
        return InviteMember(email=self.email, role=self.role, project_id=project_id)


class RoleForm(msgspec.Struct, kw_only=True):
    role: str
    project: str = ""
    version: str = ""

    def command(self, user_id: UUID) -> SetRole:
        """An empty role takes it away."""
        return SetRole(
            user_id=user_id,
            role=self.role or None,
            project_id=as_id(self.project, "project"),
            version=as_version(self.version),
        )


class RemoveForm(msgspec.Struct, kw_only=True):
    confirm_name: str
    version: str = ""


class ConfirmForm(msgspec.Struct, kw_only=True):
    confirm_name: str


class PlaceForm(msgspec.Struct, kw_only=True):
    project: str


class OrganisationForm(msgspec.Struct, kw_only=True):
    name: str
    time_zone: str = "UTC"
    version: str = ""

    def change(self) -> ChangeOrganisation:
        return ChangeOrganisation(name=self.name, time_zone=self.time_zone, version=as_version(self.version))


class ProjectForm(msgspec.Struct, kw_only=True):
    name: str
    version: str = ""


class AccountForm(msgspec.Struct, kw_only=True):
    name: str
    role: str = "project_member"
    project: str = ""

    def command(self) -> CreateServiceAccount:
        return CreateServiceAccount(name=self.name, role=self.role, project_id=as_id(self.project, "project"))


def as_version(text: str) -> int | None:
    """The version that a form was made from. Raises ValidationFailed."""
    if not text:
        return None
    if not text.isdecimal() or len(text) > 18:
        raise ValidationFailed(fields={"version": "reload the page"})
    return int(text)


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


def invite_call() -> ApiCall:
    body = InviteBody(email="ben@acme.example", role="tenant_member")
    return call("POST", "/api/v1/team/invitations", body, cli=("team", "invite", body.email, "--role", body.role))


class MemberPage(msgspec.Struct, frozen=True, kw_only=True):
    line: MemberLine
    roles: Options
    project_roles: Options
    projects: Options
    free_projects: Options
    may_manage: bool
    why_not: str
    is_last_owner: bool
    call: ApiCall


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


def organisation_call(shown: OrganisationView) -> ApiCall:
    return call("PATCH", "/api/v1/organisation", OrganisationBody(name=shown.name, time_zone=shown.time_zone))


def project_call() -> ApiCall:
    body = ProjectBody(name="vision")
    return call("POST", "/api/v1/projects", body, cli=("projects", "add", body.name))
