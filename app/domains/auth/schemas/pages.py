"""Page structs of sign-in, sessions, service accounts, received invitations and organisations."""

from uuid import UUID

import msgspec

from app.domains.auth.rules import organisation_name
from app.domains.auth.rules.labels import role_label
from app.domains.auth.rules.names import time_zones
from app.domains.auth.rules.values import AccountQuery
from app.domains.auth.schemas.forms import AuthorizeForm
from app.domains.auth.schemas.links import Options, Tab, address, next_address, project_options, role_options, tabs
from app.domains.auth.schemas.rest import OrganisationBody, ProjectBody, ServiceAccountBody
from app.domains.auth.service.accounts import AccountView, CredentialCreated, CredentialView
from app.domains.auth.service.organisations import OrganisationView
from app.domains.auth.service.programs import WorkspaceNames
from app.domains.auth.service.projects import ProjectDetail
from app.domains.auth.service.received_invitations import ReceivedInvitation
from app.domains.auth.service.sessions import SessionView
from app.shared.authz import Permission
from app.shared.authz.actor import Actor
from app.shared.authz.scope import may
from app.shared.paging import Slice
from app.web.show_code import ApiCall, call

SESSION_METHODS = {
    "oidc": "identity provider",
    "internal": "internal login of development",
    "cli": "command line",
}


class LoginPage(msgspec.Struct, frozen=True, kw_only=True):
    """`internal`: key and name of each person of the development login."""

    provider: str
    next_path: str
    signed_out: bool
    session_ended: bool
    internal: list[tuple[str, str]]


class FarewellPage(msgspec.Struct, frozen=True, kw_only=True):
    """Continues to the provider by itself. It is no redirect, because the policy's `form-action` would apply to it."""

    provider: str
    href: str


class SessionLine(msgspec.Struct, frozen=True, kw_only=True):
    session: SessionView
    method: str


class SessionsPage(msgspec.Struct, frozen=True, kw_only=True):
    lines: tuple[SessionLine, ...]

    @classmethod
    def of(cls, sessions: list[SessionView]) -> "SessionsPage":
        return cls(
            lines=tuple(
                SessionLine(session=one, method=SESSION_METHODS.get(one.method, one.method)) for one in sessions
            )
        )


class AuthorizePage(msgspec.Struct, frozen=True, kw_only=True):
    """The consent page of the command line."""

    request: AuthorizeForm
    tenant_name: str
    project_name: str
    deny_href: str
    days: int

    @classmethod
    def of(cls, request: AuthorizeForm, names: WorkspaceNames, deny_href: str, days: int) -> "AuthorizePage":
        return cls(
            request=request,
            tenant_name=names.tenant_name,
            project_name=names.project_name,
            deny_href=deny_href,
            days=days,
        )


class AccountLine(msgspec.Struct, frozen=True, kw_only=True):
    account: AccountView
    role_label: str

    @classmethod
    def of(cls, account: AccountView) -> "AccountLine":
        return cls(account=account, role_label=role_label(account.role))


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

    @classmethod
    def of(
        cls,
        actor: Actor,
        accounts: Slice[AccountView, UUID],
        query: AccountQuery,
        projects: tuple[ProjectDetail, ...],
    ) -> "AccountsPage":
        filters = {"disabled": "1"} if query.disabled else {}
        body = ServiceAccountBody(name="ci", role="project_member")
        argv = ("accounts", "add", body.name, "--role", body.role)
        return cls(
            tabs=tabs(actor, "accounts"),
            lines=tuple(AccountLine.of(account) for account in accounts.items),
            roles=role_options(actor, of_project=True),
            projects=project_options(projects),
            project=str(actor.project_id or ""),
            with_disabled=query.disabled,
            next_href=next_address("/team/accounts", filters, accounts.next_cursor),
            first_href=address("/team/accounts", filters) if query.cursor else None,
            call=call("POST", "/api/v1/service-accounts", body, cli=argv),
        )


class AccountPage(msgspec.Struct, frozen=True, kw_only=True):
    """`secret` is present only in the response that created it."""

    line: AccountLine
    credentials: tuple[CredentialView, ...]
    people: dict[UUID, str]
    client_id: UUID | None = None
    secret: str | None = None
    already_shown: bool = False
    call: ApiCall

    @classmethod
    def of(
        cls,
        account: AccountView,
        credentials: tuple[CredentialView, ...],
        people: dict[UUID, str],
        created: CredentialCreated | None = None,
        secret: str | None = None,
    ) -> "AccountPage":
        argv = ("accounts", "credential", account.name)
        return cls(
            line=AccountLine.of(account),
            credentials=credentials,
            people=people,
            client_id=created.client_id if created else None,
            secret=secret,
            already_shown=created is not None and secret is None,
            call=call("POST", f"/api/v1/service-accounts/{account.id}/credentials", cli=argv),
        )


class ReceivedLine(msgspec.Struct, frozen=True, kw_only=True):
    invitation: ReceivedInvitation
    role_label: str


class ReceivedPage(msgspec.Struct, frozen=True, kw_only=True):
    """`is_homeless`: the person is in no organisation, and may create one here."""

    lines: tuple[ReceivedLine, ...]
    email: str
    is_verified: bool
    provider: str
    is_homeless: bool
    suspended: tuple[str, ...]
    suggested: str

    @classmethod
    def of(
        cls,
        actor: Actor,
        received: tuple[ReceivedInvitation, ...],
        own_address: tuple[str, bool],
        provider: str,
        suspended: tuple[str, ...],
    ) -> "ReceivedPage":
        return cls(
            lines=tuple(ReceivedLine(invitation=one, role_label=role_label(one.role)) for one in received),
            email=own_address[0],
            is_verified=own_address[1],
            provider=provider,
            is_homeless=actor.tenant_id is None and not may(actor, Permission.PLATFORM_CONSOLE),
            suspended=suspended,
            suggested=organisation_name(actor.name),
        )


class NewOrganisationPage(msgspec.Struct, frozen=True, kw_only=True):
    suggested: str
    zones: Options

    @classmethod
    def of(cls, actor: Actor) -> "NewOrganisationPage":
        return cls(suggested=organisation_name(actor.name), zones=time_zones())


class OrganisationPage(msgspec.Struct, frozen=True, kw_only=True):
    organisation: OrganisationView
    projects: tuple[ProjectDetail, ...]
    zones: Options
    current: UUID | None
    may_change: bool
    may_make: bool
    next_href: str | None
    change_call: ApiCall
    project_call: ApiCall

    @classmethod
    def of(
        cls, actor: Actor, organisation: OrganisationView, projects: Slice[ProjectDetail, UUID]
    ) -> "OrganisationPage":
        body = OrganisationBody(name=organisation.name, time_zone=organisation.time_zone)
        project = ProjectBody(name="vision")
        return cls(
            organisation=organisation,
            projects=projects.items,
            zones=time_zones(),
            current=actor.project_id,
            may_change=may(actor, Permission.TEAM_MANAGE),
            may_make=may(actor, Permission.PROJECT_MANAGE),
            next_href=next_address("/settings/organisation", {}, projects.next_cursor),
            change_call=call("PATCH", "/api/v1/organisation", body),
            project_call=call("POST", "/api/v1/projects", project, cli=("projects", "add", project.name)),
        )
