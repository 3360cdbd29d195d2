"""What other domains ask about people, organisations and projects: names, addresses, roles and logins, by id.

No permission is checked here: the caller has decided that whoever asks may see the ids.
"""

from collections.abc import Iterable
from uuid import UUID

from app.domains.auth.contracts import PersonView, PosixIdentity, ProjectView, RoleHolder, TenantView
from app.domains.auth.repository import AuthRepository
from app.domains.auth.repository.customers import CustomerRepository
from app.domains.auth.repository.holders import list_holders, list_verified
from app.domains.auth.repository.team import AnyRow
from app.shared.authz import Permission, Role, platform_scope
from app.shared.context import Context
from app.shared.errors import NotFound
from app.shared.ids import ProjectId, TenantId, UserId


async def people(ctx: Context, user_ids: Iterable[UUID]) -> dict[UUID, PersonView]:
    """People by id; deleted people are absent."""
    return {row.id: _person(row) for row in await AuthRepository(ctx.session).list_people(list(user_ids))}


async def people_of_project(ctx: Context, tenant_id: UUID, project_id: UUID) -> list[PersonView]:
    """Everybody with a role in the project or in its organisation, by name."""
    return [_person(row) for row in await AuthRepository(ctx.session).list_people_of_project(tenant_id, project_id)]


def _person(row: AnyRow) -> PersonView:
    return PersonView(id=UserId(row.id), name=row.name, email=row.email)


async def role_holders(ctx: Context, tenant_id: UUID) -> list[RoleHolder]:
    """Everybody with a role in the organisation, once per role; suspended people are absent."""
    rows = await list_holders(ctx.session, tenant_id)
    return [RoleHolder(user_id=UserId(row.user_id), role=Role(row.role), project_id=row.project_id) for row in rows]


async def verified_addresses(ctx: Context, user_ids: Iterable[UUID]) -> dict[UUID, str]:
    """E-mail addresses that the identity provider has verified; people without one are absent."""
    return {row.id: row.email for row in await list_verified(ctx.session, list(user_ids))}


async def posix_identity(ctx: Context, user_id: UUID) -> PosixIdentity:
    """The login on machines. Service accounts share the login `svc` with uid 20000, below the uids of people."""
    row = await AuthRepository(ctx.session).find_posix(user_id)
    if row is None:
        return PosixIdentity(login="svc", uid=20_000, name="Service account")
    return PosixIdentity(login=row.login, uid=row.uid, name=row.name)


async def tenant(ctx: Context, tenant_id: UUID) -> TenantView:
    """One organisation. Raises NotFound."""
    rows = await AuthRepository(ctx.session).list_tenants([tenant_id])
    if not rows:
        raise NotFound()
    row = rows[0]
    return TenantView(id=TenantId(row.id), name=row.name, currency=row.currency, time_zone=row.time_zone)


async def time_zones(ctx: Context, tenant_ids: Iterable[UUID]) -> dict[UUID, str]:
    """The time zones of several organisations, by organisation; deleted ones are absent."""
    return {row.id: row.time_zone for row in await AuthRepository(ctx.session).list_tenants(list(tenant_ids))}


async def project(ctx: Context, project_id: UUID) -> ProjectView:
    """One project. Raises NotFound."""
    rows = await AuthRepository(ctx.session).list_projects([project_id])
    if not rows:
        raise NotFound()
    return ProjectView(id=ProjectId(rows[0].id), tenant_id=TenantId(rows[0].tenant_id), name=rows[0].name)


async def names_of(ctx: Context, ids: Iterable[UUID]) -> dict[UUID, str]:
    """Names of people, service accounts, organisations and projects, for display; deleted ones are absent."""
    wanted = list(set(ids))
    return await CustomerRepository(ctx.session).list_names(wanted) if wanted else {}


async def same_people(ctx: Context, user_id: UUID) -> frozenset[UUID]:
    """`user_id` and every other account with the same verified address."""
    return frozenset({user_id, *await CustomerRepository(ctx.session).list_same(user_id)})


async def find_person_by_mail(ctx: Context, email: str) -> UUID | None:
    """The person with that e-mail address. Raises Forbidden for everybody but operators who may read the audit log."""
    scope = platform_scope(ctx.actor, Permission.PLATFORM_AUDIT_READ)
    return await CustomerRepository(ctx.session).find_by_mail(scope, email)
