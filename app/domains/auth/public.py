"""What other domains and the composition root may ask of identity."""

from collections.abc import Iterable
from uuid import UUID

from app.domains.auth.contracts import PersonView, PosixIdentity, ProjectView, RoleHolder, TenantView
from app.domains.auth.contracts.customers import (
    CustomerDetail,
    CustomerRow,
    CustomerSearch,
    PersonDetail,
    PersonRow,
    StartView,
    Suspended,
    SuspendPerson,
    SuspendTenant,
    ViewBanner,
    ViewStarted,
)
from app.domains.auth.contracts.team import InvitationMail, PlaceView
from app.domains.auth.policies import VIEW_AS_MINUTES
from app.domains.auth.repository import AuthRepository
from app.domains.auth.repository.customers import CustomerRepository
from app.domains.auth.repository.holders import list_holders, list_verified
from app.domains.auth.service import customers, invitations, places, rights, views
from app.domains.auth.service.sessions import actor_of_cookie, cache_key
from app.domains.auth.service.tokens import actor_of_bearer
from app.shared.approval import Outcome
from app.shared.authz import Actor, Permission, Role, platform_scope
from app.shared.authz.actor import ANONYMOUS
from app.shared.authz.rights import Claim, Ended
from app.shared.context import Context, Runtime
from app.shared.crypto import digest
from app.shared.errors import NotFound
from app.shared.ids import ProjectId, TenantId, UserId
from app.shared.paging import Slice


async def resolve_actor(runtime: Runtime, session_cookie: str | None, bearer: str | None) -> Actor:
    """Who a request comes from. A bearer token wins over a cookie; a bad one is refused, a bad cookie is nobody."""
    if bearer is not None:
        return await actor_of_bearer(runtime, bearer)
    if session_cookie is not None:
        return await actor_of_cookie(runtime, session_cookie)
    return ANONYMOUS


async def live_sessions(ctx: Context, session_ids: Iterable[UUID]) -> set[UUID]:
    """Which of these browser sessions are neither ended nor expired, read from the database in one query."""
    return {row.id for row in await AuthRepository(ctx.session).list_live_sessions(list(session_ids))}


async def session_places(ctx: Context, session_ids: Iterable[UUID]) -> dict[UUID, UUID | None]:
    """As `live_sessions`, each with the organisation that it stands in now."""
    rows = await AuthRepository(ctx.session).list_live_sessions(list(session_ids))
    return {row.id: row.tenant_id for row in rows}


async def people(ctx: Context, user_ids: Iterable[UUID]) -> dict[UUID, PersonView]:
    """Names for ids; who was erased is absent."""
    rows = await AuthRepository(ctx.session).list_people(list(user_ids))
    return {row.id: PersonView(id=UserId(row.id), name=row.name, email=row.email) for row in rows}


async def role_holders(ctx: Context, tenant_id: UUID) -> list[RoleHolder]:
    """Everybody who holds a role in the organisation, once per role; who is suspended is absent."""
    rows = await list_holders(ctx.session, tenant_id)
    return [RoleHolder(user_id=UserId(row.user_id), role=Role(row.role), project_id=row.project_id) for row in rows]


async def people_of_project(ctx: Context, tenant_id: UUID, project_id: UUID) -> list[PersonView]:
    """Everybody with a role there, by name: the caller has checked who may see them."""
    rows = await AuthRepository(ctx.session).list_people_of_project(tenant_id, project_id)
    return [PersonView(id=UserId(row.id), name=row.name, email=row.email) for row in rows]


