"""API of change requests, and of what one operator may still give alone."""

from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath, QueryParameter

from app.domains.admin.handlers.options import PLATFORM_CONSOLE, PLATFORM_MONEY_READ
from app.domains.admin.schemas.approvals import RequestsAnswer, request_status
from app.domains.admin.schemas.money import ReasonForm
from app.domains.admin.service import alone, approvals
from app.domains.admin.service.alone import AloneLeft
from app.domains.admin.service.approvals import DecideRequest, RequestDecided, RequestDetail
from app.web import Ctx, Json
from app.web.paging import Cursor, Limit
from app.web.query import State

OneTenant = Annotated[UUID | None, QueryParameter(name="tenant", description="for this organisation")]
OnePayment = Annotated[UUID | None, QueryParameter(name="payment", description="for refunds of this payment")]
Taking = Annotated[bool, QueryParameter(description="the sum for deductions instead of credits")]


@get("/admin/change-requests", opt=PLATFORM_CONSOLE)
async def list_requests(ctx: Ctx, status: State = "", cursor: Cursor = None, limit: Limit = 50) -> RequestsAnswer:
    """List change requests, newest first; `state` is `requested`, `approved` or `rejected`."""
    result = await approvals.page_requests(ctx, request_status(status), cursor, limit)
    return RequestsAnswer(items=result.items, next_cursor=result.next_cursor)


@get("/admin/change-requests/{request_id:uuid}", opt=PLATFORM_CONSOLE)
async def show_request(ctx: Ctx, request_id: FromPath[UUID]) -> RequestDetail:
    """Get a change request, and whether you may decide it."""
    return await approvals.show_request(ctx, request_id)


@post("/admin/change-requests/{request_id:uuid}/approve", opt=PLATFORM_CONSOLE, status_code=200)
async def approve_request(ctx: Ctx, request_id: FromPath[UUID], data: Json[ReasonForm]) -> RequestDecided:
    """Approve a request and run its command. You need the permission of the action, and must not be its requester."""
    command = DecideRequest(request_id=request_id, reason=data.reason)
    return await approvals.approve_request(ctx, command)


@post("/admin/change-requests/{request_id:uuid}/reject", opt=PLATFORM_CONSOLE, status_code=200)
async def reject_request(ctx: Ctx, request_id: FromPath[UUID], data: Json[ReasonForm]) -> RequestDecided:
    """Reject a request. Its requester withdraws it in the same way."""
    command = DecideRequest(request_id=request_id, reason=data.reason)
    return await approvals.reject_request(ctx, command)


@get("/admin/left-alone", opt=PLATFORM_MONEY_READ)
async def left_alone(
    ctx: Ctx, tenant: OneTenant = None, payment: OnePayment = None, taking: Taking = False
) -> AloneLeft:
    """Get what you may still give in refunds and corrections without a second person."""
    return await alone.left_alone(ctx, tenant, payment, taking=taking)


ROUTES = [list_requests, show_request, approve_request, reject_request, left_alone]
