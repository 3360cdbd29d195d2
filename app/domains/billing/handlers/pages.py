"""The pages of Billing: overview, usage, ledger, one explained transaction, statements, and the header's pill."""

from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath, QueryParameter

from app.domains.billing.handlers.options import BILLING_READ
from app.domains.billing.rules.periods import LAST_DAY
from app.domains.billing.rules.usage import UsageBy, UsageQuery
from app.domains.billing.schemas.pages import ExplainPage, LedgerPage, OverviewPage, PillPage, StatementsPage
from app.domains.billing.schemas.usage import UsagePage
from app.domains.billing.service import balances, history, ledger, overview, statements, usage
from app.shared.authz import Permission
from app.shared.authz.scope import may
from app.web import Ctx, fragment, page

Cursor = Annotated[str | None, QueryParameter(max_length=200)]
By = Annotated[UsageBy, QueryParameter(name="by")]
From = Annotated[date | None, QueryParameter(name="from")]
Until = Annotated[date | None, QueryParameter()]


@get("/billing", opt=BILLING_READ, name="billing:index")
async def show_overview(ctx: Ctx) -> Response[str]:
    """Balance, running machines, history, and the newest lines of the ledger."""
    may_pay = may(ctx.actor, Permission.PAYMENT_CREATE)
    view = await overview.overview(ctx)
    shown = OverviewPage.of(view, await history.history(ctx, view.posted), may_add_credit=may_pay)
    return await page(ctx, "billing/index.html", shown)


@get("/billing/now", opt=BILLING_READ)
async def refresh_overview(ctx: Ctx) -> Response[str]:
    """The part of the overview that is refetched when money moves."""
    may_pay = may(ctx.actor, Permission.PAYMENT_CREATE)
    shown = OverviewPage.of(await overview.overview(ctx), None, may_add_credit=may_pay)
    return await fragment(ctx, "billing/index.html", "now", shown)


@get("/billing/pill", opt=BILLING_READ)
async def refresh_money_pill(ctx: Ctx) -> Response[str]:
    """The header's pill, refetched when money moves."""
    shown = PillPage.of(await balances.own_credit(ctx), may_pay=may(ctx.actor, Permission.PAYMENT_CREATE))
    return await fragment(ctx, "billing/pill.html", "pill", shown)


@get(
    "/billing/ledger/{transaction_id:uuid}",
    opt=BILLING_READ,
    name="billing:explain",
)
async def explain_transaction(ctx: Ctx, transaction_id: FromPath[UUID]) -> Response[str]:
    """Why a transaction exists."""
    return await page(ctx, "billing/explain.html", ExplainPage.of(await ledger.explain(ctx, transaction_id)))


@get("/billing/usage", opt=BILLING_READ)
async def show_usage(ctx: Ctx, by: By = "sku", from_day: From = None, until: Until = None) -> Response[str]:
    """Usage of a period; `until` is its last day."""
    to_day = None if until is None else min(until, LAST_DAY) + timedelta(days=1)
    query = UsageQuery(by=by, from_day=from_day, to_day=to_day)
    return await page(ctx, "billing/usage.html", UsagePage.of(await usage.breakdown(ctx, query)))


@get("/billing/ledger", opt=BILLING_READ)
async def list_ledger(ctx: Ctx, cursor: Cursor = None) -> Response[str]:
    """Every movement of money."""
    may_pay = may(ctx.actor, Permission.PAYMENT_CREATE)
    view = await ledger.list_lines(ctx, cursor)
    shown = LedgerPage.of(view, is_first_page=cursor is None, may_add_credit=may_pay)
    return await page(ctx, "billing/ledger.html", shown)


@get("/billing/statements", opt=BILLING_READ)
async def list_statements(ctx: Ctx) -> Response[str]:
    """Monthly statements."""
    return await page(ctx, "billing/statements.html", StatementsPage.of(await statements.statements(ctx)))


ROUTES = [
    show_overview,
    refresh_overview,
    refresh_money_pill,
    explain_transaction,
    show_usage,
    list_ledger,
    list_statements,
]
