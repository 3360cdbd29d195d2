"""What people and programs read: the header's pill, costs, receipts, the ledger and its explanations."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from app.domains.billing.contracts import (
    BillingPage,
    CostView,
    CreditSummary,
    ExplainedTransaction,
    ExplainedUsage,
    LedgerLine,
    LedgerOfTenant,
    LedgerPage,
    ReceiptView,
    TransactionId,
    TransactionPage,
    TransactionQuery,
    TransactionView,
    UsageOfAllocation,
    UsageReport,
)
from app.domains.billing.repository import accounts, statements
from app.domains.billing.repository.metering import Metered
from app.domains.billing.rules import rating, runway
from app.domains.billing.service import balances
from app.shared.authz import Permission, tenant_scope
from app.shared.authz.scope import may
from app.shared.context import Context
from app.shared.errors import NotFound, ValidationFailed
from app.shared.money import Micro, RateMicroPerHour

ATTENTION_SECONDS = 4 * 3_600
LONGEST_REPORT = timedelta(days=366)
TITLES = {
    "payment": "Credit added by card",
    "promotion": "Promotional credit",
    "refund": "Refunded to your card",
    "refund_returned": "Refund came back",
    "dispute": "Disputed at your bank",
    "dispute_returned": "Dispute decided for us",
    "adjustment": "Correction by Berth",
    "hold": "Held for",
    "hold_released": "Hold given back for",
    "usage": "Use of",
}


# no machine behind them
PLAIN = frozenset({"payment", "promotion", "refund", "refund_returned", "dispute", "dispute_returned", "adjustment"})


def title(kind: str, label: str, cause_id: UUID) -> str:
    """What caused a transaction, in words. `label` is the machine's name when there is one."""
    if kind in PLAIN:
        return TITLES[kind]
    return f"{TITLES[kind]} {label or cause_id.hex[-8:]}"


async def credit_summary(ctx: Context, tenant_id: UUID) -> CreditSummary:
    """The header's figures in one statement; `is_low` under four hours of runway. Zeros for a new organisation until it
    has its accounts, moments later."""
    funds = await balances.get_funds(ctx, tenant_id)
    left = runway.runway_seconds(balances.spendable(funds), funds.burn)
    return CreditSummary(
        available=funds.available,
        burn_per_hour=funds.burn,
        empties_at=runway.empties_at(await ctx.now(), left),
        currency=funds.currency,
        is_low=left is not None and left <= ATTENTION_SECONDS,
    )


async def own_credit(ctx: Context) -> CreditSummary:
    """The same for the fragment that the header refetches."""
    return await credit_summary(ctx, tenant_scope(ctx.actor, Permission.BILLING_READ).tenant_id)


async def cost_of(ctx: Context, allocation_id: UUID) -> CostView | None:
    """What the allocation has cost up to now; None when billing does not know it."""
    return (await costs_of(ctx, [allocation_id])).get(allocation_id)


async def costs_of(ctx: Context, allocation_ids: list[UUID]) -> dict[UUID, CostView]:
    """Costs of several allocations. They need no usage to be read: charges are cumulative, so the total is the rule
    applied to the whole life, and `verify` proves that the posted parts sum up to it."""
    if not allocation_ids:
        return {}
    now = await ctx.now()
    held = await statements.held_for(ctx.session, allocation_ids)
    found = await statements.list_metered(ctx.session, allocation_ids)
    return {m.allocation_id: _cost(m, held.get(m.allocation_id, Micro(0)), now) for m in found}


def _cost(metered: Metered, held: Micro, now: datetime) -> CostView:
    seconds, total, rate = 0, Micro(0), metered.rate or RateMicroPerHour(0)
    if metered.metered_from is not None:
        until = metered.ended_at or max(now, metered.metered_from)
        seconds, total = rating.cost_between(rate, metered.metered_from, until, metered.metered_from, until)
    return CostView(
        allocation_id=metered.allocation_id,
        currency=metered.currency,
        total=total,
        seconds=seconds,
        rate=rate,
        since=metered.metered_from,
        until=metered.ended_at,
        held=held,
    )


async def receipt(ctx: Context, allocation_id: UUID) -> ReceiptView | None:
    """What was posted for the allocation, by hour."""
    found = await statements.list_metered(ctx.session, [allocation_id])
    if not found:
        return None
    lines = await statements.list_receipt(ctx.session, allocation_id)
    return ReceiptView(
        allocation_id=allocation_id,
        currency=found[0].currency,
        total=Micro(sum(line.amount for line in lines)),
        seconds=sum(line.seconds for line in lines),
        lines=lines,
    )


async def ledger_page(ctx: Context, cursor: str | None, limit: int = 25) -> LedgerPage:
    """One page of the tenant's ledger. Raises ValidationFailed for a cursor that is none of ours."""
    scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
    found = await statements.page_lines(ctx.session, scope, _read_cursor(cursor), limit + 1)
    lines = tuple(
        msgspec.structs.replace(line, title=title(line.kind, line.title, line.cause_id)) for line in found[:limit]
    )
    return LedgerPage(lines=lines, next_cursor=_cursor(lines[-1]) if len(found) > limit else None)


def _cursor(line: LedgerLine) -> str:
    return f"{int(line.hour.timestamp())}.{line.line_id.hex}"


