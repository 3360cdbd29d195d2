"""Pages of payment cases, which an operator has to decide."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from app.domains.admin.handlers.options import PLATFORM_MONEY_MANAGE, PLATFORM_MONEY_READ
from app.domains.admin.schemas.money import ReasonForm
from app.domains.admin.schemas.money_pages import CASES, CasesPage
from app.domains.payments import public as payments
from app.domains.payments.contracts import DecideCase
from app.web import Ctx, Form, page, redirect
from app.web.paging import Cursor
from app.web.query import AllFlag

PAGE = 50


@get(CASES, opt=PLATFORM_MONEY_READ)
async def list_cases_page(ctx: Ctx, everything: AllFlag = "", cursor: Cursor = None) -> Response[str]:
    """Open cases; with `all` the closed ones too."""
    rows = await payments.page_cases(ctx, not everything, cursor, PAGE)
    return await page(ctx, "admin/cases.html", CasesPage.of(rows, ctx.actor, everything=everything, cursor=cursor))


@post("/admin/money/cases/{case_id:uuid}/decide", opt=PLATFORM_MONEY_MANAGE)
async def decide_case_page(ctx: Ctx, case_id: FromPath[UUID], data: Form[ReasonForm]) -> Response[str]:
    """Close a case with what was done about it."""
    await payments.decide_case(ctx, DecideCase(case_id=case_id, reason=data.reason))
    return redirect(ctx, CASES)


ROUTES = [list_cases_page, decide_case_page]
