"""May this principal do this to this thing, now? One pure function for everything that holds a right for longer than
one request.

A claim names the organisation and project of the thing, never those where somebody stands. A right ends with the
sign-in that it hangs on, with its person or program, with the organisation, with the role, or with the person who
answers for it: what a member handed out (a program, an invitation, a link, a webhook) lasts as long as that member
could hand it out again.
"""

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

import msgspec

from app.shared.authz.actor import Actor, ActorKind, RoleBinding
from app.shared.authz.permissions import NOT_IN_VIEW, Permission
from app.shared.authz.scope import holds
from app.shared.errors import Forbidden

EndingCode = Literal[
    "signed_out",
    "suspended",
    "disabled",
    "organisation_suspended",
    "not_in_view",
    "view_over",
    "no_role",
    "unsponsored",
]
MESSAGES: Mapping[EndingCode, str] = {
    "signed_out": "The sign-in that this belonged to is over.",
    "suspended": "This account was suspended.",
    "disabled": "This service account was disabled.",
    "organisation_suspended": "This organisation was suspended.",
    "not_in_view": "This is closed to who looks at the organisation as an operator.",
    "view_over": "The look at this organisation is over.",
    "no_role": "There is no role any more that allows this.",
    "unsponsored": "Who made this may not make one any more, so nobody answers for it. An admin can take it over.",
}
RAN_OUT = frozenset({"expired", "signed in again", "replaced"})  # nobody meant to end anything


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """`principal_id` (a person or service account) does `permission` to something of that organisation and project.
    `session_id`: the sign-in or token that it hangs on; None when it outlives every sign-in."""

    principal_id: UUID
    permission: Permission
    tenant_id: UUID
    project_id: UUID | None = None
    session_id: UUID | None = None
    viewing: UUID | None = None
    until_expiry: bool = True  # whether a sign-in that only ran out, or was begun anew, ends it too


class Ended(msgspec.Struct, frozen=True):
    """Why a right does not hold. `detail` is how the sign-in ended, as auth names it."""

    code: EndingCode
    detail: str = ""

    @property
    def message(self) -> str:
        return MESSAGES[self.code]


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """What is true of a person or service account now. `sponsor_id`: who answers for a service account."""

    id: UUID
    kind: ActorKind
    ended: bool
    bindings: tuple[RoleBinding, ...]
    sponsor_id: UUID | None = None


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What is true now of everything that some claims name."""

    principals: Mapping[UUID, Principal]
    suspended_tenants: frozenset[UUID]
    over: Mapping[UUID, str]  # sign-ins and tokens that are over, each with why
    views: frozenset[UUID]  # views that are open


def ending(claim: Claim, snapshot: Snapshot) -> Ended | None:
    """Why the right does not hold; None when it does. Whoever is not known holds nothing."""
    why = snapshot.over.get(claim.session_id) if claim.session_id else None
    if why is not None and (claim.until_expiry or why not in RAN_OUT):
        return Ended("suspended" if why == "suspended" else "signed_out", why)
    who = snapshot.principals.get(claim.principal_id)
    if who is None:
        return Ended("no_role")
    if who.ended:
        return Ended("suspended" if who.kind is ActorKind.USER else "disabled")
    if claim.viewing is not None:
        return _ending_of_view(claim, who, snapshot)
    if claim.tenant_id in snapshot.suspended_tenants:
        return Ended("organisation_suspended")
    if not holds(_actor(who), claim.permission, claim.tenant_id, claim.project_id):
        return Ended("no_role")
    if who.kind is ActorKind.SERVICE_ACCOUNT:
        sponsor = claim_of_sponsor(who.sponsor_id, Permission.SERVICE_ACCOUNT_MANAGE, claim.tenant_id)
        if sponsor is None or ending(sponsor, snapshot) is not None:
            return Ended("unsponsored")
    return None


def claim_of_sponsor(sponsor_id: UUID | None, permission: Permission, tenant_id: UUID) -> Claim | None:
    """The claim that the sponsor still has the permission to give what they gave. None without a sponsor."""
    return None if sponsor_id is None else Claim(principal_id=sponsor_id, permission=permission, tenant_id=tenant_id)


def _ending_of_view(claim: Claim, who: Principal, snapshot: Snapshot) -> Ended | None:
    """Why an operator's view-as does not allow this: the view has ended, or the permission is excluded from views."""
    if claim.viewing not in snapshot.views or not holds(_actor(who), Permission.PLATFORM_VIEW_AS, None, None):
        return Ended("view_over")
    return Ended("not_in_view") if claim.permission in NOT_IN_VIEW else None


def _actor(who: Principal) -> Actor:
    return Actor(kind=who.kind, id=who.id, bindings=who.bindings)


def claim_of(
    actor: Actor, permission: Permission, tenant_id: UUID | None = None, project_id: UUID | None = None
) -> Claim:
    """The actor's claim to `permission` in that organisation and project, by default their current ones. It ends with
    their sign-in. Raises Forbidden for an anonymous actor."""
    tenant = tenant_id or actor.tenant_id
    if actor.id is None or tenant is None:
        raise Forbidden(permission=permission.value)
    return Claim(
        principal_id=actor.id,
        permission=permission,
        tenant_id=tenant,
        project_id=project_id if tenant_id else actor.project_id,
        session_id=actor.session_id,
        viewing=actor.viewing,
    )
