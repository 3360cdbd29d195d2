"""What one person may give or take alone: a sum over a window, not an amount of each request.

The sum is kept for the acting person (whose accounts count as one), for the organisation and for the payment, each way
of its own: what was taken never makes room for what is given.
"""

from datetime import timedelta
from uuid import UUID

from app.domains.admin.contracts.money import AloneLeft, ValueAct
from app.domains.admin.policies import ALONE_MAXIMUM, ALONE_WINDOW
from app.domains.admin.repository import alone
from app.domains.admin.rules.approval import check_second, may_alone
from app.domains.auth import public as auth
from app.shared.authz import ActorKind, Permission
from app.shared.authz.scope import require
from app.shared.context import Context
from app.shared.errors import Forbidden
from app.shared.money import Micro


async def claim(ctx: Context, act: ValueAct) -> bool:
    """Whether one person is enough for `act`; either way it counts from now on. Call it before anything moves."""
    people = await auth.same_people(ctx, act.requested_by)
    await alone.lock_sums(ctx.session, people, act.tenant_id)
    left = await _left(ctx, people, act.tenant_id, act.payment_id, 1 if act.amount > 0 else -1)
    enough = may_alone(act.amount, left.left)
    await alone.add_act(ctx.session, act, "alone" if enough else "pending", await ctx.now())
    ctx.explain(left_alone=left.left)
    return enough


async def decided(ctx: Context, subject_id: UUID, decision: str) -> None:
    """A second person decided about it."""
    await alone.decide_act(ctx.session, subject_id, decision)


async def second(ctx: Context, requested_by: UUID) -> UUID:
    """The actor as the one who decides what `requested_by` asked for. Raises SecondPersonNeeded when both are
    one person, also with two accounts, Forbidden for a program."""
    if ctx.actor.kind is not ActorKind.USER:
        raise Forbidden("A person decides this, not a program.")
    return check_second(requested_by, ctx.actor.id, await auth.same_people(ctx, requested_by))


async def left_alone(
    ctx: Context, tenant_id: UUID | None = None, payment_id: UUID | None = None, *, taking: bool = False
) -> AloneLeft:
    """What the actor may still give (or take) alone now, to anybody or to one organisation. Raises Forbidden."""
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
