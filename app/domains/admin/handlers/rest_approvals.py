"""What waits for a second person, and what one may still give alone, for programs."""

from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath, QueryParameter

from app.domains.admin.contracts.approvals import DecideRequest, RequestDecided, RequestDetail
from app.domains.admin.contracts.money import AloneLeft
from app.domains.admin.handlers.options import PLATFORM_CONSOLE, PLATFORM_MONEY_READ
from app.domains.admin.schemas.approvals import RequestsAnswer, request_status
from app.domains.admin.schemas.money import ReasonForm
from app.domains.admin.service import alone, approvals
from app.web import Ctx, Json
from app.web.paging import Cursor, Limit
from app.web.query import State

OneTenant = Annotated[UUID | None, QueryParameter(name="tenant", description="given to this organisation")]
OnePayment = Annotated[UUID | None, QueryParameter(name="payment", description="given back of this payment")]
Taking = Annotated[bool, QueryParameter(description="what may be taken instead of given")]


@get("/admin/change-requests", opt=PLATFORM_CONSOLE)
async def list_requests(ctx: Ctx, status: State = "", cursor: Cursor = None, limit: Limit = 50) -> RequestsAnswer:
    """What operators asked for that takes a second person, newest first; `state` is requested, approved or rejected."""
    found = await approvals.page_requests(ctx, request_status(status), cursor, limit)
    return RequestsAnswer(items=found.items, next_cursor=found.next_cursor)


@get("/admin/change-requests/{request_id:uuid}", opt=PLATFORM_CONSOLE)
async def show_request(ctx: Ctx, request_id: FromPath[UUID]) -> RequestDetail:
    """One request, and whether you may decide it."""
    return await approvals.show_request(ctx, request_id)


@post("/admin/change-requests/{request_id:uuid}/approve", opt=PLATFORM_CONSOLE, status_code=200)
async def approve_request(ctx: Ctx, request_id: FromPath[UUID], data: Json[ReasonForm]) -> RequestDecided:
    """Let it be done now. You need the permission of the action, and to be somebody else than who asked."""
    command = DecideRequest(request_id=request_id, reason=data.reason)
    return await approvals.approve_request(ctx, command)


@post("/admin/change-requests/{request_id:uuid}/reject", opt=PLATFORM_CONSOLE, status_code=200)
async def reject_request(ctx: Ctx, request_id: FromPath[UUID], data: Json[ReasonForm]) -> RequestDecided:
    """Leave everything as it is. Who asked takes a request back in the same way."""
    command = DecideRequest(request_id=request_id, reason=data.reason)
    return await approvals.reject_request(ctx, command)


@get("/admin/left-alone", opt=PLATFORM_MONEY_READ)
async def left_alone(
    ctx: Ctx, tenant: OneTenant = None, payment: OnePayment = None, taking: Taking = False
) -> AloneLeft:
    """What you may still give in refunds and corrections before a second person is needed."""
    return await alone.left_alone(ctx, tenant, payment, taking=taking)


ROUTES = [list_requests, show_request, approve_request, reject_request, left_alone]
