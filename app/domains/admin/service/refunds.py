"""Refunds: small ones by one operator, larger ones approved by a second one, never by the requester.

The money itself is moved by payments and billing; this module decides who may approve, and records it.
"""

from collections.abc import Iterable
from uuid import UUID

import msgspec

from app.domains.admin.errors import AlreadyDecided
from app.domains.admin.policies import ALONE_MAXIMUM
from app.domains.admin.repository import money
from app.domains.admin.repository.money import Decided
from app.domains.admin.rules.reasons import stated
from app.domains.admin.rules.values import Approval, ValueAct
from app.domains.admin.service import alone
from app.domains.admin.service.alone import AloneLeft
from app.domains.auth import public as auth
from app.domains.billing import public as billing
from app.domains.payments import public as payments
from app.domains.payments.contracts import OperatorPayment, RefundView, RequestRefund
from app.shared.audit import AuditAction
from app.shared.authz import Permission, platform_scope
from app.shared.authz.scope import may
from app.shared.context import Context
from app.shared.errors.faults import Faults
from app.shared.money import Micro
from app.shared.use_case import use_case

MANAGE = Permission.PLATFORM_MONEY_MANAGE


class DecideRefund(msgspec.Struct, frozen=True, kw_only=True):
    """Approve or reject a refund that somebody else requested."""

    refund_id: UUID
    reason: str = ""


class RefundMoved(msgspec.Struct, frozen=True, kw_only=True):
    """The new status of a refund; `approved` means that it is on its way."""

    refund_id: UUID
    payment_id: UUID
    status: str


class RefundDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A refund with its approval, and names by id."""

    refund: RefundView
    approval: Approval | None
    names: dict[str, str]
    may_decide: bool
    why_not: str


class PaymentDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A payment with what can be refunded of it, its refunds and its ledger transaction."""

    payment: OperatorPayment
    refundable: Micro
    alone_maximum: Micro
    alone: AloneLeft
    refunds: tuple[RefundView, ...]
    transaction_id: UUID | None
    names: dict[str, str]
    may_refund: bool


@use_case(MANAGE, AuditAction.REFUND_REQUEST, lambda command, result: result.refund_id if result else "-")
async def request_refund(ctx: Context, command: RequestRefund) -> RefundMoved:
    """Request a refund; it is approved at once when one person is enough. Raises like payments.request_refund."""
    with Faults() as faults:
        with faults.gathered():
            reason = stated(command.reason)
        with faults.gathered():
            payments.check_refund(command.amount)
    refund = await payments.request_refund(ctx, msgspec.structs.replace(command, reason=reason))
    ctx.about(refund.tenant_id)
    ctx.explain(reason=reason, amount=refund.amount, payment_id=str(refund.payment_id))
    act = ValueAct(
        kind="refund", subject_id=refund.id, tenant_id=refund.tenant_id, payment_id=refund.payment_id,
        amount=refund.amount, requested_by=_requester(refund),
    )  # fmt: skip
    if await alone.claim(ctx, act):
        await _record(ctx, refund, "alone", _requester(refund), reason)
        refund = await payments.approve_refund(ctx, refund.id)
    return _moved(refund)


@use_case(MANAGE, AuditAction.REFUND_APPROVE, lambda command, _result: command.refund_id)
async def approve_refund(ctx: Context, command: DecideRefund) -> RefundMoved:
    """Approve a refund. Raises NotFound, SecondPersonNeeded, RefundDecided, RefundNotLeft, InsufficientCredit when the
    credit has been spent since."""
    refund = await payments.get_refund(ctx, command.refund_id)
    ctx.about(refund.tenant_id)
    decider = await alone.second(ctx, _requester(refund))
    ctx.explain(amount=refund.amount, payment_id=str(refund.payment_id))
    moved = await payments.approve_refund(ctx, refund.id)
    ctx.changed(status=(refund.status, moved.status))
    await alone.decided(ctx, refund.id, "approved")
    await _record(ctx, refund, "approved", decider, command.reason)
    return _moved(moved)


