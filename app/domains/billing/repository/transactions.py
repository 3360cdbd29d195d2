"""Reads the ledger for pages and for the API: lines, transactions, their entries and the usage behind them."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from app.domains.billing.contracts import TransactionId
from app.shared.authz import TenantScope
from app.shared.db.repository import Repository
from app.shared.money import Micro, RateMicroPerHour

LinePosition = tuple[datetime, UUID]


class LedgerLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the ledger page: a transaction, or all usage of one allocation in one hour.

    `change` is the change to the tenant's money (credit, promotions and holds together); `moved` is the part that went
    into (+) or out of (-) a hold. `label` is the name of the machine, when there is one.
    """

    hour: datetime
    line_id: UUID
    transaction_id: TransactionId
    kind: str
    label: str
    cause_id: UUID
    change: Micro
    moved: Micro
    currency: str
    postings: int
    first_at: datetime
    last_at: datetime


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """A ledger transaction. `change`, `moved` and `label` mean the same as in a line."""

    transaction_id: TransactionId
    kind: str
    reference: str
    cause_id: UUID
    occurred_at: datetime
    currency: str
    change: Micro
    moved: Micro
    correlation_id: str
    label: str = ""


class TransactionQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Filters of the ledger in the API; `before` is the cursor."""

    before: UUID | None = None
    kind: str | None = None
    cause_id: UUID | None = None
    limit: int = 50


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a transaction; `account` is the kind of its account."""

    entry_id: int
    account: str
    amount: Micro


class UsageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One reading of a meter: amount = charge(rate, elapsed + seconds) - charge(rate, elapsed)."""

    from_at: datetime
    to_at: datetime
    elapsed: int
    seconds: int
    rate: RateMicroPerHour
    amount: Micro
    price_version_id: UUID
    transaction_id: TransactionId | None


# Usage of one machine in one hour is one line; anything else is a line of its own. The index ledger_transactions_lines
# has exactly this order, so a page reads only what it shows.
LINES = text("""
    SELECT l.*, a.currency, coalesce(m.label, '') AS label FROM (
        SELECT date_bin('1 hour', occurred_at, timestamptz '2000-01-01 00:00:00+00') AS hour,
               CASE WHEN kind = 'usage' THEN cause_id ELSE id END AS line_id,
               min(kind) AS kind, min(cause_id::text)::uuid AS cause_id, max(id::text)::uuid AS transaction_id,
               sum(funds_change)::bigint AS change, sum(held_change)::bigint AS moved, count(*) AS postings,
               min(occurred_at) AS first_at, max(occurred_at) AS last_at
        FROM billing.ledger_transactions
        WHERE tenant_id = :tenant_id
          AND (CAST(:hour AS timestamptz) IS NULL OR
               (date_bin('1 hour', occurred_at, timestamptz '2000-01-01 00:00:00+00'),
                CASE WHEN kind = 'usage' THEN cause_id ELSE id END) < (:hour, :line_id))
        GROUP BY 1, 2 ORDER BY 1 DESC, 2 DESC LIMIT :limit
    ) l LEFT JOIN billing.metered_allocations m ON m.allocation_id = l.cause_id
    CROSS JOIN (SELECT currency FROM billing.ledger_accounts
                WHERE tenant_id = :tenant_id AND kind = 'customer_credit') a
    ORDER BY l.hour DESC, l.line_id DESC
""")
TRANSACTION_COLUMNS = """
    SELECT t.id AS transaction_id, t.kind, t.reference, t.cause_id, t.occurred_at, t.currency,
           t.funds_change AS change, t.held_change AS moved, t.correlation_id, coalesce(m.label, '') AS label
    FROM billing.ledger_transactions t LEFT JOIN billing.metered_allocations m ON m.allocation_id = t.cause_id
"""
FIND = text(TRANSACTION_COLUMNS + " WHERE t.tenant_id = :tenant_id AND t.id = :transaction_id")
PAGE = text(
    TRANSACTION_COLUMNS
    + """
    WHERE t.tenant_id = :tenant_id AND (CAST(:before AS uuid) IS NULL OR t.id < :before)
      AND (CAST(:kind AS text) IS NULL OR t.kind = :kind)
      AND (CAST(:cause_id AS uuid) IS NULL OR t.cause_id = :cause_id)
    ORDER BY t.id DESC LIMIT :limit
"""
)
ENTRIES = text("""
    SELECT e.id AS entry_id, a.kind AS account, e.amount FROM billing.ledger_entries e
    JOIN billing.ledger_accounts a ON a.id = e.account_id
    WHERE e.transaction_id = :transaction_id ORDER BY e.id
""")
USAGE_OF_TRANSACTION = text("""
    SELECT u.from_at, u.to_at, u.elapsed, u.seconds, u.rate, u.amount, u.price_version_id, u.transaction_id
    FROM billing.ledger_entries e JOIN billing.usage_records u ON u.id = e.usage_record_id
    WHERE e.transaction_id = :transaction_id LIMIT 1
""")
USAGE_OF_HOUR = text("""
    SELECT u.from_at, u.to_at, u.elapsed, u.seconds, u.rate, u.amount, u.price_version_id, u.transaction_id
    FROM billing.usage_records u
    WHERE u.tenant_id = :tenant_id AND u.allocation_id = :allocation_id
      AND u.to_at >= CAST(:hour AS timestamptz) AND u.to_at < CAST(:hour AS timestamptz) + interval '1 hour'
    ORDER BY u.from_at LIMIT 4000
""")


class TransactionRepository(Repository):
    """The ledger as a tenant sees it."""

    async def page_lines(self, scope: TenantScope, after: LinePosition | None, limit: int) -> list[LedgerLine]:
        """`limit` lines of the tenant's ledger after the position, newest first."""
        hour, line_id = after or (None, None)
        return await self._list_views(
            LedgerLine, LINES, tenant_id=scope.tenant_id, hour=hour, line_id=line_id, limit=limit
        )

    async def page(self, scope: TenantScope, query: TransactionQuery, limit: int) -> list[Transaction]:
        """`limit` transactions of the tenant, newest first."""
        parameters = {**msgspec.structs.asdict(query), "tenant_id": scope.tenant_id, "limit": limit}
        return await self._list_views(Transaction, PAGE, **parameters)

    async def find(self, scope: TenantScope, transaction_id: UUID) -> Transaction | None:
        """One transaction of the tenant."""
        return await self._find_view(Transaction, FIND, tenant_id=scope.tenant_id, transaction_id=transaction_id)

    async def list_entries(self, transaction: Transaction) -> tuple[Entry, ...]:
        """The entries of the transaction."""
        return tuple(await self._list_views(Entry, ENTRIES, transaction_id=transaction.transaction_id))

    async def find_usage(self, transaction: Transaction) -> UsageRecord | None:
        """The usage record that the transaction charges."""
        return await self._find_view(UsageRecord, USAGE_OF_TRANSACTION, transaction_id=transaction.transaction_id)

    async def list_usage_of_hour(self, scope: TenantScope, allocation_id: UUID, hour: datetime) -> list[UsageRecord]:
        """The usage records of one allocation that were posted in that hour of the clock."""
        return await self._list_views(
            UsageRecord, USAGE_OF_HOUR, tenant_id=scope.tenant_id, allocation_id=allocation_id, hour=hour
        )
