"""The JSON API of Billing."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from litestar import get
from litestar.params import QueryParameter
from litestar.response import Stream

from app.domains.billing.handlers.options import BILLING_READ
from app.domains.billing.rules.usage import UsageBy, UsageQuery
from app.domains.billing.schemas.api import (
    LEDGER_LIMIT,
    BalanceAnswer,
    LedgerAnswer,
    StatementsAnswer,
    UsageAnswer,
    UsageSummaryAnswer,
    ledger_query,
)
from app.domains.billing.service import balances, costs, exports, ledger, statements, usage
from app.shared.authz import Permission, tenant_scope
from app.web import Contexts, Ctx
from app.web.csv_file import csv_file
from app.web.kept import kept
from app.web.paging import Cursor

Kind = Literal[
    "payment",
    "promotion",
    "hold",
    "usage",
    "hold_released",
    "refund",
    "refund_returned",
    "dispute",
    "dispute_returned",
    "adjustment",
]
Limit = Annotated[int, QueryParameter(ge=1, le=LEDGER_LIMIT)]
KindFilter = Annotated[Kind | None, QueryParameter(description="only this kind")]
Cause = Annotated[UUID | None, QueryParameter(description="only what this allocation or payment caused")]
From = Annotated[datetime, QueryParameter(name="from", description="start of the period, with its zone")]
To = Annotated[datetime, QueryParameter(name="to", description="end of the period, at most a year later")]
By = Annotated[UsageBy, QueryParameter(name="by", description="what the lines group by")]
FromDay = Annotated[date | None, QueryParameter(name="from", description="first day, in the organisation's time zone")]
ToDay = Annotated[date | None, QueryParameter(name="to", description="the day after the last, at most 366 later")]


@get("/billing/balance", opt=BILLING_READ)
async def get_balance(ctx: Ctx) -> BalanceAnswer:
    """Balance, burn and runway of the organisation."""
    scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
    return BalanceAnswer.of(await balances.balance(ctx, scope.tenant_id))


@get("/billing/ledger", opt=BILLING_READ | kept("billing:{tenant}"))
async def list_ledger(
    ctx: Ctx, cursor: Cursor = None, kind: KindFilter = None, cause: Cause = None, limit: Limit = 50
) -> LedgerAnswer:
    """Every transaction of the organisation, newest first."""
    return LedgerAnswer.of(await ledger.list_transactions(ctx, ledger_query(cursor, kind, cause, limit)))


@get("/billing/usage", opt=BILLING_READ)
async def get_usage(ctx: Ctx, from_at: From, to_at: To) -> UsageAnswer:
    """Seconds and cost of each machine in a period."""
    return UsageAnswer.of(await costs.usage_report(ctx, from_at, to_at))


@get("/billing/ledger.csv", opt=BILLING_READ)
async def export_ledger(contexts: Contexts) -> Stream:
    """Every transaction of the organisation as a CSV file, newest first."""
    return csv_file("berth-ledger.csv", exports.LEDGER_HEAD, await exports.ledger_rows(contexts))


@get("/usage", opt=BILLING_READ)
async def get_usage_by(ctx: Ctx, by: By = "day", from_day: FromDay = None, to_day: ToDay = None) -> UsageSummaryAnswer:
    """Usage of whole days, up to now, by day, type, project or machine; without bounds the last 30 days."""
    query = UsageQuery(by=by, from_day=from_day, to_day=to_day)
    return UsageSummaryAnswer.of(await usage.summary(ctx, query))


@get("/usage.csv", opt=BILLING_READ)
async def export_usage(contexts: Contexts, from_day: FromDay = None, to_day: ToDay = None) -> Stream:
    """Usage as a CSV file, one line per machine and day."""
    rows = await exports.usage_rows(contexts, UsageQuery(from_day=from_day, to_day=to_day))
    return csv_file("berth-usage.csv", exports.USAGE_HEAD, rows)


@get("/billing/statements", opt=BILLING_READ)
async def list_statements(ctx: Ctx) -> StatementsAnswer:
    """What each month began with, what came in, what was charged and what was left; at most 24, newest first."""
    return StatementsAnswer.of(await statements.statements(ctx))


@get("/billing/statements.csv", opt=BILLING_READ)
async def export_statements(contexts: Contexts) -> Stream:
    """Monthly statements as a CSV file."""
    return csv_file("berth-statements.csv", exports.STATEMENTS_HEAD, await exports.statement_rows(contexts))


ROUTES = [
    get_balance,
    list_ledger,
    get_usage,
    export_ledger,
    get_usage_by,
    export_usage,
    list_statements,
    export_statements,
]
