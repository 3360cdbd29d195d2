"""Pure rules of a team: who may give, change and remove which role. An organisation keeps at least one owner."""

import hashlib
from collections.abc import Iterable
from enum import StrEnum
from uuid import UUID

import msgspec

from app.shared.authz.permissions import Role

ORGANISATION_ROLES = (Role.TENANT_OWNER, Role.TENANT_ADMIN, Role.TENANT_BILLING, Role.TENANT_MEMBER)
PROJECT_ROLES = (Role.PROJECT_ADMIN, Role.PROJECT_MEMBER, Role.PROJECT_VIEWER)
RANK: dict[Role, int] = {
    Role.TENANT_OWNER: 40,
    Role.TENANT_ADMIN: 30,
    Role.TENANT_BILLING: 10,
    Role.TENANT_MEMBER: 20,
    Role.PROJECT_ADMIN: 3,
    Role.PROJECT_MEMBER: 2,
    Role.PROJECT_VIEWER: 1,
}
_BELOW_OWNER = frozenset({*ORGANISATION_ROLES, *PROJECT_ROLES}) - {Role.TENANT_OWNER}
GIVES: dict[Role, frozenset[Role]] = {
    Role.TENANT_OWNER: _BELOW_OWNER | {Role.TENANT_OWNER},
    Role.TENANT_ADMIN: _BELOW_OWNER,
}


class Refusal(StrEnum):
    """Why a change of a role is refused."""

    NOT_A_MANAGER = "not_a_manager"
    OWNERS_ONLY = "owners_only"
    ABOVE_OWN_ROLE = "above_own_role"
    LAST_OWNER = "last_owner"
    PROGRAM = "program"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change of one holder's role in one scope, from `before` to `after`; None is no role.

    `owners` is the number of the organisation's owners, not counting suspended ones. `holder_role` is the holder's role
    in the organisation, whatever scope is changed.
    """

    actor_role: Role | None
    holder_role: Role | None
    before: Role | None
    after: Role | None
    owners: int
    is_self: bool = False
    is_program: bool = False


def refusal(change: Change) -> Refusal | None:
    """Why the change is refused, or None. Reducing one's own role needs no right, but the last owner cannot."""
    if change.is_program and change.after not in (None, *PROJECT_ROLES):
        return Refusal.PROGRAM
    if not (change.is_self and is_less(change.before, change.after)):
        refused = _without_right(change)
        if refused is not None:
            return refused
    if change.before is Role.TENANT_OWNER and change.after is not Role.TENANT_OWNER and change.owners <= 1:
        return Refusal.LAST_OWNER
    return None


def _without_right(change: Change) -> Refusal | None:
    if change.actor_role not in GIVES:
        return Refusal.NOT_A_MANAGER
    if change.holder_role is Role.TENANT_OWNER and change.actor_role is not Role.TENANT_OWNER:
        return Refusal.OWNERS_ONLY
    if change.after is not None and change.after not in GIVES[change.actor_role]:
        return Refusal.ABOVE_OWN_ROLE
    return None


def is_less(before: Role | None, after: Role | None) -> bool:
    """Whether `after` allows no more than `before`: no role, or a lower one of the same kind."""
    if after is None:
        return True
    return before is not None and is_of_project(before) == is_of_project(after) and RANK[after] <= RANK[before]


def is_of_project(role: Role) -> bool:
    return role in PROJECT_ROLES


def higher(first: Role | None, second: Role) -> Role:
    """The role that allows more."""
    return second if first is None or RANK[second] > RANK[first] else first


def version_of(roles: Iterable[tuple[UUID, str]]) -> int:
    """A version number of a member's roles: equal roles give equal numbers. It has 48 bits, so that every JSON parser
    reads it exactly."""
    text = ";".join(f"{membership_id.hex}={role}" for membership_id, role in sorted(roles))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest())
