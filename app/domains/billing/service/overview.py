"""The overview of Billing: the money now, what it pays for, and the newest lines of the ledger."""

from datetime import datetime

import msgspec

from app.domains.billing.contracts import BalanceView
from app.domains.billing.repository.meters import MeterRepository
from app.domains.billing.service import balances, costs, ledger
from app.domains.billing.service.costs import MachineUsage
from app.domains.billing.service.ledger import LedgerView
from app.shared.authz import Permission, tenant_scope
from app.shared.context import Context
from app.shared.money import Micro

MAX_RUNNING = 100


class OverviewView(msgspec.Struct, frozen=True, kw_only=True):
    """`running` holds the costs of running machines since midnight UTC, `posted` all money in the ledger."""

    balance: BalanceView
    posted: Micro
    running: tuple[MachineUsage, ...]
    ledger: LedgerView
    now: datetime


async def overview(ctx: Context) -> OverviewView:
    """The overview of the actor's organisation. Raises Forbidden."""
    scope, now = tenant_scope(ctx.actor, Permission.BILLING_READ), await ctx.now()
    meters = await MeterRepository(ctx.session).list_running(scope, MAX_RUNNING)
    balance = await balances.balance(ctx, scope.tenant_id)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return OverviewView(
        balance=balance,
        posted=Micro(balance.available + balance.held),
        running=tuple(costs.usage_of(meter, midnight, now) for meter in meters),
        ledger=await ledger.list_lines(ctx),
        now=now,
    )
