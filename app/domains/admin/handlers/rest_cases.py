"""API of payment cases."""

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

Closed = Annotated[bool, QueryParameter(name="closed", description="also closed cases")]


@get("/admin/payment-cases", opt=PLATFORM_MONEY_READ)
async def list_cases(ctx: Ctx, closed: Closed = False, cursor: Cursor = None, limit: Limit = 50) -> CasesAnswer:
    """List payment cases, newest first: disputes, and events of Stripe that contradict the ledger."""
    result = await payments.page_cases(ctx, not closed, cursor, limit)
    return CasesAnswer(items=result.items, next_cursor=result.next_cursor)


@post("/admin/payment-cases/{case_id:uuid}/decide", opt=PLATFORM_MONEY_MANAGE, status_code=200)
async def decide_case(ctx: Ctx, case_id: FromPath[UUID], data: Json[ReasonForm]) -> Case:
    """Close a case with what was done about it."""
    return await payments.decide_case(ctx, DecideCase(case_id=case_id, reason=data.reason))


ROUTES = [list_cases, decide_case]
