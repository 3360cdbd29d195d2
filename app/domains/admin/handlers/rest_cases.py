"""The same for programs: what a person has to decide about money."""

from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath, QueryParameter

from app.domains.admin.handlers.options import PLATFORM_MONEY_MANAGE, PLATFORM_MONEY_READ
from app.domains.admin.schemas.money import CasesAnswer, ReasonForm
from app.domains.payments import public as payments
from app.domains.payments.contracts import Case, DecideCase
from app.web import Ctx, Json
from app.web.paging import Cursor, Limit

Closed = Annotated[bool, QueryParameter(name="closed", description="closed ones too")]


@get("/admin/payment-cases", opt=PLATFORM_MONEY_READ)
async def list_cases(ctx: Ctx, closed: Closed = False, cursor: Cursor = None, limit: Limit = 50) -> CasesAnswer:
    """What a person has to decide about money, newest first: what Stripe told us that does not fit, and disputes."""
    found = await payments.page_cases(ctx, not closed, cursor, limit)
    return CasesAnswer(items=found.items, next_cursor=found.next_cursor)


@post("/admin/payment-cases/{case_id:uuid}/decide", opt=PLATFORM_MONEY_MANAGE, status_code=200)
async def decide_case(ctx: Ctx, case_id: FromPath[UUID], data: Json[ReasonForm]) -> Case:
    """Close one: say what was done."""
    return await payments.decide_case(ctx, DecideCase(case_id=case_id, reason=data.reason))


ROUTES = [list_cases, decide_case]
