"""What operators see of payments, refunds and webhooks."""

from uuid import UUID

from app.domains.billing import public as billing
from app.domains.payments.contracts import InboxMessage, OperatorPayment, PaymentSearch, RefundStatus, RefundView
from app.domains.payments.repository.disputes import DisputeRepository
from app.domains.payments.repository.inbox import InboxRepository
from app.domains.payments.repository.payments import PaymentRepository
from app.domains.payments.repository.refunds import RefundRepository
from app.domains.payments.rules import amounts
from app.domains.payments.service import webhooks
from app.shared.authz import Permission, platform_scope
from app.shared.context import Context
from app.shared.errors import NotFound
from app.shared.money import Micro
from app.shared.paging import Slice, cut

READ = Permission.PLATFORM_MONEY_READ


async def page_payments(
    ctx: Context, search: PaymentSearch, cursor: UUID | None, limit: int
) -> Slice[OperatorPayment, UUID]:
    """Payments of all organisations, newest first."""
    scope = platform_scope(ctx.actor, READ)
    rows = await PaymentRepository(ctx.session).page(scope, search, cursor, limit + 1)
    return cut(rows, limit, lambda row: row.id)


async def get_payment(ctx: Context, payment_id: UUID) -> OperatorPayment:
    """Any payment. Raises NotFound."""
    payment = await PaymentRepository(ctx.session).find_for_operator(platform_scope(ctx.actor, READ), payment_id)
    if payment is None:
        raise NotFound()
    return payment


async def refundable_of(ctx: Context, payment: OperatorPayment) -> Micro:
    """How much of a payment may be refunded now."""
    if payment.status != "paid":
        return Micro(0)
    unspent = (await billing.balance(ctx, payment.tenant_id)).credit
    withdrawn = await DisputeRepository(ctx.session).get_withdrawn(payment.id)
    return amounts.refundable(payment.amount, Micro(payment.refunded + withdrawn), payment.reserved, unspent)


async def list_refunds_of(ctx: Context, payment_id: UUID) -> list[RefundView]:
    """The refunds of one payment, newest first."""
    return await RefundRepository(ctx.session).list_of_payment(platform_scope(ctx.actor, READ), payment_id)


async def page_refunds(
    ctx: Context, status: RefundStatus | None, cursor: UUID | None, limit: int
) -> Slice[RefundView, UUID]:
    """Refunds of all organisations, newest first."""
    scope = platform_scope(ctx.actor, READ)
    rows = await RefundRepository(ctx.session).page(scope, status, cursor, limit + 1)
    return cut(rows, limit, lambda row: row.id)


async def get_refund(ctx: Context, refund_id: UUID) -> RefundView:
    """Any refund. Raises NotFound."""
    platform_scope(ctx.actor, READ)
    refund = await RefundRepository(ctx.session).find(refund_id)
    if refund is None:
        raise NotFound()
    return refund


async def page_messages(
    ctx: Context, kind: str | None, only_problems: bool, cursor: UUID | None, limit: int
) -> Slice[InboxMessage, UUID]:
    """Webhooks as they were received, newest first."""
    scope = platform_scope(ctx.actor, READ)
    rows = await InboxRepository(ctx.session).page(scope, kind, only_problems, cursor, limit + 1)
    return cut(rows, limit, lambda row: row.id)


async def get_message(ctx: Context, message_id: UUID) -> InboxMessage:
    """One webhook. Raises NotFound."""
    message = await InboxRepository(ctx.session).find(platform_scope(ctx.actor, READ), message_id)
    if message is None:
        raise NotFound()
    return message


async def replay_message(ctx: Context, message_id: UUID) -> None:
    """Process a webhook again. What it did before is not done twice. Raises NotFound."""
    platform_scope(ctx.actor, Permission.PLATFORM_MONEY_MANAGE)
    inbox = InboxRepository(ctx.session)
    if await inbox.lock(message_id) is None:
        raise NotFound()
    await inbox.reopen(message_id)
    await webhooks.enqueue(ctx, message_id, message_id)
