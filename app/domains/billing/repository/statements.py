"""Reads for pages and the API. What people see demands the tenant's scope."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domains.billing.contracts import CostLine, EntryView, LedgerLine, UsageLine
from app.domains.billing.repository.metering import COLUMNS, Metered
from app.shared.authz import TenantScope
from app.shared.money import Micro

# Usage of one machine in one hour is one line; anything else is a line of its own. The index ledger_transactions_lines
# has exactly this order, so a page reads only what it shows.
LINES = text("""
    SELECT l.*, coalesce(m.label, '') AS label FROM (
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
    ORDER BY l.hour DESC, l.line_id DESC
""")
TRANSACTION = text("""
    SELECT t.id AS transaction_id, t.kind, t.reference, t.cause_id, t.occurred_at, t.currency,
           t.funds_change AS change, t.held_change AS moved, t.correlation_id, coalesce(m.label, '') AS label
    FROM billing.ledger_transactions t LEFT JOIN billing.metered_allocations m ON m.allocation_id = t.cause_id
    WHERE t.tenant_id = :tenant_id AND t.id = :transaction_id
""")
TRANSACTIONS = text("""
    SELECT t.id AS transaction_id, t.kind, t.reference, t.cause_id, t.occurred_at, t.currency,
           t.funds_change AS change, t.held_change AS moved, t.correlation_id, coalesce(m.label, '') AS label
    FROM billing.ledger_transactions t LEFT JOIN billing.metered_allocations m ON m.allocation_id = t.cause_id
    WHERE t.tenant_id = :tenant_id AND (CAST(:before AS uuid) IS NULL OR t.id < :before)
      AND (CAST(:kind AS text) IS NULL OR t.kind = :kind)
      AND (CAST(:cause_id AS uuid) IS NULL OR t.cause_id = :cause_id)
    ORDER BY t.id DESC LIMIT :limit
""")
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
METERED = text(COLUMNS + " WHERE allocation_id IN :allocation_ids").bindparams(
    bindparam("allocation_ids", expanding=True)
)
METERED_IN = text(
    COLUMNS
    + """
    WHERE tenant_id = :tenant_id AND metered_from < :to_at AND (ended_at IS NULL OR ended_at > :from_at)
    ORDER BY metered_from DESC, allocation_id LIMIT :limit
"""
)
HELD = text("""
    SELECT hold_id, sum(amount)::bigint AS held FROM billing.ledger_entries WHERE hold_id IN :allocation_ids
    GROUP BY hold_id
""").bindparams(bindparam("allocation_ids", expanding=True))
RECEIPT = text("""
    SELECT min(from_at) AS from_at, max(to_at) AS to_at, sum(seconds)::bigint AS seconds, max(rate) AS rate,
           sum(amount)::bigint AS amount, count(*) AS records
    FROM billing.usage_records WHERE allocation_id = :allocation_id
    GROUP BY date_bin('1 hour', to_at, timestamptz '2000-01-01 00:00:00+00') ORDER BY 1
""")


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """A ledger transaction as the API shows it."""

    transaction_id: UUID
    kind: str
    reference: str
    cause_id: UUID
    occurred_at: datetime
    currency: str
    change: Micro
    moved: Micro
    correlation_id: str
    label: str = ""


async def page_lines(
    session: AsyncSession, scope: TenantScope, after: tuple[datetime, UUID] | None, limit: int
) -> list[LedgerLine]:
    """The tenant's ledger, newest first, `limit` lines after the place `after`."""
    hour, line_id = after or (None, None)
    rows = await session.execute(
        LINES, {"tenant_id": scope.tenant_id, "hour": hour, "line_id": line_id, "limit": limit}
    )
    return [msgspec.convert({**row._mapping, "title": row.label}, LedgerLine) for row in rows]


async def page_transactions(
    session: AsyncSession,
    scope: TenantScope,
    before: UUID | None,
    kind: str | None,
    cause_id: UUID | None,
    limit: int,
) -> list[Transaction]:
    """Every transaction, newest first."""
    place = {"tenant_id": scope.tenant_id, "before": before, "kind": kind, "cause_id": cause_id, "limit": limit}
    rows = await session.execute(TRANSACTIONS, place)
    return [msgspec.convert(dict(row._mapping), Transaction) for row in rows]


async def find_transaction(session: AsyncSession, scope: TenantScope, transaction_id: UUID) -> Transaction | None:
    """One transaction of the tenant, with the name of the machine it is about."""
    place = {"tenant_id": scope.tenant_id, "transaction_id": transaction_id}
    row = (await session.execute(TRANSACTION, place)).one_or_none()
    return None if row is None else msgspec.convert(dict(row._mapping), Transaction)


async def list_entries(session: AsyncSession, transaction_id: UUID) -> tuple[EntryView, ...]:
    """The entries of a transaction that the caller was allowed to find."""
    rows = await session.execute(ENTRIES, {"transaction_id": transaction_id})
    return tuple(msgspec.convert(dict(row._mapping), EntryView) for row in rows)


async def find_usage(session: AsyncSession, transaction_id: UUID) -> UsageLine | None:
    """The usage record behind a transaction that the caller was allowed to find."""
    row = (await session.execute(USAGE_OF_TRANSACTION, {"transaction_id": transaction_id})).one_or_none()
    return None if row is None else msgspec.convert(dict(row._mapping), UsageLine)


async def list_usage_of_hour(
    session: AsyncSession, scope: TenantScope, allocation_id: UUID, hour: datetime
) -> list[UsageLine]:
    """The usage records of one allocation that were posted in that hour of the clock."""
    place = {"tenant_id": scope.tenant_id, "allocation_id": allocation_id, "hour": hour}
    rows = await session.execute(USAGE_OF_HOUR, place)
    return [msgspec.convert(dict(row._mapping), UsageLine) for row in rows]


async def list_metered(session: AsyncSession, allocation_ids: Sequence[UUID]) -> list[Metered]:
    """Several allocations as billing knows them."""
    rows = await session.execute(METERED, {"allocation_ids": list(allocation_ids)})
    return [msgspec.convert(dict(row._mapping), Metered) for row in rows]


async def list_metered_in(
    session: AsyncSession, scope: TenantScope, from_at: datetime, to_at: datetime, limit: int
) -> list[Metered]:
    """What of the tenant was metered at some time in [from_at, to_at), the latest first."""
    place = {"tenant_id": scope.tenant_id, "from_at": from_at, "to_at": to_at, "limit": limit}
    rows = await session.execute(METERED_IN, place)
    return [msgspec.convert(dict(row._mapping), Metered) for row in rows]


async def held_for(session: AsyncSession, allocation_ids: Sequence[UUID]) -> dict[UUID, Micro]:
    """What is still held for each allocation."""
    rows = await session.execute(HELD, {"allocation_ids": list(allocation_ids)})
    return {row.hold_id: Micro(row.held) for row in rows}


async def list_receipt(session: AsyncSession, allocation_id: UUID) -> tuple[CostLine, ...]:
    """Posted usage by hour, oldest first."""
    rows = await session.execute(RECEIPT, {"allocation_id": allocation_id})
    return tuple(msgspec.convert(dict(row._mapping), CostLine) for row in rows)
