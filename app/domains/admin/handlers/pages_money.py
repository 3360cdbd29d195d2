"""Pages of payments and refunds."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from app.domains.admin.handlers.options import PLATFORM_MONEY_MANAGE, PLATFORM_MONEY_READ
from app.domains.admin.schemas.money import ReasonForm, RefundForm, payment_search, refund_status
from app.domains.admin.schemas.money_pages import (
    PAYMENTS,
    REFUNDS,
    PaymentPage,
    PaymentsPage,
    RefundPage,
    RefundsPage,
)
from app.domains.admin.service import refunds
from app.domains.admin.service.refunds import DecideRefund
from app.domains.payments import public as payments
from app.web import Ctx, Form, page, redirect
from app.web.paging import Cursor
from app.web.query import Search, State

PAGE = 50


@get(PAYMENTS, opt=PLATFORM_MONEY_READ)
async def list_payments(ctx: Ctx, status: State = "", search: Search = "", cursor: Cursor = None) -> Response[str]:
    """Payments of all organisations."""
    rows = await payments.page_payments(ctx, payment_search(status, search), cursor, PAGE)
    names = await refunds.names_of(ctx, [row.tenant_id for row in rows.items])
    struct = PaymentsPage.of(rows, names, status=status, search=search, cursor=cursor)
    return await page(ctx, "admin/money.html", struct)


@get("/admin/money/payments/{payment_id:uuid}", opt=PLATFORM_MONEY_READ)
async def show_payment(ctx: Ctx, payment_id: FromPath[UUID]) -> Response[str]:
    """A payment with its refunds."""
    return await page(ctx, "admin/payment.html", PaymentPage.of(await refunds.show_payment(ctx, payment_id)))


@post("/admin/money/payments/{payment_id:uuid}/refund", opt=PLATFORM_MONEY_MANAGE)
async def request_refund(ctx: Ctx, payment_id: FromPath[UUID], data: Form[RefundForm]) -> Response[str]:
    """Request a refund."""
    moved = await refunds.request_refund(ctx, data.command(payment_id))
    return redirect(ctx, f"/admin/money/refunds/{moved.refund_id}")


@get(REFUNDS, opt=PLATFORM_MONEY_READ)
async def list_refunds(ctx: Ctx, status: State = "", cursor: Cursor = None) -> Response[str]:
    """Refunds of all organisations."""
    rows = await payments.page_refunds(ctx, refund_status(status), cursor, PAGE)
    names = await refunds.names_of(ctx, [one for row in rows.items for one in (row.tenant_id, row.requested_by)])
    return await page(ctx, "admin/refunds.html", RefundsPage.of(rows, names, status=status, cursor=cursor))


@get("/admin/money/refunds/{refund_id:uuid}", opt=PLATFORM_MONEY_READ)
async def show_refund(ctx: Ctx, refund_id: FromPath[UUID]) -> Response[str]:
    """A refund and its approval."""
    return await page(ctx, "admin/refund.html", RefundPage.of(await refunds.show_refund(ctx, refund_id)))


@post("/admin/money/refunds/{refund_id:uuid}/approve", opt=PLATFORM_MONEY_MANAGE)
async def approve_refund(ctx: Ctx, refund_id: FromPath[UUID], data: Form[ReasonForm]) -> Response[str]:
    """Approve a refund."""
    await refunds.approve_refund(ctx, DecideRefund(refund_id=refund_id, reason=data.reason))
    return redirect(ctx, f"/admin/money/refunds/{refund_id}")


@post("/admin/money/refunds/{refund_id:uuid}/reject", opt=PLATFORM_MONEY_MANAGE)
async def reject_refund(ctx: Ctx, refund_id: FromPath[UUID], data: Form[ReasonForm]) -> Response[str]:
    """Reject a refund."""
    await refunds.reject_refund(ctx, DecideRefund(refund_id=refund_id, reason=data.reason))
    return redirect(ctx, f"/admin/money/refunds/{refund_id}")


ROUTES = [list_payments, show_payment, request_refund, list_refunds, show_refund, approve_refund, reject_refund]
