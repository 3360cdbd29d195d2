"""What a person has to decide about money."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from app.domains.admin.handlers.options import PLATFORM_MONEY_MANAGE, PLATFORM_MONEY_READ
from app.domains.admin.schemas.money import ReasonForm, money_page
from app.domains.payments import public as payments
from app.domains.payments.contracts import DecideCase
from app.shared.authz import Permission
from app.shared.authz.scope import may
from app.web import Ctx, Form, page, redirect
from app.web.paging import Cursor
from app.web.query import AllFlag

CASES, PAGE = "/admin/money/cases", 50


@get(CASES, opt=PLATFORM_MONEY_READ)
async def list_cases_page(ctx: Ctx, everything: AllFlag = "", cursor: Cursor = None) -> Response[str]:
    """What waits, or with `all` what was decided too."""
    found = await payments.page_cases(ctx, not everything, cursor, PAGE)
    chip = ("closed ones too", CASES if everything else f"{CASES}?all=1", bool(everything))
    manages = may(ctx.actor, Permission.PLATFORM_MONEY_MANAGE)
    more = {"asked": {"all": everything}, "chips": (chip,), "may_manage": manages}
    return await page(ctx, "admin/cases.html", money_page(CASES, found.items, cursor, found.next_cursor, **more))


@post("/admin/money/cases/{case_id:uuid}/decide", opt=PLATFORM_MONEY_MANAGE)
async def decide_case_page(ctx: Ctx, case_id: FromPath[UUID], data: Form[ReasonForm]) -> Response[str]:
    """Say what was done."""
    await payments.decide_case(ctx, DecideCase(case_id=case_id, reason=data.reason))
    return redirect(ctx, CASES)


ROUTES = [list_cases_page, decide_case_page]
