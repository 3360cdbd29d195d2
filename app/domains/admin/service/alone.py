"""What one operator may give or take without a second person: a sum over a window, not a limit for each request.

There is a sum for the operator (all their accounts together), for the organisation and for the payment. Giving and
taking are counted separately: what was taken makes no room for giving.
"""

from datetime import timedelta
from uuid import UUID

import msgspec

from app.domains.admin.policies import ALONE_MAXIMUM, ALONE_WINDOW
from app.domains.admin.repository import alone
from app.domains.admin.rules.approval import check_second, may_alone
from app.domains.admin.rules.values import ValueAct
from app.domains.auth import public as auth
from app.shared.authz import ActorKind, Permission
from app.shared.authz.scope import require
from app.shared.context import Context
from app.shared.errors import Forbidden
from app.shared.money import Micro


class AloneLeft(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator may still give without a second person. `left` is the smallest of the three; each is `limit`
    less what was given or requested in the last `window_hours`."""

    limit: Micro
    window_hours: int
    by_person: Micro
    for_organisation: Micro | None
    of_payment: Micro | None
    left: Micro


async def claim(ctx: Context, act: ValueAct) -> bool:
    """Record `act`, and whether one person is enough for it. Call it before any money moves."""
    people = await auth.same_people(ctx, act.requested_by)
    await alone.lock_sums(ctx.session, people, act.tenant_id)
    left = await _left(ctx, people, act.tenant_id, act.payment_id, 1 if act.amount > 0 else -1)
    enough = may_alone(act.amount, left.left)
    await alone.add_act(ctx.session, act, "alone" if enough else "pending", await ctx.now())
    ctx.explain(left_alone=left.left)
    return enough


async def decided(ctx: Context, subject_id: UUID, decision: str) -> None:
    """Record the decision of a second person."""
    await alone.decide_act(ctx.session, subject_id, decision)


async def second(ctx: Context, requested_by: UUID) -> UUID:
    """The id of the actor as the second person. Raises SecondPersonNeeded when `requested_by` is the same person, even
    with another account, Forbidden for a program."""
    if ctx.actor.kind is not ActorKind.USER:
        raise Forbidden("A person decides this, not a program.")
    return check_second(requested_by, ctx.actor.id, await auth.same_people(ctx, requested_by))


async def left_alone(
    ctx: Context, tenant_id: UUID | None = None, payment_id: UUID | None = None, *, taking: bool = False
) -> AloneLeft:
    """What the actor may still give (or take) alone now, overall or to one organisation. Raises Forbidden."""
    require(ctx.actor, Permission.PLATFORM_MONEY_READ)
    if ctx.actor.id is None:
        raise Forbidden()
    people = await auth.same_people(ctx, ctx.actor.id)
    return await _left(ctx, people, tenant_id, payment_id, -1 if taking else 1)


async def _left(
    ctx: Context, people: frozenset[UUID], tenant_id: UUID | None, payment_id: UUID | None, direction: int
) -> AloneLeft:
    limit = await ctx.policy(ALONE_MAXIMUM, tenant_id)
    hours = await ctx.policy(ALONE_WINDOW)
    since = await ctx.now() - timedelta(hours=hours)
    used = await alone.sums(ctx.session, people, tenant_id, payment_id, direction, since)
    return AloneLeft(
        limit=Micro(limit),
        window_hours=hours,
        by_person=_rest(limit, used.person),
        for_organisation=None if tenant_id is None else _rest(limit, used.tenant),
        of_payment=None if payment_id is None else _rest(limit, used.payment),
        left=_rest(limit, max(used.person, used.tenant, used.payment)),
    )


def _rest(limit: int, used: Micro) -> Micro:
    return Micro(max(0, limit - used))
