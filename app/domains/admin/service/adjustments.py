"""Corrections of credit: requested by one operator, and above the limit approved by a second one."""

from uuid import UUID

import msgspec

from app.domains.admin.errors import AlreadyDecided
from app.domains.admin.policies import CORRECTION_MAXIMUM
from app.domains.admin.repository import money
from app.domains.admin.repository.money import Decided
from app.domains.admin.rules.reasons import stated
from app.domains.admin.rules.values import AdjustmentView, ValueAct
from app.domains.admin.service import alone
from app.domains.auth import public as auth
from app.domains.billing import public as billing
from app.domains.billing.contracts import PostAdjustment
from app.shared import formats
from app.shared.audit import AuditAction
from app.shared.authz import ActorKind, Permission, platform_scope
from app.shared.context import Context
from app.shared.errors import Forbidden, NotFound, ValidationFailed
from app.shared.errors.faults import Faults, named
from app.shared.ids import new_id
from app.shared.money import MICRO_PER_CENT, Micro
from app.shared.paging import Slice, cut
from app.shared.use_case import use_case

READ, MANAGE = Permission.PLATFORM_MONEY_READ, Permission.PLATFORM_MONEY_MANAGE


class RequestAdjustment(msgspec.Struct, frozen=True, kw_only=True):
    """Correct an organisation's credit: a positive amount adds, a negative one deducts."""

    tenant_id: UUID
    amount: Micro
    reason: str


class DecideAdjustment(msgspec.Struct, frozen=True, kw_only=True):
    adjustment_id: UUID
    reason: str = ""


@use_case(MANAGE, AuditAction.CREDIT_ADJUST, lambda command, _result: command.tenant_id)
async def request_adjustment(ctx: Context, command: RequestAdjustment) -> AdjustmentView:
    """Request a correction; it is posted at once when one person is enough. Raises ValidationFailed, BalanceTooLarge,
    InsufficientCredit."""
    scope = platform_scope(ctx.actor, MANAGE)
    if ctx.actor.id is None or ctx.actor.kind is not ActorKind.USER:
        raise Forbidden()
    currency = "USD"  # until the organisation is known
    with Faults() as faults:
        with faults.gathered():
            reason = stated(command.reason)
        with faults.gathered(), named("tenant_id", "There is no such organisation."):
            tenant = await auth.tenant(ctx, command.tenant_id)
            currency = tenant.currency
        with faults.gathered():
            await _check_amount(ctx, command, currency)
    await billing.open_accounts(ctx, tenant.id, tenant.currency)
    wanted = AdjustmentView(
        id=new_id(),
        tenant_id=tenant.id,
        amount=command.amount,
        currency=tenant.currency,
        reason=reason,
        requested_by=ctx.actor.id,
        status="requested",
        created_at=await ctx.now(),
        decided_at=None,
    )
    act = ValueAct(
        kind="adjustment", subject_id=wanted.id, tenant_id=tenant.id, amount=wanted.amount,
        requested_by=wanted.requested_by,
    )  # fmt: skip
    enough = await alone.claim(ctx, act)
    await money.add_adjustment(ctx.session, wanted)
    ctx.about(tenant.id)
    ctx.explain(reason=reason, amount=command.amount, adjustment_id=str(wanted.id))
    if enough:
        await _decide(ctx, wanted, "alone", ctx.actor.id, reason)
    return await money.lock_adjustment(ctx.session, scope, wanted.id) or wanted


async def _check_amount(ctx: Context, command: RequestAdjustment, currency: str) -> None:
    """Raises ValidationFailed unless it is whole cents within the policy of that organisation."""
    maximum = Micro(await ctx.policy(CORRECTION_MAXIMUM, command.tenant_id))
    if not 0 < abs(command.amount) <= maximum or command.amount % MICRO_PER_CENT:
        text = f"Write whole cents, not zero, up to {formats.money(maximum, currency)} in either direction."
        raise ValidationFailed(fields={"amount": text})


@use_case(MANAGE, AuditAction.CREDIT_ADJUST_APPROVE, lambda command, _result: command.adjustment_id)
async def approve_adjustment(ctx: Context, command: DecideAdjustment) -> AdjustmentView:
    """Post a correction. Raises NotFound, SecondPersonNeeded, AlreadyDecided, InsufficientCredit."""
    return await _decided_by_second(ctx, command, "approved")


@use_case(MANAGE, AuditAction.CREDIT_ADJUST_REJECT, lambda command, _result: command.adjustment_id)
async def reject_adjustment(ctx: Context, command: DecideAdjustment) -> AdjustmentView:
    """Reject a correction. Raises NotFound, SecondPersonNeeded, AlreadyDecided, ValidationFailed."""
    stated(command.reason)
    return await _decided_by_second(ctx, command, "rejected")


async def _decided_by_second(ctx: Context, command: DecideAdjustment, decision: str) -> AdjustmentView:
    scope = platform_scope(ctx.actor, MANAGE)
    wanted = await money.lock_adjustment(ctx.session, scope, command.adjustment_id)
    if wanted is None:
        raise NotFound()
    ctx.about(wanted.tenant_id)
    decider = await alone.second(ctx, wanted.requested_by)
    if wanted.status != "requested":
        raise AlreadyDecided()
    ctx.explain(reason=command.reason, amount=wanted.amount)
    ctx.changed(status=(wanted.status, decision))
    await _decide(ctx, wanted, decision, decider, command.reason)
    await alone.decided(ctx, wanted.id, decision)
    return await money.lock_adjustment(ctx.session, scope, wanted.id) or wanted


async def _decide(ctx: Context, wanted: AdjustmentView, decision: str, by: UUID, reason: str) -> None:
    now = await ctx.now()
    status = "rejected" if decision == "rejected" else "approved"
    if status == "approved":
        await billing.post_adjustment(
            ctx,
            PostAdjustment(
                tenant_id=wanted.tenant_id, adjustment_id=wanted.id, amount=wanted.amount, currency=wanted.currency
            ),
        )
    await money.decide_adjustment(ctx.session, wanted.id, status, now)
    decided = Decided(
        subject_kind="adjustment",
        subject_id=wanted.id,
        tenant_id=wanted.tenant_id,
        amount=wanted.amount,
        currency=wanted.currency,
        requested_by=wanted.requested_by,
        decision=decision,
        decided_by=by,
        reason=reason,
        decided_at=now,
    )
    await money.append_approval(ctx.session, decided)


async def page_adjustments(
    ctx: Context, tenant_id: UUID | None, cursor: UUID | None, limit: int
) -> Slice[AdjustmentView, UUID]:
    """Corrections, newest first."""
    rows = await money.page_adjustments(ctx.session, platform_scope(ctx.actor, READ), tenant_id, cursor, limit + 1)
    return cut(rows, limit, lambda row: row.id)
