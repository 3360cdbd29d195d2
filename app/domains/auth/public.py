"""The public API of auth for other domains and the composition root."""

from app.domains.auth.contracts.customers import Suspended, SuspendPerson, SuspendTenant
from app.domains.auth.rules.tags import INVITATIONS, person_tag
from app.domains.auth.service import customers
from app.domains.auth.service.customers import find_people, page_customers, show_customer, show_person
from app.domains.auth.service.directory import (
    find_person_by_mail,
    names_of,
    people,
    people_of_project,
    posix_identity,
    project,
    role_holders,
    same_people,
    tenant,
    time_zones,
    verified_addresses,
)
from app.domains.auth.service.invitation_lifecycle import invitation_mails
from app.domains.auth.service.received_invitations import count_received as invitations_waiting
from app.domains.auth.service.rights import check as check_right
from app.domains.auth.service.rights import check_person
from app.domains.auth.service.rights import endings as rights_ended
from app.domains.auth.service.sessions import actor_of_cookie, session_tenants
from app.domains.auth.service.tokens import actor_of_bearer
from app.domains.auth.service.view_as import start_view, view_as_minutes, view_banner
from app.domains.auth.service.workspaces import list_workspaces
from app.shared.approval import Outcome
from app.shared.authz import Actor
from app.shared.authz.actor import ANONYMOUS
from app.shared.context import Context, Runtime

__all__ = [
    "INVITATIONS",
    "check_person",
    "check_right",
    "find_people",
    "find_person_by_mail",
    "invitation_mails",
    "invitations_waiting",
    "list_workspaces",
    "names_of",
    "page_customers",
    "people",
    "people_of_project",
    "person_tag",
    "posix_identity",
    "project",
    "resolve_actor",
    "rights_ended",
    "role_holders",
    "same_people",
    "session_tenants",
    "show_customer",
    "show_person",
    "start_view",
    "suspend_person",
    "suspend_tenant",
    "tenant",
    "time_zones",
    "verified_addresses",
    "view_as_minutes",
    "view_banner",
]


async def resolve_actor(runtime: Runtime, session_cookie: str | None, bearer: str | None) -> Actor:
    """The actor of a request. A bearer token takes precedence over a cookie. An invalid token is refused with
    TokenInvalid; an invalid cookie makes the request anonymous."""
    if bearer is not None:
        return await actor_of_bearer(runtime, bearer)
    if session_cookie is not None:
        return await actor_of_cookie(runtime, session_cookie)
    return ANONYMOUS


async def suspend_tenant(ctx: Context, command: SuspendTenant) -> Suspended:
    """Suspend an organisation or resume it. Raises NotFound, ValidationFailed."""
    use_case = customers.suspend_tenant if command.suspend else customers.resume_tenant
    return await use_case(ctx, command)


async def suspend_person(ctx: Context, command: SuspendPerson) -> Outcome[Suspended]:
    """Suspend a person or resume them; for an operator this needs a second person. Raises NotFound, ValidationFailed,
    Forbidden."""
    use_case = customers.suspend_person if command.suspend else customers.resume_person
    return await use_case(ctx, command)
