"""Writes transactions with their entries, and checkpoints. The database refuses entries that do not sum to zero."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from app.domains.billing.contracts import HouseBalance
from app.shared.authz import PlatformScope
from app.shared.db.repository import Repository
from app.shared.ids import new_id
from app.shared.money import Micro


class Leg(msgspec.Struct, frozen=True):
    """An entry to write: the kind of account and a signed amount. `hold_id` names the allocation whose hold moves."""

    kind: str
    amount: Micro
    hold_id: UUID | None = None


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction to write."""

    kind: str
    reference: str
    cause_id: UUID
    tenant_id: UUID
    project_id: UUID | None
    currency: str
    occurred_at: datetime
    correlation_id: str
    legs: tuple[Leg, ...]

    def sum_of(self, prefix: str) -> int:
        """The sum of the legs whose kind of account starts with `prefix`."""
        return sum(leg.amount for leg in self.legs if leg.kind.startswith(prefix))


class Posted(msgspec.Struct, frozen=True):
    """A transaction that was written before."""

    id: UUID
    kind: str
    tenant_id: UUID
    currency: str
    funds_change: Micro
    held_change: Micro


class Hold(msgspec.Struct, frozen=True):
    """What remains of an allocation's hold, and how much of the hold came from promotions and from credit."""

    allocation_id: UUID
    remaining: Micro
    promotions: Micro
    credit: Micro


APPEND = text("""
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
    SELECT requested.id AS allocation_id, coalesce(rest.amount, 0)::bigint AS remaining,
           coalesce(taken.promotions, 0)::bigint AS promotions, coalesce(taken.credit, 0)::bigint AS credit
    FROM unnest(CAST(:ids AS uuid[])) AS requested (id)
    LEFT JOIN LATERAL (SELECT sum(e.amount) AS amount FROM billing.ledger_entries e WHERE e.hold_id = requested.id) rest
        ON true
    LEFT JOIN LATERAL (
        SELECT -sum(e.amount) FILTER (WHERE a.kind = 'customer_promotions') AS promotions,
               -sum(e.amount) FILTER (WHERE a.kind = 'customer_credit') AS credit
        FROM billing.ledger_transactions t
        JOIN billing.ledger_entries e ON e.transaction_id = t.id JOIN billing.ledger_accounts a ON a.id = e.account_id
        WHERE t.reference = 'hold:' || requested.id
    ) taken ON true
""")
CHECKPOINT_DUE = text("""
    SELECT DISTINCT a.tenant_id FROM billing.ledger_accounts a
    WHERE a.tenant_id IS NOT NULL AND :minimum <= (
        SELECT count(*) FROM (
            SELECT 1 FROM billing.ledger_entries e
            WHERE e.account_id = a.id AND e.id > coalesce((SELECT max(k.through_entry_id)
                FROM billing.ledger_checkpoints k WHERE k.account_id = a.id), 0)
            LIMIT :minimum) unchecked)
    LIMIT :limit
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


class LedgerRepository(Repository):
    """The double-entry ledger. Transactions and entries are only ever added."""

    async def append(self, posting: Posting) -> UUID | None:
        """Write a transaction with its entries and return its id. None when its reference is taken: then nothing is
        written."""
        legs = [leg for leg in posting.legs if leg.amount]
        transaction_id = new_id()
        parameters = {
            "id": transaction_id,
            "occurred_at": posting.occurred_at,
            "kind": posting.kind,
            "reference": posting.reference,
            "cause_id": posting.cause_id,
            "tenant_id": posting.tenant_id,
            "project_id": posting.project_id,
            "currency": posting.currency,
            "funds_change": posting.sum_of("customer_"),
            "held_change": posting.sum_of("customer_held"),
            "correlation_id": posting.correlation_id,
            "kinds": [leg.kind for leg in legs],
            "amounts": [leg.amount for leg in legs],
            "holds": [leg.hold_id for leg in legs],
        }
        rows = await self._session.execute(APPEND, parameters)
        return transaction_id if rows.all() else None

    async def find_by_reference(self, reference: str) -> Posted | None:
        """The transaction with that reference."""
        return await self._find_view(Posted, FIND, reference=reference)

    async def list_holds(self, allocation_ids: Sequence[UUID]) -> dict[UUID, Hold]:
        """The hold of each allocation, by allocation."""
        rows = await self._list_views(Hold, HOLDS, ids=list(allocation_ids))
        return {hold.allocation_id: hold for hold in rows}

    async def list_house_balances(self, scope: PlatformScope) -> list[HouseBalance]:
        """All accounts, summed by kind and currency."""
        return await self._list_views(HouseBalance, HOUSE)

    async def list_due_for_checkpoint(self, minimum: int, limit: int) -> list[UUID]:
        """Tenants with an account that has at least `minimum` entries since its last checkpoint."""
        rows = await self._session.execute(CHECKPOINT_DUE, {"minimum": minimum, "limit": limit})
        return [row.tenant_id for row in rows]

    async def append_checkpoints(self, tenant_id: UUID, now: datetime) -> None:
        """Checkpoint the accounts of the tenant. The caller holds the tenant's lock."""
        await self._session.execute(CHECKPOINT, {"tenant_id": tenant_id, "now": now})
