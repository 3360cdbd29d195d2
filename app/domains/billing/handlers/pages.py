"""The billing pages: overview, usage, ledger, an explained charge, and the header's pill."""

from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath, QueryParameter

from app.domains.billing.contracts import UsageBy, UsageQuery
from app.domains.billing.rules.periods import LAST_DAY
from app.domains.billing.schemas import PillPage
from app.domains.billing.service import money_page, months, statements, usage_page
from app.shared.authz import Permission
from app.shared.authz.scope import may
from app.web import Ctx, fragment, page, requires

Cursor = Annotated[str | None, QueryParameter(max_length=60)]
By = Annotated[UsageBy, QueryParameter(name="by")]
From = Annotated[date | None, QueryParameter(name="from")]
Until = Annotated[date | None, QueryParameter()]


@get("/billing", opt=requires(Permission.BILLING_READ), include_in_schema=False, name="billing:index")
async def billing_page(ctx: Ctx) -> Response[str]:
    """Money, what burns it, and the newest lines of the ledger."""
    return await page(ctx, "billing/index.html", await money_page.money_page(ctx))


@get("/billing/now", opt=requires(Permission.BILLING_READ), include_in_schema=False)
async def billing_now(ctx: Ctx) -> Response[str]:
    """The part of the billing page that moves."""
    return await fragment(ctx, "billing/index.html", "now", await statements.billing_page(ctx))


@get("/billing/pill", opt=requires(Permission.BILLING_READ), include_in_schema=False)
async def refresh_money_pill(ctx: Ctx) -> Response[str]:
    """The header's pill, refetched when money moved."""
    shown = PillPage.of(await statements.own_credit(ctx), may_pay=may(ctx.actor, Permission.PAYMENT_CREATE))
    return await fragment(ctx, "billing/pill.html", "pill", shown)


@get(
    "/billing/ledger/{transaction_id:uuid}",
    opt=requires(Permission.BILLING_READ),
    include_in_schema=False,
    name="billing:explain",
)
async def explain(ctx: Ctx, transaction_id: FromPath[UUID]) -> Response[str]:
    """Why a charge exists."""
    return await page(ctx, "billing/explain.html", await statements.explain(ctx, transaction_id))


@get("/billing/usage", opt=requires(Permission.BILLING_READ), include_in_schema=False)
async def usage(ctx: Ctx, by: By = "sku", from_day: From = None, until: Until = None) -> Response[str]:
    """Usage of a period; `until` is its last day."""
    to_day = None if until is None else min(until, LAST_DAY) + timedelta(days=1)
    query = UsageQuery(by=by, from_day=from_day, to_day=to_day)
    return await page(ctx, "billing/usage.html", await usage_page.usage_page(ctx, query))


@get("/billing/ledger", opt=requires(Permission.BILLING_READ), include_in_schema=False)
async def ledger(ctx: Ctx, cursor: Cursor = None) -> Response[str]:
    """Every movement of money."""
    return await page(ctx, "billing/ledger.html", await statements.ledger_of_tenant(ctx, cursor))


@get("/billing/statements", opt=requires(Permission.BILLING_READ), include_in_schema=False)
async def monthly(ctx: Ctx) -> Response[str]:
    """Statements by month."""
    return await page(ctx, "billing/statements.html", await months.statements(ctx))


ROUTES = [billing_page, billing_now, refresh_money_pill, explain, usage, ledger, monthly]
