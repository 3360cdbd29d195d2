"""Pages of change requests, which a second person approves."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from app.domains.admin.handlers.options import PLATFORM_CONSOLE
from app.domains.admin.schemas.approvals import PATH, RequestPage, RequestsPage, request_status
from app.domains.admin.schemas.money import ReasonForm
from app.domains.admin.service import approvals
from app.domains.admin.service.approvals import DecideRequest
from app.web import Ctx, Form, page, redirect
from app.web.paging import Cursor
from app.web.query import State

PAGE = 50


@get(PATH, opt=PLATFORM_CONSOLE)
async def list_requests(ctx: Ctx, status: State = "", cursor: Cursor = None) -> Response[str]:
    """Change requests of all operators."""
    rows = await approvals.page_requests(ctx, request_status(status), cursor, PAGE)
    names = await approvals.names_in(ctx, list(rows.items))
    return await page(ctx, "admin/approvals.html", RequestsPage.of(rows, names, status))


@get("/admin/approvals/{request_id:uuid}", opt=PLATFORM_CONSOLE)
async def show_request(ctx: Ctx, request_id: FromPath[UUID]) -> Response[str]:
    """A change request."""
    return await page(ctx, "admin/approval.html", RequestPage.of(await approvals.show_request(ctx, request_id)))


@post("/admin/approvals/{request_id:uuid}/approve", opt=PLATFORM_CONSOLE)
async def approve_request(ctx: Ctx, request_id: FromPath[UUID], data: Form[ReasonForm]) -> Response[str]:
    """Approve a request and run its command."""
    await approvals.approve_request(ctx, DecideRequest(request_id=request_id, reason=data.reason))
    return redirect(ctx, f"{PATH}/{request_id}")


@post("/admin/approvals/{request_id:uuid}/reject", opt=PLATFORM_CONSOLE)
async def reject_request(ctx: Ctx, request_id: FromPath[UUID], data: Form[ReasonForm]) -> Response[str]:
    """Reject or withdraw a request."""
    await approvals.reject_request(ctx, DecideRequest(request_id=request_id, reason=data.reason))
    return redirect(ctx, f"{PATH}/{request_id}")


ROUTES = [list_requests, show_request, approve_request, reject_request]