def _read_cursor(cursor: str | None) -> tuple[datetime, UUID] | None:
    if not cursor:
        return None
    hour, _, line_id = cursor.partition(".")
    try:
        return datetime.fromtimestamp(int(hour), UTC), UUID(hex=line_id)
    except (ValueError, OverflowError, OSError) as error:
        raise ValidationFailed(fields={"cursor": "Use the cursor of a page that you got."}) from error


async def billing_page(ctx: Context) -> BillingPage:
    """Everything the billing page shows."""
    scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
    now = await ctx.now()
    found = await statements.list_metered_in(ctx.session, scope, now, now + timedelta(seconds=1), 100)
    running = tuple(usage_of(metered, now.replace(hour=0, minute=0, second=0, microsecond=0), now) for metered in found)
    return BillingPage(
        balance=await balances.balance(ctx, scope.tenant_id),
        ledger=await ledger_page(ctx, None),
        running=running,
        now=now,
        may_add_credit=may(ctx.actor, Permission.PAYMENT_CREATE),
    )


async def ledger_of_tenant(ctx: Context, cursor: str | None = None) -> LedgerOfTenant:
    """Everything the ledger page shows."""
    scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
    return LedgerOfTenant(
        ledger=await ledger_page(ctx, cursor),
        currency=await accounts.find_currency(ctx.session, scope.tenant_id) or "USD",
        is_first_page=cursor is None,
        may_add_credit=may(ctx.actor, Permission.PAYMENT_CREATE),
    )


async def explain(ctx: Context, transaction_id: UUID) -> ExplainedTransaction:
    """Why a transaction exists. Raises NotFound, also for another tenant's."""
    scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
    found = await statements.find_transaction(ctx.session, scope, transaction_id)
    if found is None:
        raise NotFound()
    entries = await statements.list_entries(ctx.session, transaction_id)
    usage = await statements.find_usage(ctx.session, transaction_id)
    hour = found.occurred_at.replace(minute=0, second=0, microsecond=0)
    return ExplainedTransaction(
        transaction_id=TransactionId(transaction_id),
        kind=found.kind,
        title=title(found.kind, found.label, found.cause_id),
        reference=found.reference,
        cause_id=found.cause_id,
        occurred_at=found.occurred_at,
        currency=found.currency,
        change=found.change,
        moved=found.moved,
        correlation_id=found.correlation_id,
        entries=entries,
        sum_of_entries=Micro(sum(entry.amount for entry in entries)),
        usage=usage,
        written_off=Micro(sum(-entry.amount for entry in entries if entry.account == "write_off")),
        hour=await _explain_hour(ctx, found.cause_id, hour) if usage else None,
    )


async def _explain_hour(ctx: Context, allocation_id: UUID, hour: datetime) -> ExplainedUsage:
    scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
    lines = await statements.list_usage_of_hour(ctx.session, scope, allocation_id, hour)
    return ExplainedUsage(
        from_at=lines[0].from_at,
        to_at=lines[-1].to_at,
        elapsed=lines[0].elapsed,
        seconds=sum(line.seconds for line in lines),
        amount=Micro(sum(line.amount for line in lines)),
        records=tuple(lines),
    )


async def list_transactions(ctx: Context, query: TransactionQuery) -> TransactionPage:
    """Every transaction of the tenant, newest first."""
    scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
    found = await statements.page_transactions(
        ctx.session, scope, query.before, query.kind, query.cause_id, query.limit + 1
    )
    items = tuple(
        msgspec.structs.replace(
            msgspec.convert(row, TransactionView, from_attributes=True), title=title(row.kind, row.label, row.cause_id)
        )
        for row in found[: query.limit]
    )
    return TransactionPage(items=items, next_cursor=items[-1].transaction_id if len(found) > query.limit else None)


async def usage_report(ctx: Context, from_at: datetime, to_at: datetime) -> UsageReport:
    """Seconds and cost of each machine in [from_at, to_at), up to now. Raises ValidationFailed."""
    scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
    if from_at.tzinfo is None or to_at.tzinfo is None:
        raise ValidationFailed(fields={"from": "Give both instants with their zone, as in 2026-01-31T00:00:00Z."})
    if not from_at < to_at or to_at - from_at > LONGEST_REPORT:
        raise ValidationFailed(fields={"to": "Ask for at most a year, with an end after its start."})
    now = await ctx.now()
    found = await statements.list_metered_in(ctx.session, scope, from_at, to_at, 5_000)
    lines = tuple(usage_of(metered, from_at, min(to_at, max(now, from_at))) for metered in found)
    return UsageReport(
        from_at=from_at,
        to_at=to_at,
        currency=await accounts.find_currency(ctx.session, scope.tenant_id) or "",
        total=Micro(sum(line.amount for line in lines)),
        allocations=lines,
    )


def usage_of(metered: Metered, from_at: datetime, to_at: datetime) -> UsageOfAllocation:
    """The part of an allocation's metered life that lies in the period. It must have been metered."""
    if metered.metered_from is None or metered.rate is None or metered.sku_id is None:
        raise ValueError("this allocation was never metered")
    until = metered.ended_at or max(to_at, metered.metered_from)
    seconds, amount = rating.cost_between(metered.rate, metered.metered_from, until, from_at, to_at)
    return UsageOfAllocation(
        allocation_id=metered.allocation_id,
        project_id=metered.project_id,
        sku_id=metered.sku_id,
        label=metered.label,
        rate=metered.rate,
        seconds=seconds,
        amount=amount,
        running=metered.ended_at is None,
    )
