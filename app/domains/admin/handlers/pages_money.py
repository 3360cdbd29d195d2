"""Payments and refunds for operators."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from app.domains.admin.contracts.money import DecideRefund
from app.domains.admin.handlers.options import PLATFORM_MONEY_MANAGE, PLATFORM_MONEY_READ
from app.domains.admin.schemas.money import (
    REFUND_STATUSES,
    STATUSES,
    ReasonForm,
    RefundForm,
    money_page,
    payment_page,
    payment_search,
    refund_status,
    state_chips,
)
from app.domains.admin.service import refunds
from app.domains.payments import public as payments
from app.web import Ctx, Form, page, redirect
from app.web.paging import Cursor
from app.web.query import Search, State

PAGE = 50
LIST, REFUNDS = "/admin/money", "/admin/money/refunds"


@get(LIST, opt=PLATFORM_MONEY_READ)
async def list_payments(ctx: Ctx, status: State = "", search: Search = "", cursor: Cursor = None) -> Response[str]:
    """Everybody's payments."""
    found = await payments.page_payments(ctx, payment_search(status, search), cursor, PAGE)
    names = await refunds.names_of(ctx, {row.tenant_id for row in found.items})
    chips = state_chips(LIST, STATUSES, status, q=search)
    asked = {"state": status, "q": search}
    more = {"asked": asked, "chips": chips, "names": names, "search": search}
    return await page(ctx, "admin/money.html", money_page(LIST, found.items, cursor, found.next_cursor, **more))


@get("/admin/money/payments/{payment_id:uuid}", opt=PLATFORM_MONEY_READ)
async def show_payment(ctx: Ctx, payment_id: FromPath[UUID]) -> Response[str]:
    """One payment with its refunds."""
    return await page(ctx, "admin/payment.html", payment_page(await refunds.show_payment(ctx, payment_id)))


@post("/admin/money/payments/{payment_id:uuid}/refund", opt=PLATFORM_MONEY_MANAGE)
async def request_refund(ctx: Ctx, payment_id: FromPath[UUID], data: Form[RefundForm]) -> Response[str]:
    """Ask for a refund."""
    moved = await refunds.request_refund(ctx, data.command(payment_id))
    return redirect(ctx, f"/admin/money/refunds/{moved.refund_id}")


@get(REFUNDS, opt=PLATFORM_MONEY_READ)
async def list_refunds(ctx: Ctx, status: State = "", cursor: Cursor = None) -> Response[str]:
    """Everybody's refunds."""
    found = await payments.page_refunds(ctx, refund_status(status), cursor, PAGE)
    people = {row.tenant_id for row in found.items} | {row.requested_by for row in found.items}
    names = await refunds.names_of(ctx, people)
    chips = state_chips(REFUNDS, REFUND_STATUSES, status)
    more = {"asked": {"state": status}, "chips": chips, "names": names}
    return await page(ctx, "admin/refunds.html", money_page(REFUNDS, found.items, cursor, found.next_cursor, **more))


@get("/admin/money/refunds/{refund_id:uuid}", opt=PLATFORM_MONEY_READ)
async def show_refund(ctx: Ctx, refund_id: FromPath[UUID]) -> Response[str]:
    """One refund and its decision."""
    return await page(ctx, "admin/refund.html", await refunds.show_refund(ctx, refund_id))


@post("/admin/money/refunds/{refund_id:uuid}/approve", opt=PLATFORM_MONEY_MANAGE)
async def approve_refund(ctx: Ctx, refund_id: FromPath[UUID], data: Form[ReasonForm]) -> Response[str]:
    """Let it go."""
    command = DecideRefund(refund_id=refund_id, reason=data.reason)
    await refunds.approve_refund(ctx, command)
    return redirect(ctx, f"/admin/money/refunds/{refund_id}")


@post("/admin/money/refunds/{refund_id:uuid}/reject", opt=PLATFORM_MONEY_MANAGE)
async def reject_refund(ctx: Ctx, refund_id: FromPath[UUID], data: Form[ReasonForm]) -> Response[str]:
    """Nothing goes back."""
    command = DecideRefund(refund_id=refund_id, reason=data.reason)
    await refunds.reject_refund(ctx, command)
    return redirect(ctx, f"/admin/money/refunds/{refund_id}")


ROUTES = [list_payments, show_payment, request_refund, list_refunds, show_refund, approve_refund, reject_refund]
