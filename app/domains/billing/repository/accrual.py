"""The one statement that turns elapsed time into usage records and postings."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import bindparam, text

from app.shared.db.repository import Repository
from app.shared.money import Micro


class Accrued(msgspec.Struct, frozen=True, kw_only=True):
    """What one accrual posted for one tenant."""

    tenant_id: UUID
    records: int
    amount: Micro
    written_off: Micro


# One statement: due intervals -> rated -> split over the tenant's money in order of allocation ids (the rule is
# rules.holds.split) -> usage records, transactions, entries. Ids are drawn beforehand: joining what was inserted back
# to what was meant would be a nested loop whenever the planner expects few rows. Callers hold the tenants' locks.
ACCRUE = text("""
    WITH due AS MATERIALIZED (
        SELECT m.allocation_id, m.tenant_id, m.project_id, m.currency, m.sku_id, m.price_version_id, m.rate,
               coalesce(l.to_at, m.metered_from) AS from_at, coalesce(l.elapsed + l.seconds, 0) AS elapsed
        FROM billing.metered_allocations m
        LEFT JOIN LATERAL (
            SELECT u.to_at, u.elapsed, u.seconds FROM billing.usage_records u
            WHERE u.allocation_id = m.allocation_id ORDER BY u.from_at DESC LIMIT 1
        ) l ON true
        WHERE m.tenant_id IN :tenants AND m.metered_from IS NOT NULL AND m.ended_at IS NULL
          AND (CAST(:only AS uuid[]) IS NULL OR m.allocation_id = ANY(CAST(:only AS uuid[])))
    ), timed AS (
        SELECT d.*, extract(epoch FROM CAST(:until AS timestamptz) - d.from_at)::bigint AS seconds FROM due d
    ), rated AS (
        SELECT t.*, billing.charge(rate, elapsed + seconds) - billing.charge(rate, elapsed) AS amount
        FROM timed t WHERE seconds >= :minimum
    ), house AS MATERIALIZED (
        SELECT currency, max(id) FILTER (WHERE kind = 'revenue') AS revenue_id,
               max(id) FILTER (WHERE kind = 'write_off') AS write_off_id
        FROM billing.ledger_accounts WHERE tenant_id IS NULL GROUP BY currency
    ), money AS MATERIALIZED (
        SELECT b.tenant_id,
               greatest(0, sum(b.balance) FILTER (WHERE b.kind = 'customer_promotions')) AS promotions,
               greatest(0, sum(b.balance) FILTER (WHERE b.kind = 'customer_credit')) AS credit,
               max(b.account_id) FILTER (WHERE b.kind = 'customer_promotions') AS promotions_id,
               max(b.account_id) FILTER (WHERE b.kind = 'customer_credit') AS credit_id,
               max(b.account_id) FILTER (WHERE b.kind = 'customer_held') AS held_id
        FROM billing.balances b WHERE b.tenant_id IN :tenants AND b.kind LIKE 'customer%' GROUP BY b.tenant_id
    ), queued AS (
        SELECT r.*, m.promotions, m.credit, m.promotions_id, m.credit_id, m.held_id, h.revenue_id, h.write_off_id,
               sum(r.amount) OVER (PARTITION BY r.tenant_id ORDER BY r.allocation_id) - r.amount AS ahead
        FROM rated r JOIN money m USING (tenant_id) JOIN house h USING (currency)
    ), available AS (
        SELECT q.*, least(amount, greatest(0, promotions + credit - ahead))::bigint AS from_available,
               least(amount, greatest(0, promotions - ahead))::bigint AS from_promotions FROM queued q
    ), split AS MATERIALIZED (
        SELECT a.*, nextval('billing.usage_records_id_seq') AS usage_record_id,
               CASE WHEN amount > 0 THEN uuidv7() END AS transaction_id,
               CASE WHEN amount > from_available THEN least(amount - from_available, greatest(0, coalesce((
                   SELECT sum(e.amount) FROM billing.ledger_entries e WHERE e.hold_id = a.allocation_id), 0)))::bigint
               ELSE 0 END AS from_hold
        FROM available a
    ), used AS (
        INSERT INTO billing.usage_records (id, from_at, to_at, elapsed, seconds, rate, amount, allocation_id, tenant_id,
                                           project_id, sku_id, price_version_id, transaction_id) OVERRIDING SYSTEM VALUE
        SELECT usage_record_id, from_at, :until, elapsed, seconds, rate, amount, allocation_id, tenant_id,
               project_id, sku_id, price_version_id, transaction_id FROM split ORDER BY allocation_id
    ), posted AS (
        INSERT INTO billing.ledger_transactions (id, occurred_at, kind, reference, cause_id, tenant_id, project_id,
                                                 currency, funds_change, held_change, correlation_id)
        SELECT transaction_id, :until, 'usage',
               'usage:' || allocation_id || ':' || extract(epoch FROM from_at)::bigint, allocation_id, tenant_id,
               project_id, currency, -(from_available + from_hold), -from_hold, :correlation_id
        FROM split WHERE amount > 0
    ), entered AS (
        INSERT INTO billing.ledger_entries (account_id, amount, transaction_id, usage_record_id, hold_id)
        SELECT leg.account_id, leg.amount, s.transaction_id, leg.usage_record_id, leg.hold_id
        FROM split s
        CROSS JOIN LATERAL (VALUES
            (s.promotions_id, -s.from_promotions, CAST(NULL AS bigint), CAST(NULL AS uuid)),
            (s.credit_id, s.from_promotions - s.from_available, NULL, NULL),
            (s.held_id, -s.from_hold, NULL, s.allocation_id),
            (s.write_off_id, s.from_available + s.from_hold - s.amount, NULL, NULL),
            (s.revenue_id, s.amount, s.usage_record_id, NULL)
        ) AS leg (account_id, amount, usage_record_id, hold_id)
        WHERE leg.amount <> 0
    )
    SELECT tenant_id, count(*) AS records, sum(amount)::bigint AS amount,
           sum(amount - from_available - from_hold)::bigint AS written_off
    FROM split GROUP BY tenant_id
""").bindparams(bindparam("tenants", expanding=True))
LAST_READ = text("""
    SELECT requested.id, last.to_at FROM unnest(CAST(:ids AS uuid[])) AS requested (id)
    CROSS JOIN LATERAL (SELECT to_at FROM billing.usage_records WHERE allocation_id = requested.id
                        ORDER BY from_at DESC LIMIT 1) last
""")


class AccrualRepository(Repository):
    """Reads meters and posts what they show."""

    async def accrue(
        self,
        tenant_ids: Sequence[UUID],
        until: datetime,
        minimum_seconds: int,
        correlation_id: str,
        only: Sequence[UUID] | None = None,
    ) -> list[Accrued]:
        """Post usage up to `until` (whole seconds) for the running allocations of locked tenants, or for `only` some.

        Intervals shorter than `minimum_seconds` wait for a later accrual. Repeating it adds nothing.
        """
        if not tenant_ids:
            return []
        return await self._list_views(
            Accrued,
            ACCRUE,
            tenants=list(tenant_ids),
            until=until,
            minimum=max(1, minimum_seconds),
            only=None if only is None else list(only),
            correlation_id=correlation_id,
        )

    async def list_last_read(self, allocation_ids: Sequence[UUID]) -> dict[UUID, datetime]:
        """The end of the last usage record of each allocation. An allocation without one is absent."""
        rows = await self._session.execute(LAST_READ, {"ids": list(allocation_ids)})
        return {row.id: row.to_at for row in rows}
