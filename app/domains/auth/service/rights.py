"""Checks whether principals still hold rights, on the database's current state; nothing is cached.

The decision is `app.shared.authz.rights.ending`. Everything that keeps a right for longer than one request asks here.
"""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

import msgspec

from app.domains.auth.errors import RightEnded
from app.domains.auth.repository.rights import RightsRepository
from app.shared.authz import ActorKind, Permission, Role, RoleBinding
from app.shared.authz.rights import Claim, Ended, Principal, Snapshot, claim_of, ending
from app.shared.context import Context


async def endings(ctx: Context, claims: Iterable[Claim]) -> dict[Claim, Ended]:
    """The claims that no longer hold, each with the reason; four short queries for any number of claims."""
    asked = list(dict.fromkeys(claims))
    if not asked:
        return {}
    snapshot = await _snapshot(ctx, asked)
    results = {claim: ending(claim, snapshot) for claim in asked}
    return {claim: ended for claim, ended in results.items() if ended is not None}


async def check(ctx: Context, *claims: Claim) -> None:
    """Check claims against the database before granting something that lasts. Raises RightEnded when one no longer
    holds."""
    for claim, ended in (await endings(ctx, claims)).items():
        raise RightEnded(ended.message, permission=claim.permission.value, why=ended.code)


async def check_person(ctx: Context, permission: Permission, tenant_id: UUID) -> None:
    """Check that the actor may grant something that outlives their session. Raises RightEnded, Forbidden."""
    await check(ctx, msgspec.structs.replace(claim_of(ctx.actor, permission, tenant_id), session_id=None))


async def roles_of(ctx: Context, ids: Iterable[UUID]) -> dict[UUID, list[RoleBinding]]:
    """Every role of these people and service accounts; an empty list for those without."""
    bindings: dict[UUID, list[RoleBinding]] = defaultdict(list)
    for row in await RightsRepository(ctx.session).list_bindings(list(ids)):
        bindings[row.holder].append(RoleBinding(Role(row.role), row.tenant_id, row.project_id))
    return bindings


async def _snapshot(ctx: Context, claims: list[Claim]) -> Snapshot:
    repository, now = RightsRepository(ctx.session), await ctx.now()
    rows = await repository.list_principals([claim.principal_id for claim in claims])
    bindings = await roles_of(ctx, [row.id for row in rows])
    sessions = {claim.session_id for claim in claims if claim.session_id}
    views = {claim.viewing for claim in claims if claim.viewing}
    return Snapshot(
        principals={
            row.id: Principal(
                id=row.id,
                kind=ActorKind(row.kind),
                ended=row.ended,
                bindings=tuple(bindings[row.id]),
                sponsor_id=row.sponsor_id,
            )
            for row in rows
        },
        suspended_tenants=frozenset(await repository.list_suspended(list({claim.tenant_id for claim in claims}))),
        over=await repository.list_over(list(sessions), now) if sessions else {},
        views=frozenset(await repository.list_open_views(list(views), now)) if views else frozenset(),
    )
