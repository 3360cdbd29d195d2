"""What the team's pages show beside lists: the matrix's own role, zones of time, names of who made something."""

from collections.abc import Iterable
from functools import lru_cache
from uuid import UUID
from zoneinfo import available_timezones

from app.domains.auth.contracts.team import MemberView, ProjectDetail
from app.domains.auth.policies import INVITATION_DAYS
from app.domains.auth.repository import AuthRepository, InvitationRepository, TeamRepository
from app.domains.auth.rules import organisation_name
from app.domains.auth.service import places
from app.shared.authz import Permission, Role, tenant_scope
from app.shared.context import Context

REGIONS = ("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
MOST = 200


@lru_cache(maxsize=1)
def zones() -> tuple[tuple[str, str], ...]:
    """Names of time zones for a select: UTC, then region by region."""
    names = sorted(name for name in available_timezones() if name.partition("/")[0] in REGIONS)
    return (("UTC", "UTC"), *((name, name.replace("_", " ")) for name in names))


async def all_projects(ctx: Context) -> tuple[ProjectDetail, ...]:
    """For selects; more than two hundred are not listed."""
    return (await places.page_projects(ctx, None, MOST)).items


async def invitation_days(ctx: Context) -> int:
    """How long an invitation can be accepted."""
    return await ctx.policy(INVITATION_DAYS, ctx.actor.tenant_id)


async def names_of(ctx: Context, ids: Iterable[UUID]) -> dict[UUID, str]:
    """Names of people; who is unknown is absent."""
    return {row.id: row.name for row in await AuthRepository(ctx.session).list_people(list(ids))}


async def is_last_owner(ctx: Context, member: MemberView) -> bool:
    """Whether the organisation would have no owner without them."""
    scope = tenant_scope(ctx.actor, Permission.TEAM_READ)
    if member.role != Role.TENANT_OWNER:
        return False
    return await TeamRepository(ctx.session).count_owners(scope.tenant_id) <= 1


async def own_address(ctx: Context) -> tuple[str, bool]:
    """The actor's address and whether the identity provider confirmed it."""
    person = await InvitationRepository(ctx.session).get_person(places.person_of(ctx.actor))
    return str(person.email), bool(person.email_verified)


async def suspended(ctx: Context) -> tuple[str, ...]:
    """Names of the actor's organisations that an operator suspended."""
    return tuple(await TeamRepository(ctx.session).list_suspended(places.person_of(ctx.actor)))


def suggested_name(ctx: Context) -> str:
    """What a new organisation of the actor's may be called."""
    return organisation_name(ctx.actor.name)
