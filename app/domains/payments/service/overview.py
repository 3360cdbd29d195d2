"""What operators see of payments, refunds and webhooks; and what a customer sees of their refunds."""

from uuid import UUID

from app.domains.billing import public as billing
from app.domains.payments import repository, rules
from app.domains.payments.contracts import (
    InboxMessage,
    OperatorPayment,
    PaymentSearch,
    ProcessEvent,
    RefundStatus,
    RefundView,
)
from app.domains.payments.repository import outside, refunds
from app.domains.payments.service import webhooks
from app.shared.authz import Permission, platform_scope, tenant_scope
from app.shared.context import Context
from app.shared.errors import NotFound
from app.shared.money import Micro
from app.shared.paging import Slice, cut

READ = Permission.PLATFORM_MONEY_READ


async def page_payments(
    ctx: Context, wanted: PaymentSearch, cursor: UUID | None, limit: int
) -> Slice[OperatorPayment, UUID]:
    """Everybody's payments, newest first."""
    scope = platform_scope(ctx.actor, READ)
    rows = await refunds.page_payments(ctx.session, scope, wanted, cursor, limit + 1)
    return cut(rows, limit, lambda row: row.id)


async def get_payment(ctx: Context, payment_id: UUID) -> OperatorPayment:
    """Anybody's payment. Raises NotFound."""
    found = await refunds.find_payment(ctx.session, platform_scope(ctx.actor, READ), payment_id)
    if found is None:
        raise NotFound()
    return found


async def refundable_of(ctx: Context, payment: OperatorPayment) -> Micro:
    """What may still go back of a payment now."""
    if payment.status != "paid":
        return Micro(0)
    unspent = (await billing.balance(ctx, payment.tenant_id)).credit
    gone = Micro(payment.refunded + await outside.disputed(ctx.session, payment.id))
    return rules.refundable(payment.amount, gone, payment.reserved, unspent)


async def list_refunds_of(ctx: Context, payment_id: UUID) -> list[RefundView]:
    """The refunds of one payment, newest first."""
    return await refunds.list_of_payments(ctx.session, platform_scope(ctx.actor, READ), [payment_id])


async def page_refunds(
    ctx: Context, status: RefundStatus | None, cursor: UUID | None, limit: int
) -> Slice[RefundView, UUID]:
    """Everybody's refunds, newest first."""
    scope = platform_scope(ctx.actor, READ)
    rows = await refunds.page_refunds(ctx.session, scope, status, cursor, limit + 1)
    return cut(rows, limit, lambda row: row.id)


async def get_refund(ctx: Context, refund_id: UUID) -> RefundView:
    """Anybody's refund. Raises NotFound."""
    platform_scope(ctx.actor, READ)
    found = await refunds.find_refund(ctx.session, refund_id)
    if found is None:
        raise NotFound()
    return found


async def own_refunds(ctx: Context) -> list[RefundView]:
    """The refunds of the actor's organisation, newest first; who asked for them is not theirs to know."""
    scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
    return await refunds.list_of_tenant(ctx.session, scope)


async def page_messages(
    ctx: Context, kind: str | None, troubled: bool, cursor: UUID | None, limit: int
) -> Slice[InboxMessage, UUID]:
    """Webhooks as they were taken in, newest first."""
    scope = platform_scope(ctx.actor, READ)
    rows = await refunds.page_messages(ctx.session, scope, kind, troubled, cursor, limit + 1)
    return cut(rows, limit, lambda row: row.id)


async def get_message(ctx: Context, message_id: UUID) -> InboxMessage:
    """One webhook. Raises NotFound."""
    found = await refunds.find_message(ctx.session, platform_scope(ctx.actor, READ), message_id)
    if found is None:
        raise NotFound()
    return found


async def replay_message(ctx: Context, message_id: UUID) -> None:
    """Work a webhook off once more; what it did the first time it does not do twice. Raises NotFound."""
    platform_scope(ctx.actor, Permission.PLATFORM_MONEY_MANAGE)
    message = await repository.lock_message(ctx.session, message_id)
    if message is None:
        raise NotFound()
    await refunds.reopen_message(ctx.session, message_id)
    await ctx.enqueue(webhooks.JOB, ProcessEvent(id=message_id), aggregate_id=message_id)
