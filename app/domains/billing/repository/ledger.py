"""Writes transactions with their entries; the database refuses what does not sum to zero."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domains.billing.contracts import HouseBalance
from app.shared.authz import PlatformScope
from app.shared.ids import new_id
from app.shared.money import Micro


class Leg(msgspec.Struct, frozen=True):
    """One entry to be: account kind and signed amount. `hold_id` names the allocation whose hold moves."""

    kind: str
    amount: Micro
    hold_id: UUID | None = None


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """One transaction to be."""

    kind: str
    reference: str
    cause_id: UUID
    tenant_id: UUID
    project_id: UUID | None
    currency: str
    occurred_at: datetime
    correlation_id: str
    legs: tuple[Leg, ...]


class Posted(msgspec.Struct, frozen=True):
    id: UUID
    kind: str
    tenant_id: UUID
    currency: str
    funds_change: Micro
    held_change: Micro


class Hold(msgspec.Struct, frozen=True):
    """What is left of an allocation's hold, and what it took from promotions and from credit."""

    remaining: Micro
    promotions: Micro
    credit: Micro


POST = text("""
    WITH posted AS (
        INSERT INTO billing.ledger_transactions (id, occurred_at, kind, reference, cause_id, tenant_id, project_id,
                                                 currency, funds_change, held_change, correlation_id)
        VALUES (:id, :occurred_at, :kind, :reference, :cause_id, :tenant_id, CAST(:project_id AS uuid),
                :currency, :funds_change, :held_change, :correlation_id)
        ON CONFLICT (reference) DO NOTHING RETURNING id
    )
    INSERT INTO billing.ledger_entries (account_id, amount, transaction_id, hold_id)
    SELECT a.id, leg.amount, p.id, leg.hold_id
    FROM posted p
    CROSS JOIN unnest(CAST(:kinds AS text[]), CAST(:amounts AS bigint[]), CAST(:holds AS uuid[]))
        WITH ORDINALITY AS leg (kind, amount, hold_id, position)
    JOIN billing.ledger_accounts a ON a.kind = leg.kind AND a.currency = :currency
         AND a.tenant_id IS NOT DISTINCT FROM CASE WHEN leg.kind LIKE 'customer%' THEN CAST(:tenant_id AS uuid) END
    ORDER BY leg.position
    RETURNING id
""")
FIND = text("""
    SELECT id, kind, tenant_id, currency, funds_change, held_change
    FROM billing.ledger_transactions WHERE reference = :reference
""")
HOLDS = text("""
    SELECT asked.id, coalesce(kept.amount, 0)::bigint AS remaining, coalesce(took.promotions, 0)::bigint AS promotions,
           coalesce(took.credit, 0)::bigint AS credit
    FROM unnest(CAST(:ids AS uuid[])) AS asked (id)
    LEFT JOIN LATERAL (SELECT sum(e.amount) AS amount FROM billing.ledger_entries e WHERE e.hold_id = asked.id) kept
        ON true
    LEFT JOIN LATERAL (
        SELECT -sum(e.amount) FILTER (WHERE a.kind = 'customer_promotions') AS promotions,
               -sum(e.amount) FILTER (WHERE a.kind = 'customer_credit') AS credit
        FROM billing.ledger_transactions t
        JOIN billing.ledger_entries e ON e.transaction_id = t.id JOIN billing.ledger_accounts a ON a.id = e.account_id
        WHERE t.reference = 'hold:' || asked.id
    ) took ON true
""")
CHECKPOINT_DUE = text("""
    SELECT DISTINCT a.tenant_id FROM billing.ledger_accounts a
    WHERE a.tenant_id IS NOT NULL AND :least <= (
        SELECT count(*) FROM (
            SELECT 1 FROM billing.ledger_entries e
            WHERE e.account_id = a.id AND e.id > coalesce((SELECT max(k.through_entry_id)
                FROM billing.ledger_checkpoints k WHERE k.account_id = a.id), 0)
            LIMIT :least) gathered)
    LIMIT :batch
""")
CHECKPOINT = text("""
    INSERT INTO billing.ledger_checkpoints (account_id, through_entry_id, balance, created_at)
    SELECT b.account_id, last.id, b.balance, :now
    FROM billing.balances b
    CROSS JOIN LATERAL (SELECT e.id FROM billing.ledger_entries e WHERE e.account_id = b.account_id
                        ORDER BY e.id DESC LIMIT 1) last
    WHERE b.tenant_id = :tenant_id
    ON CONFLICT DO NOTHING
""")


HOUSE = text("""
    SELECT kind, currency, tenant_id IS NOT NULL AS is_customer, count(*) AS accounts, sum(balance)::bigint AS balance
    FROM billing.balances GROUP BY 1, 2, 3 ORDER BY 2, 3, 1
""")


async def house_balances(session: AsyncSession, scope: PlatformScope) -> list[HouseBalance]:
    """All accounts, summed up by kind and currency."""
    return [msgspec.convert(dict(row._mapping), HouseBalance) for row in await session.execute(HOUSE)]


async def post(session: AsyncSession, posting: Posting) -> UUID | None:
    """Write one transaction with its entries. None when its reference was already used: then nothing is written."""
    legs = [leg for leg in posting.legs if leg.amount]
    transaction_id = new_id()
    rows = await session.execute(
        POST,
        {
            "id": transaction_id,
            "occurred_at": posting.occurred_at,
            "kind": posting.kind,
            "reference": posting.reference,
            "cause_id": posting.cause_id,
            "tenant_id": posting.tenant_id,
            "project_id": posting.project_id,
            "currency": posting.currency,
            "funds_change": _sum(legs, "customer_"),
            "held_change": _sum(legs, "customer_held"),
            "correlation_id": posting.correlation_id,
            "kinds": [leg.kind for leg in legs],
            "amounts": [leg.amount for leg in legs],
            "holds": [leg.hold_id for leg in legs],
        },
    )
    return transaction_id if rows.all() else None


def _sum(legs: Sequence[Leg], prefix: str) -> int:
    return sum(leg.amount for leg in legs if leg.kind.startswith(prefix))


async def find_by_reference(session: AsyncSession, reference: str) -> Posted | None:
    """The transaction of that reference."""
    row = (await session.execute(FIND, {"reference": reference})).one_or_none()
    return None if row is None else msgspec.convert(dict(row._mapping), Posted)


async def holds_of(session: AsyncSession, allocation_ids: Sequence[UUID]) -> dict[UUID, Hold]:
    """What is still held for each of these allocations, and where it was taken from."""
    rows = await session.execute(HOLDS, {"ids": list(allocation_ids)})
    return {row.id: Hold(Micro(row.remaining), Micro(row.promotions), Micro(row.credit)) for row in rows}


async def tenants_due_for_checkpoint(session: AsyncSession, least: int, batch: int) -> list[UUID]:
    """Tenants with an account that gathered `least` entries since its last checkpoint."""
    rows = await session.execute(CHECKPOINT_DUE, {"least": least, "batch": batch})
    return [row.tenant_id for row in rows]


async def add_checkpoints(session: AsyncSession, tenant_id: UUID, now: datetime) -> None:
    """Checkpoint the tenant's accounts as they stand. The caller holds the tenant's lock."""
    await session.execute(CHECKPOINT, {"tenant_id": tenant_id, "now": now})