@use_case(MANAGE, AuditAction.REFUND_REJECT, lambda command, _result: command.refund_id)
async def reject_refund(ctx: Context, command: DecideRefund) -> RefundMoved:
    """Reject a refund. Raises NotFound, SecondPersonNeeded, RefundDecided, ValidationFailed without a reason."""
    refund = await payments.get_refund(ctx, command.refund_id)
    reason = stated(command.reason)
    ctx.about(refund.tenant_id)
    decider = await alone.second(ctx, _requester(refund))
    ctx.explain(reason=reason, amount=refund.amount, payment_id=str(refund.payment_id))
    moved = await payments.reject_refund(ctx, refund.id, reason)
    ctx.changed(status=(refund.status, moved.status))
    await alone.decided(ctx, refund.id, "rejected")
    await _record(ctx, refund, "rejected", decider, reason)
    return _moved(moved)


async def show_payment(ctx: Context, payment_id: UUID) -> PaymentDetail:
    """A payment, what can be refunded of it, and its refunds. Raises NotFound."""
    payment = await payments.get_payment(ctx, payment_id)
    refunds = await payments.list_refunds_of(ctx, payment_id)
    ids = {payment.tenant_id, *(refund.requested_by for refund in refunds)}
    if payment.user_id:
        ids.add(payment.user_id)
    return PaymentDetail(
        payment=payment,
        refundable=await payments.refundable_of(ctx, payment),
        alone_maximum=Micro(await ctx.policy(ALONE_MAXIMUM, payment.tenant_id)),
        alone=await alone.left_alone(ctx, payment.tenant_id, payment_id),
        refunds=tuple(refunds),
        transaction_id=await billing.find_transaction_of(ctx, f"payment:{payment_id}"),
        names=await names_of(ctx, ids),
        may_refund=may(ctx.actor, MANAGE),
    )


async def show_refund(ctx: Context, refund_id: UUID) -> RefundDetail:
    """A refund and its approval. Raises NotFound."""
    scope = platform_scope(ctx.actor, Permission.PLATFORM_MONEY_READ)
    refund = await payments.get_refund(ctx, refund_id)
    approval = (await money.list_approvals(ctx.session, scope, [refund.id])).get(refund.id)
    ids = {refund.tenant_id, refund.requested_by}
    if approval:
        ids.add(approval.decided_by)
    waits = refund.status == "requested" and may(ctx.actor, MANAGE)
    own = refund.requested_by == ctx.actor.id
    return RefundDetail(
        refund=refund,
        approval=approval,
        names=await names_of(ctx, ids),
        may_decide=waits and not own,
        why_not="You requested this: a second person decides." if waits and own else "",
    )


async def names_of(ctx: Context, ids: Iterable[UUID | None]) -> dict[str, str]:
    """Names by the id as text."""
    return {str(key): name for key, name in (await auth.names_of(ctx, {one for one in ids if one})).items()}


def _requester(refund: RefundView) -> UUID:
    """Who requested it. Raises AlreadyDecided for one made at Stripe itself: there is nothing to decide."""
    if refund.requested_by is None:
        raise AlreadyDecided()
    return refund.requested_by


async def _record(ctx: Context, refund: RefundView, decision: str, by: UUID, reason: str) -> None:
    decided = Decided(
        subject_kind="refund",
        subject_id=refund.id,
        tenant_id=refund.tenant_id,
        amount=refund.amount,
        currency=refund.currency,
        requested_by=_requester(refund),
        decision=decision,
        decided_by=by,
        reason=reason,
        decided_at=await ctx.now(),
    )
    await money.append_approval(ctx.session, decided)


def _moved(refund: RefundView) -> RefundMoved:
    return RefundMoved(refund_id=refund.id, payment_id=refund.payment_id, status=refund.status)
