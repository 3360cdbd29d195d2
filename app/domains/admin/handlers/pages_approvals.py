"""What waits for a second person."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from app.domains.admin.contracts.approvals import DecideRequest
from app.domains.admin.handlers.options import PLATFORM_CONSOLE
from app.domains.admin.schemas.approvals import PATH, request_page, request_status, requests_page
from app.domains.admin.schemas.money import ReasonForm
from app.domains.admin.service import approvals
from app.web import Ctx, Form, page, redirect
from app.web.paging import Cursor
from app.web.query import State

PAGE = 50


@get(PATH, opt=PLATFORM_CONSOLE)
async def list_requests(ctx: Ctx, status: State = "", cursor: Cursor = None) -> Response[str]:
    """Requests of all operators."""
    found = await approvals.page_requests(ctx, request_status(status), cursor, PAGE)
    names = await approvals.names_in(ctx, list(found.items))
    return await page(ctx, "admin/approvals.html", requests_page(found.items, names, status, found.next_cursor))


@get("/admin/approvals/{request_id:uuid}", opt=PLATFORM_CONSOLE)
async def show_request(ctx: Ctx, request_id: FromPath[UUID]) -> Response[str]:
    """One request."""
    return await page(ctx, "admin/approval.html", request_page(await approvals.show_request(ctx, request_id)))


@post("/admin/approvals/{request_id:uuid}/approve", opt=PLATFORM_CONSOLE)
async def approve_request(ctx: Ctx, request_id: FromPath[UUID], data: Form[ReasonForm]) -> Response[str]:
    """Let it be done."""
    command = DecideRequest(request_id=request_id, reason=data.reason)
    await approvals.approve_request(ctx, command)
    return redirect(ctx, f"{PATH}/{request_id}")


@post("/admin/approvals/{request_id:uuid}/reject", opt=PLATFORM_CONSOLE)
async def reject_request(ctx: Ctx, request_id: FromPath[UUID], data: Form[ReasonForm]) -> Response[str]:
    """Leave everything as it is."""
    command = DecideRequest(request_id=request_id, reason=data.reason)
    await approvals.reject_request(ctx, command)
    return redirect(ctx, f"{PATH}/{request_id}")


ROUTES = [list_requests, show_request, approve_request, reject_request]
