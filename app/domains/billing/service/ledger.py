"""Reads the ledger: pages of lines and of transactions, one explained transaction, and the balances of the house."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.billing.contracts import HouseBalance
from app.domains.billing.repository.ledger import LedgerRepository
from app.domains.billing.repository.transactions import (
    Entry,
    LedgerLine,
    Transaction,
    TransactionQuery,
    TransactionRepository,
    UsageRecord,
)
from app.shared.authz import Permission, TenantScope, platform_scope, tenant_scope
from app.shared.context import Context
from app.shared.errors import NotFound
from app.shared.money import Micro
from app.shared.paging import InstantAndId, Slice, cut, pack, unpack

PAGE_LINES = 25


class LedgerView(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of the ledger, newest first; `next_cursor` is None on the last page."""

    currency: str
    lines: tuple[LedgerLine, ...]
    next_cursor: str | None


class UsageHour(msgspec.Struct, frozen=True, kw_only=True):
    """All usage records of one machine in one hour of the clock: together they are one line of the ledger."""

    from_at: datetime
    to_at: datetime
    elapsed: int
    seconds: int
    amount: Micro
    records: tuple[UsageRecord, ...]


class ExplainedTransaction(msgspec.Struct, frozen=True, kw_only=True):
    """Why a transaction exists: its entries and, for usage, its usage record and all usage of that hour."""

    transaction: Transaction
    entries: tuple[Entry, ...]
    usage: UsageRecord | None
    hour: UsageHour | None

    @property
    def sum_of_entries(self) -> Micro:
        return Micro(sum(entry.amount for entry in self.entries))

    @property
    def written_off(self) -> Micro:
        return Micro(sum(-entry.amount for entry in self.entries if entry.account == "write_off"))


async def list_lines(ctx: Context, cursor: str | None = None) -> LedgerView:
    """One page of the organisation's ledger. Raises ValidationFailed for a cursor that this list did not return."""
    scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
    transactions = TransactionRepository(ctx.session)
    lines = await transactions.page_lines(scope, unpack(cursor, InstantAndId) if cursor else None, PAGE_LINES + 1)
    page = cut(lines, PAGE_LINES, lambda line: pack(line.hour, line.line_id))
    currency = page.items[0].currency if page.items else "USD"  # no amount is shown on an empty page
    return LedgerView(currency=currency, lines=page.items, next_cursor=page.next_cursor)


async def list_transactions(ctx: Context, query: TransactionQuery) -> Slice[Transaction, UUID]:
    """One page of the organisation's transactions, newest first."""
    scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
    rows = await TransactionRepository(ctx.session).page(scope, query, query.limit + 1)
    return cut(rows, query.limit, lambda row: row.transaction_id)


async def explain(ctx: Context, transaction_id: UUID) -> ExplainedTransaction:
    """Why a transaction exists. Raises NotFound, also for another organisation's."""
    scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
    transactions = TransactionRepository(ctx.session)
    transaction = await transactions.find(scope, transaction_id)
    if transaction is None:
        raise NotFound()
    usage = await transactions.find_usage(transaction)
    return ExplainedTransaction(
        transaction=transaction,
        entries=await transactions.list_entries(transaction),
        usage=usage,
        hour=await _usage_hour(transactions, scope, transaction) if usage else None,
    )


async def house_balances(ctx: Context) -> list[HouseBalance]:
    """The balances of all accounts by kind and currency. Needs the permission to read everybody's money."""
    scope = platform_scope(ctx.actor, Permission.PLATFORM_MONEY_READ)
    return await LedgerRepository(ctx.session).list_house_balances(scope)


async def _usage_hour(transactions: TransactionRepository, scope: TenantScope, transaction: Transaction) -> UsageHour:
    hour = transaction.occurred_at.replace(minute=0, second=0, microsecond=0)
    records = await transactions.list_usage_of_hour(scope, transaction.cause_id, hour)
    return UsageHour(
        from_at=records[0].from_at,
        to_at=records[-1].to_at,
        elapsed=records[0].elapsed,
        seconds=sum(record.seconds for record in records),
        amount=Micro(sum(record.amount for record in records)),
        records=tuple(records),
    )
