"""Money for programs."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from litestar import get
from litestar.params import QueryParameter

from app.domains.billing.schemas import LEDGER_LIMIT, BalanceAnswer, LedgerAnswer, UsageAnswer, ledger_query
from app.domains.billing.service import balances, statements
from app.shared.authz import Permission, tenant_scope
from app.shared.web import Ctx, requires

Kind = Literal["payment", "promotion", "hold", "usage", "hold_released"]
Limit = Annotated[int, QueryParameter(ge=1, le=LEDGER_LIMIT)]
KindFilter = Annotated[Kind | None, QueryParameter(description="only this kind")]
Cause = Annotated[UUID | None, QueryParameter(description="only what this allocation or payment caused")]
Cursor = Annotated[UUID | None, QueryParameter(description="`next_cursor` of the page before")]
From = Annotated[datetime, QueryParameter(name="from", description="start of the period, with its zone")]
To = Annotated[datetime, QueryParameter(name="to", description="end of the period, at most a year later")]


@get("/api/v1/billing/balance", opt=requires(Permission.BILLING_READ))
async def get_balance(ctx: Ctx) -> BalanceAnswer:
    """Balance, burn and runway of the organisation."""
    scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
    return BalanceAnswer.of(await balances.balance(ctx, scope.tenant_id))


@get("/api/v1/billing/ledger", opt=requires(Permission.BILLING_READ))
async def list_ledger(
    ctx: Ctx, cursor: Cursor = None, kind: KindFilter = None, cause: Cause = None, limit: Limit = 50
) -> LedgerAnswer:
    """Every transaction of the organisation, newest first."""
    return LedgerAnswer.of(await statements.list_transactions(ctx, ledger_query(cursor, kind, cause, limit)))


@get("/api/v1/billing/usage", opt=requires(Permission.BILLING_READ))
async def get_usage(ctx: Ctx, from_at: From, to_at: To) -> UsageAnswer:
    """Seconds and cost of each machine in a period."""
    return UsageAnswer.of(await statements.usage_report(ctx, from_at, to_at))


ROUTES = [get_balance, list_ledger, get_usage]