async def verified_addresses(ctx: Context, user_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Where mail may go: addresses that the identity provider has verified; who has none is absent."""
    return {row.id: row.email for row in await list_verified(ctx.session, list(user_ids))}


async def posix_identity(ctx: Context, user_id: UUID) -> PosixIdentity:
    """The login on machines. A service account launches as `svc` with the first uid below people's."""
    row = await AuthRepository(ctx.session).find_posix(user_id)
    if row is None:
        return PosixIdentity(login="svc", uid=20_000, name="Service account")
    return PosixIdentity(login=row.login, uid=row.uid, name=row.name)


async def tenant(ctx: Context, tenant_id: UUID) -> TenantView:
    """Raises NotFound."""
    rows = await AuthRepository(ctx.session).list_tenants([tenant_id])
    if not rows:
        raise NotFound()
    row = rows[0]
    return TenantView(id=TenantId(row.id), name=row.name, currency=row.currency, time_zone=row.time_zone)


async def project(ctx: Context, project_id: UUID) -> ProjectView:
    """Raises NotFound."""
    rows = await AuthRepository(ctx.session).list_projects([project_id])
    if not rows:
        raise NotFound()
    return ProjectView(id=ProjectId(rows[0].id), tenant_id=TenantId(rows[0].tenant_id), name=rows[0].name)


async def places_of(ctx: Context) -> list[PlaceView]:
    """Every project that the actor may stand in, with its organisation."""
    return await places.list_places(ctx)


async def invitations_waiting(ctx: Context) -> int:
    """How many invitations wait for the actor's answer."""
    return await places.count_received(ctx)


async def invitation_mails(ctx: Context, invitation_ids: Iterable[UUID]) -> dict[UUID, InvitationMail]:
    """What a mail about each invitation says, for whoever sends it. Ids that do not exist are absent."""
    return await invitations.mails(ctx, invitation_ids)


async def rights_ended(ctx: Context, claims: Iterable[Claim]) -> dict[Claim, Ended]:
    """May these principals do that to these things, now? Those of the claims that do not hold, each with why."""
    return await rights.endings(ctx, claims)


async def check_right(ctx: Context, *claims: Claim) -> None:
    """Asked before somebody is given what lasts: read from the database, whatever a cache says. Raises RightEnded."""
    await rights.check(ctx, *claims)


async def check_person(ctx: Context, permission: Permission, tenant_id: UUID) -> None:
    """The same of the actor, about what outlives their sign-in. Raises RightEnded, Forbidden."""
    await rights.check_person(ctx, permission, tenant_id)


async def names_of(ctx: Context, ids: Iterable[UUID]) -> dict[UUID, str]:
    """Names of people, service accounts, organisations and projects, for display; who was erased is absent. The caller
    has checked that whoever asks may see the ids."""
    wanted = list(set(ids))
    return await CustomerRepository(ctx.session).list_names(wanted) if wanted else {}


async def same_people(ctx: Context, user_id: UUID) -> frozenset[UUID]:
    """All accounts of one person, as far as it can be known: those with the same verified address. Holds `user_id`."""
    return frozenset({user_id, *await CustomerRepository(ctx.session).list_same(user_id)})


async def find_person_by_mail(ctx: Context, email: str) -> UUID | None:
    """The person with that address, for an operator's search."""
    scope = platform_scope(ctx.actor, Permission.PLATFORM_AUDIT_READ)
    return await CustomerRepository(ctx.session).find_by_mail(scope, email)


async def page_customers(
    ctx: Context, wanted: CustomerSearch, cursor: UUID | None, limit: int
) -> Slice[CustomerRow, UUID]:
    """Organisations that fit, the newest first, for operators."""
    return await customers.page_customers(ctx, wanted, cursor, limit)


async def find_people(ctx: Context, word: str) -> list[PersonRow]:
    """People by a part of their name or address, or by id, for operators."""
    return await customers.find_people(ctx, word)


async def show_customer(ctx: Context, tenant_id: UUID) -> CustomerDetail:
    """An organisation with its people and projects. Raises NotFound."""
    return await customers.show_customer(ctx, tenant_id)


async def show_person(ctx: Context, user_id: UUID) -> PersonDetail:
    """A person with the organisations that they belong to. Raises NotFound."""
    return await customers.show_person(ctx, user_id)


async def suspend_tenant(ctx: Context, command: SuspendTenant) -> Suspended:
    """Close an organisation or open it again. Raises NotFound, ValidationFailed."""
    use_case = customers.suspend_tenant if command.suspend else customers.resume_tenant
    return await use_case(ctx, command)


async def suspend_person(ctx: Context, command: SuspendPerson) -> Outcome[Suspended]:
    """Shut a person out or let them in again; an operator only by two people. Raises NotFound, ValidationFailed,
    Forbidden."""
    use_case = customers.suspend_person if command.suspend else customers.resume_person
    return await use_case(ctx, command)


async def start_view(ctx: Context, command: StartView) -> ViewStarted:
    """Let the actor's browser look at an organisation, read-only. Raises NotFound, ValidationFailed, Forbidden."""
    return await views.start_view(ctx, command)


async def view_as_minutes(ctx: Context) -> int:
    """How long a view lasts, by policy."""
    return await ctx.policy(VIEW_AS_MINUTES)


async def forget_session(runtime: Runtime, cookie: str) -> None:
    """Read anew who a cookie stands for, after its session has changed and the change has committed."""
    await views.forget(runtime, [cache_key(digest(cookie))])


async def view_banner(ctx: Context) -> ViewBanner | None:
    """What every page has to say while the actor views as a customer."""
    return await views.banner(ctx)
