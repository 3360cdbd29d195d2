"""Writes transactions with their entries, and checkpoints. The database refuses entries that do not sum to zero."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast
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
        SELECT * FROM unnest(
            CAST(:ids AS uuid[]), CAST(:instants AS timestamptz[]), CAST(:kinds AS text[]), CAST(:references AS text[]),
            CAST(:causes AS uuid[]), CAST(:tenants AS uuid[]), CAST(:projects AS uuid[]), CAST(:currencies AS text[]),
            CAST(:funds AS bigint[]), CAST(:held AS bigint[]), CAST(:stories AS text[]))
        ON CONFLICT (reference) DO NOTHING RETURNING id, tenant_id, currency
    ), entered AS (
        INSERT INTO billing.ledger_entries (account_id, amount, transaction_id, hold_id)
        SELECT a.id, leg.amount, p.id, leg.hold_id
        FROM unnest(CAST(:leg_of AS uuid[]), CAST(:accounts AS text[]), CAST(:amounts AS bigint[]),
                    CAST(:holds AS uuid[])) WITH ORDINALITY AS leg (transaction_id, kind, amount, hold_id, position)
        JOIN posted p ON p.id = leg.transaction_id
        JOIN billing.ledger_accounts a ON a.kind = leg.kind AND a.currency = p.currency
             AND a.tenant_id IS NOT DISTINCT FROM CASE WHEN leg.kind LIKE 'customer%' THEN p.tenant_id END
        ORDER BY leg.position
    )
    SELECT id FROM posted
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
# Writers of a tenant's entries follow each other under its lock, so ids commit in their order: what one snapshot sees
# of an account is all there is up to its last entry. No lock is taken, and nobody waits.
CHECKPOINT = text("""
    WITH accounts AS MATERIALIZED (
        SELECT id FROM billing.ledger_accounts WHERE tenant_id IS NOT NULL AND id > :after ORDER BY id LIMIT :limit
    ), added AS (
        INSERT INTO billing.ledger_checkpoints (account_id, through_entry_id, balance, created_at)
        SELECT a.id, tail.last, coalesce(c.balance, 0) + tail.total, :now
        FROM accounts a
        LEFT JOIN LATERAL (
            SELECT k.through_entry_id, k.balance FROM billing.ledger_checkpoints k
            WHERE k.account_id = a.id ORDER BY k.through_entry_id DESC LIMIT 1
        ) c ON true
        CROSS JOIN LATERAL (
            SELECT count(*) AS entries, max(e.id) AS last, sum(e.amount)::bigint AS total FROM billing.ledger_entries e
            WHERE e.account_id = a.id AND e.id > coalesce(c.through_entry_id, 0)
        ) tail
        WHERE tail.entries >= :minimum
        ON CONFLICT DO NOTHING
    )
    SELECT max(id) FROM accounts
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
        written = await self.append_all([posting])
        return written[0] if written else None

    async def append_all(self, postings: Sequence[Posting]) -> list[UUID]:
        """Write several transactions in one statement. Those whose reference is taken are left out."""
        if not postings:
            return []
        drafts = [(new_id(), posting) for posting in postings]
        legs = [(number, leg) for number, posting in drafts for leg in posting.legs if leg.amount]
        values = {
            "ids": [number for number, _ in drafts],
            "instants": [posting.occurred_at for posting in postings],
            "kinds": [posting.kind for posting in postings],
            "references": [posting.reference for posting in postings],
            "causes": [posting.cause_id for posting in postings],
            "tenants": [posting.tenant_id for posting in postings],
            "projects": [posting.project_id for posting in postings],
            "currencies": [posting.currency for posting in postings],
            "funds": [posting.sum_of("customer_") for posting in postings],
            "held": [posting.sum_of("customer_held") for posting in postings],
            "stories": [posting.correlation_id for posting in postings],
            "leg_of": [number for number, _ in legs],
            "accounts": [leg.kind for _, leg in legs],
            "amounts": [leg.amount for _, leg in legs],
            "holds": [leg.hold_id for _, leg in legs],
        }
        return list(await self._session.scalars(APPEND, values))

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

    async def append_checkpoints(self, after: int, limit: int, minimum: int, now: datetime) -> int | None:
        """Checkpoint those of the next `limit` accounts of tenants that have at least `minimum` entries since their
        last one. Returns the last account's id; None behind the last one."""
        values = {"after": after, "limit": limit, "minimum": minimum, "now": now}
        return cast(int | None, await self._session.scalar(CHECKPOINT, values))
