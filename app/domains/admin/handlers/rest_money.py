"""API of payments, refunds, corrections, webhooks of Stripe, and the ledger."""

from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath, QueryParameter

from app.domains.admin.handlers.options import PLATFORM_MONEY_MANAGE, PLATFORM_MONEY_READ
from app.domains.admin.rules.values import AdjustmentView
from app.domains.admin.schemas.money import (
    CorrectionBody,
    CorrectionsAnswer,
    PaymentsAnswer,
    ReasonForm,
    RefundBody,
    RefundsAnswer,
    WebhooksAnswer,
    payment_search,
    refund_status,
)
from app.domains.admin.service import adjustments, ledger, refunds
from app.domains.admin.service.adjustments import DecideAdjustment
from app.domains.admin.service.ledger import CheckLedger, CheckStarted, LedgerReport, Replayed, ReplayWebhook
from app.domains.admin.service.refunds import DecideRefund, PaymentDetail, RefundDetail, RefundMoved
from app.domains.payments import public as payments
from app.web import Ctx, Json
from app.web.paging import Cursor, Limit
from app.web.query import State

Search = Annotated[str, QueryParameter(name="q", max_length=100, description="a whole id: ours, Stripe's, a tenant's")]
Troubled = Annotated[bool, QueryParameter(description="only those that wait or went wrong")]
TenantFilter = Annotated[UUID | None, QueryParameter(name="tenant", description="only this organisation's")]


@get("/admin/payments", opt=PLATFORM_MONEY_READ)
async def list_payments(
    ctx: Ctx, status: State = "", search: Search = "", cursor: Cursor = None, limit: Limit = 50
) -> PaymentsAnswer:
    """List the payments of all organisations, newest first."""
    result = await payments.page_payments(ctx, payment_search(status, search), cursor, limit)
    return PaymentsAnswer(items=result.items, next_cursor=result.next_cursor)


@get("/admin/payments/{payment_id:uuid}", opt=PLATFORM_MONEY_READ)
async def show_payment(ctx: Ctx, payment_id: FromPath[UUID]) -> PaymentDetail:
    """Get a payment, what can be refunded of it, and its refunds."""
    return await refunds.show_payment(ctx, payment_id)


@post("/admin/payments/{payment_id:uuid}/refunds", opt=PLATFORM_MONEY_MANAGE, status_code=201)
async def request_refund(ctx: Ctx, payment_id: FromPath[UUID], data: Json[RefundBody]) -> RefundMoved:
    """Request a refund. It is approved at once within what you may give alone."""
    return await refunds.request_refund(ctx, data.command(payment_id))


@get("/admin/refunds", opt=PLATFORM_MONEY_READ)
async def list_refunds(ctx: Ctx, status: State = "", cursor: Cursor = None, limit: Limit = 50) -> RefundsAnswer:
    """List the refunds of all organisations, newest first."""
    result = await payments.page_refunds(ctx, refund_status(status), cursor, limit)
    return RefundsAnswer(items=result.items, next_cursor=result.next_cursor)


@get("/admin/refunds/{refund_id:uuid}", opt=PLATFORM_MONEY_READ)
async def show_refund(ctx: Ctx, refund_id: FromPath[UUID]) -> RefundDetail:
    """Get a refund and its approval."""
    return await refunds.show_refund(ctx, refund_id)


@post("/admin/refunds/{refund_id:uuid}/approve", opt=PLATFORM_MONEY_MANAGE, status_code=200)
async def approve_refund(ctx: Ctx, refund_id: FromPath[UUID], data: Json[ReasonForm]) -> RefundMoved:
    """Approve a refund that somebody else requested."""
    command = DecideRefund(refund_id=refund_id, reason=data.reason)
    return await refunds.approve_refund(ctx, command)


@post("/admin/refunds/{refund_id:uuid}/reject", opt=PLATFORM_MONEY_MANAGE, status_code=200)
async def reject_refund(ctx: Ctx, refund_id: FromPath[UUID], data: Json[ReasonForm]) -> RefundMoved:
    """Reject a refund that somebody else requested."""
    command = DecideRefund(refund_id=refund_id, reason=data.reason)
    return await refunds.reject_refund(ctx, command)


@get("/admin/corrections", opt=PLATFORM_MONEY_READ)
async def list_corrections(
    ctx: Ctx, tenant: TenantFilter = None, cursor: Cursor = None, limit: Limit = 50
) -> CorrectionsAnswer:
    """List corrections of credit, newest first."""
    result = await adjustments.page_adjustments(ctx, tenant, cursor, limit)
    return CorrectionsAnswer(items=result.items, next_cursor=result.next_cursor)


@post("/admin/corrections", opt=PLATFORM_MONEY_MANAGE, status_code=201)
async def request_correction(ctx: Ctx, data: Json[CorrectionBody]) -> AdjustmentView:
    """Request a correction of credit. It is posted at once within what you may give alone."""
    return await adjustments.request_adjustment(ctx, data.command())


@post("/admin/corrections/{adjustment_id:uuid}/approve", opt=PLATFORM_MONEY_MANAGE, status_code=200)
async def approve_correction(ctx: Ctx, adjustment_id: FromPath[UUID], data: Json[ReasonForm]) -> AdjustmentView:
    """Approve a correction that somebody else requested."""
    command = DecideAdjustment(adjustment_id=adjustment_id, reason=data.reason)
    return await adjustments.approve_adjustment(ctx, command)


@post("/admin/corrections/{adjustment_id:uuid}/reject", opt=PLATFORM_MONEY_MANAGE, status_code=200)
async def reject_correction(ctx: Ctx, adjustment_id: FromPath[UUID], data: Json[ReasonForm]) -> AdjustmentView:
    """Reject a correction that somebody else requested."""
    command = DecideAdjustment(adjustment_id=adjustment_id, reason=data.reason)
    return await adjustments.reject_adjustment(ctx, command)


@get("/admin/payment-events", opt=PLATFORM_MONEY_READ)
async def list_webhooks(
    ctx: Ctx, trouble: Troubled = False, cursor: Cursor = None, limit: Limit = 50
) -> WebhooksAnswer:
    """List the webhooks received from Stripe, newest first; with `trouble` only those that wait or failed."""
    result = await payments.page_messages(ctx, None, trouble, cursor, limit)
    return WebhooksAnswer(items=result.items, next_cursor=result.next_cursor)


@post("/admin/payment-events/{message_id:uuid}/replay", opt=PLATFORM_MONEY_MANAGE, status_code=202)
async def replay_webhook(ctx: Ctx, message_id: FromPath[UUID]) -> Replayed:
    """Process a webhook again."""
    return await ledger.replay_webhook(ctx, ReplayWebhook(message_id=message_id))


@get("/admin/ledger", opt=PLATFORM_MONEY_READ)
async def show_ledger(ctx: Ctx) -> LedgerReport:
    """Get the balances of all accounts and the last verification."""
    return await ledger.ledger_report(ctx)


@post("/admin/ledger/verify", opt=PLATFORM_MONEY_READ, status_code=202)
async def verify_ledger(ctx: Ctx) -> CheckStarted:
    """Verify the ledger in the background; `GET /api/v1/admin/ledger` has the result."""
    return await ledger.start_check(ctx, CheckLedger())


ROUTES = [
    list_payments,
    show_payment,
    request_refund,
    list_refunds,
    show_refund,
    approve_refund,
    reject_refund,
    list_corrections,
    request_correction,
    approve_correction,
    reject_correction,
    list_webhooks,
    replay_webhook,
    show_ledger,
    verify_ledger,
]
