"""Addresses, tabs and select options that several pages of a team share."""

from urllib.parse import urlencode

from app.domains.auth.rules.labels import role_label
from app.domains.auth.rules.team import GIVES, ORGANISATION_ROLES, PROJECT_ROLES
from app.domains.auth.service.projects import ProjectDetail
from app.shared.authz import Permission, Role
from app.shared.authz.actor import Actor
from app.shared.authz.scope import may

Tab = tuple[str, str, bool, int | None]  # label, address, whether it is open, a count
Options = tuple[tuple[str, str], ...]  # value and label


def tabs(actor: Actor, active: str, members: int | None = None) -> tuple[Tab, ...]:
    """The pages of the team that the actor may open."""
    accounts: Tab = ("Service accounts", "/team/accounts", active == "accounts", None)
    return (
        ("Members", "/team", active == "members", members),
        ("Invitations", "/team/invitations", active == "invitations", None),
        *((accounts,) if may(actor, Permission.SERVICE_ACCOUNT_MANAGE) else ()),
        ("Roles", "/team/roles", active == "roles", None),
    )


def own_role(actor: Actor) -> Role | None:
    """The actor's role in their current organisation."""
    roles = [b.role for b in actor.bindings if b.tenant_id == actor.tenant_id and b.project_id is None]
    return roles[0] if roles else None


def role_options(actor: Actor, *, of_project: bool) -> Options:
    """The roles that the actor may give."""
    role = own_role(actor)
    gives = GIVES.get(role, frozenset()) if role else frozenset()
    every = PROJECT_ROLES if of_project else ORGANISATION_ROLES
    return tuple((role.value, role_label(role)) for role in every if role in gives)


def project_options(projects: tuple[ProjectDetail, ...]) -> Options:
    """The projects of a select."""
    return tuple((str(project.id), project.name) for project in projects)


def address(path: str, filters: dict[str, str], cursor: object = None) -> str:
    """A path with its filters and cursor."""
    query = {**filters, "cursor": str(cursor)} if cursor else filters
    return f"{path}?{urlencode(query)}" if query else path


def next_address(path: str, filters: dict[str, str], cursor: object) -> str | None:
    """The address of the next page; None on the last one."""
    return address(path, filters, cursor) if cursor else None
