"""What a person has to decide about money."""

from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from app.domains.admin.schemas.money import CasesAnswer, ReasonForm, money_page
from app.domains.payments import public as payments
from app.domains.payments.contracts import Case, DecideCase
from app.shared.authz import Permission
from app.shared.authz.scope import may
from app.web import MONEY, Ctx, Form, Json, page, redirect, requires
from app.web.paging import Cursor, Limit

READ, MANAGE = requires(Permission.PLATFORM_MONEY_READ), requires(Permission.PLATFORM_MONEY_MANAGE, rate=MONEY)
All = Annotated[str, QueryParameter(name="all", max_length=1)]
Closed = Annotated[bool, QueryParameter(name="closed", description="closed ones too")]
CASES, PAGE = "/admin/money/cases", 50


@get(CASES, opt=READ, include_in_schema=False)
async def list_cases_page(ctx: Ctx, everything: All = "", cursor: Cursor = None) -> Response[str]:
    """What waits, or with `all` what was decided too."""
    found = await payments.page_cases(ctx, not everything, cursor, PAGE)
    chip = ("closed ones too", CASES if everything else f"{CASES}?all=1", bool(everything))
    manages = may(ctx.actor, Permission.PLATFORM_MONEY_MANAGE)
    more = {"asked": {"all": everything}, "chips": (chip,), "may_manage": manages}
    return await page(ctx, "admin/cases.html", money_page(CASES, found.items, cursor, found.next_cursor, **more))


@post("/admin/money/cases/{case_id:uuid}/decide", opt=MANAGE, include_in_schema=False)
async def decide_case_page(ctx: Ctx, case_id: FromPath[UUID], data: Form[ReasonForm]) -> Response[str]:
    """Say what was done."""
    await payments.decide_case(ctx, DecideCase(case_id=case_id, reason=data.reason))
    return redirect(ctx, CASES)


@get("/api/v1/admin/payment-cases", opt=READ)
async def list_cases(ctx: Ctx, closed: Closed = False, cursor: Cursor = None, limit: Limit = 50) -> CasesAnswer:
    """What a person has to decide about money, newest first: what Stripe told us that does not fit, and disputes."""
    found = await payments.page_cases(ctx, not closed, cursor, limit)
    return CasesAnswer(items=found.items, next_cursor=found.next_cursor)


@post("/api/v1/admin/payment-cases/{case_id:uuid}/decide", opt=MANAGE, status_code=200)
async def decide_case(ctx: Ctx, case_id: FromPath[UUID], data: Json[ReasonForm]) -> Case:
    """Close one: say what was done."""
    return await payments.decide_case(ctx, DecideCase(case_id=case_id, reason=data.reason))


ROUTES = [list_cases_page, decide_case_page, list_cases, decide_case]
