"""The overview of Billing: the money now, what it pays for, and the newest lines of the ledger."""

from datetime import datetime, timedelta

import msgspec

from app.domains.billing.contracts import BalanceView
from app.domains.billing.repository.meters import MeterRepository
from app.domains.billing.service import balances, costs, ledger
from app.domains.billing.service.costs import MachineUsage
from app.domains.billing.service.ledger import LedgerView
from app.shared.authz import Permission, tenant_scope
from app.shared.context import Context

MAX_RUNNING = 100


class OverviewView(msgspec.Struct, frozen=True, kw_only=True):
    """`running` holds the costs of running machines since midnight UTC."""

    balance: BalanceView
    running: tuple[MachineUsage, ...]
    ledger: LedgerView
    now: datetime


async def overview(ctx: Context) -> OverviewView:
    """The overview of the actor's organisation. Raises Forbidden."""
    scope, now = tenant_scope(ctx.actor, Permission.BILLING_READ), await ctx.now()
    meters = await MeterRepository(ctx.session).list_in_period(scope, now, now + timedelta(seconds=1), MAX_RUNNING)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return OverviewView(
        balance=await balances.balance(ctx, scope.tenant_id),
        running=tuple(costs.usage_of(meter, midnight, now) for meter in meters),
        ledger=await ledger.list_lines(ctx),
        now=now,
    )
