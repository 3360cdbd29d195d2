"""Members of an organisation with their roles, as the team sees them. `team` changes them."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.auth.repository import TeamRepository
from app.domains.auth.repository.team import AnyRow
from app.domains.auth.rules.team import version_of
from app.domains.auth.rules.values import MemberQuery
from app.shared.authz import Permission, Role, TenantScope, tenant_scope
from app.shared.context import Context
from app.shared.errors import NotFound
from app.shared.ids import UserId
from app.shared.paging import Slice, cut, pack


class RoleAt(msgspec.Struct, frozen=True, kw_only=True):
    """A role in the organisation (`project_id` None) or in one project of it."""

    membership_id: UUID
    role: str
    project_id: UUID | None
    project_name: str | None
    since: datetime


class MemberView(msgspec.Struct, frozen=True, kw_only=True):
    """A member of an organisation. `last_seen_at` is their last request in it."""

    user_id: UserId
    name: str
    email: str
    role: str | None
    projects: tuple[RoleAt, ...]
    joined_at: datetime
    last_seen_at: datetime | None
    is_suspended: bool
    version: int


async def is_last_owner(ctx: Context, member: MemberView) -> bool:
    """Whether they are the organisation's only owner."""
    scope = tenant_scope(ctx.actor, Permission.TEAM_READ)
    if member.role != Role.TENANT_OWNER:
        return False
    return await TeamRepository(ctx.session).count_owners(scope.tenant_id) <= 1


async def page_members(ctx: Context, query: MemberQuery) -> Slice[MemberView, str]:
    """The members of the organisation, by name."""
    scope = tenant_scope(ctx.actor, Permission.TEAM_READ)
    rows = await TeamRepository(ctx.session).page_members(scope, query)
    kept = cut(rows, query.limit, lambda row: pack(row.sorted, row.id))
    return Slice(items=tuple(await _views(ctx, scope, kept.items)), next_cursor=kept.next_cursor)


async def get_member(ctx: Context, user_id: UUID) -> MemberView:
    """One member. Raises NotFound for everybody else."""
    scope = tenant_scope(ctx.actor, Permission.TEAM_READ)
    rows = await TeamRepository(ctx.session).page_members(scope, MemberQuery(limit=1), user_id)
    if not rows:
        raise NotFound()
    return (await _views(ctx, scope, rows))[0]


async def _views(ctx: Context, scope: TenantScope, rows: Sequence[AnyRow]) -> list[MemberView]:
    roles = await TeamRepository(ctx.session).list_roles(scope.tenant_id, [row.id for row in rows])
    held: dict[UUID, list[AnyRow]] = defaultdict(list)
    for role in roles:
        held[role.user_id].append(role)
    return [_view(row, held[row.id]) for row in rows]


def _view(row: AnyRow, held: list[AnyRow]) -> MemberView:
    return MemberView(
        user_id=UserId(row.id),
        name=row.name,
        email=row.email,
        role=next((role.role for role in held if role.project_id is None), None),
        projects=tuple(
            RoleAt(
                membership_id=role.id,
                role=role.role,
                project_id=role.project_id,
                project_name=role.project_name,
                since=role.created_at,
            )
            for role in held
            if role.project_id is not None
        ),
        joined_at=min(role.created_at for role in held),
        last_seen_at=row.last_seen_at,
        is_suspended=row.suspended_at is not None,
        version=version_of((role.id, role.role) for role in held),
    )


async def count_members(ctx: Context) -> int:
    """The number of members of the organisation."""
    return await TeamRepository(ctx.session).count_members(tenant_scope(ctx.actor, Permission.TEAM_READ))
