"""What the operator's console may ask of payments; nobody else calls it."""

from uuid import UUID

from app.domains.payments.contracts import (
    Case,
    DecideCase,
    InboxMessage,
    OperatorPayment,
    PaymentSearch,
    RefundStatus,
    RefundView,
    RequestRefund,
)
from app.domains.payments.service import cases, overview, refunds
from app.shared.context import Context
from app.shared.money import Micro
from app.shared.paging import Slice


async def page_payments(
    ctx: Context, wanted: PaymentSearch, cursor: UUID | None, limit: int
) -> Slice[OperatorPayment, UUID]:
    """Everybody's payments, newest first."""
    return await overview.page_payments(ctx, wanted, cursor, limit)


async def get_payment(ctx: Context, payment_id: UUID) -> OperatorPayment:
    """Anybody's payment. Raises NotFound."""
    return await overview.get_payment(ctx, payment_id)


async def refundable_of(ctx: Context, payment: OperatorPayment) -> Micro:
    """What may still go back of a payment now."""
    return await overview.refundable_of(ctx, payment)


async def list_refunds_of(ctx: Context, payment_id: UUID) -> list[RefundView]:
    """The refunds of one payment, newest first."""
    return await overview.list_refunds_of(ctx, payment_id)


async def page_refunds(
    ctx: Context, status: RefundStatus | None, cursor: UUID | None, limit: int
) -> Slice[RefundView, UUID]:
    """Everybody's refunds, newest first."""
    return await overview.page_refunds(ctx, status, cursor, limit)


async def get_refund(ctx: Context, refund_id: UUID) -> RefundView:
    """Anybody's refund. Raises NotFound."""
    return await overview.get_refund(ctx, refund_id)


def check_refund(amount: Micro) -> None:
    """Raises ValidationFailed for what can never go back, of whichever payment."""
    refunds.check_amount(amount)


async def request_refund(ctx: Context, command: RequestRefund) -> RefundView:
    """Ask for a refund. Raises NotFound, PaymentNotPaid, RefundTooLarge, ValidationFailed."""
    return await refunds.request_refund(ctx, command)


async def approve_refund(ctx: Context, refund_id: UUID) -> RefundView:
    """Take the credit and send it back. The caller has decided that the actor may approve it. Raises NotFound,
    RefundDecided, RefundNotLeft, InsufficientCredit."""
    return await refunds.approve_refund(ctx, refund_id)


async def reject_refund(ctx: Context, refund_id: UUID, problem: str) -> RefundView:
    """Nothing goes back. Raises NotFound, RefundDecided."""
    return await refunds.reject_refund(ctx, refund_id, problem)


async def page_cases(ctx: Context, only_open: bool, cursor: UUID | None, limit: int) -> Slice[Case, UUID]:
    """What a person has to decide about money, newest first."""
    return await cases.page_cases(ctx, only_open, cursor, limit)


async def count_open_cases(ctx: Context) -> int:
    """How many of them wait."""
    return await cases.count_open(ctx)


async def decide_case(ctx: Context, command: DecideCase) -> Case:
    """Close one with words. Raises NotFound, ValidationFailed."""
    return await cases.decide_case(ctx, command)


async def page_messages(
    ctx: Context, kind: str | None, troubled: bool, cursor: UUID | None, limit: int
) -> Slice[InboxMessage, UUID]:
    """Webhooks as they were taken in, newest first."""
    return await overview.page_messages(ctx, kind, troubled, cursor, limit)


async def get_message(ctx: Context, message_id: UUID) -> InboxMessage:
    """One webhook. Raises NotFound."""
    return await overview.get_message(ctx, message_id)


async def replay_message(ctx: Context, message_id: UUID) -> None:
    """Work a webhook off once more. Raises NotFound."""
    await overview.replay_message(ctx, message_id)
