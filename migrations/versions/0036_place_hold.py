"""The money of a tenant as a view that costs the same with one machine and with thousands, and the hold of a launch as
one call: the tenant's account is locked from this call to the commit, and nobody waits for the client in between.

A volatile function gives each of its statements a snapshot of its own, so the money is read after the lock was taken.
"""

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE VIEW billing.funds AS
        SELECT a.tenant_id, a.currency, a.credit, a.promotions, a.held, a.debt,
               coalesce(running.burn, 0)::bigint AS burn,
               (a.held - coalesce(starting.hold, 0))::bigint AS metering_hold, running.machines AS running
        FROM (
            SELECT b.tenant_id, min(b.currency) AS currency,
                   sum(b.balance) FILTER (WHERE b.kind = 'customer_credit')::bigint AS credit,
                   sum(b.balance) FILTER (WHERE b.kind = 'customer_promotions')::bigint AS promotions,
                   sum(b.balance) FILTER (WHERE b.kind = 'customer_held')::bigint AS held,
                   coalesce(-sum(b.balance) FILTER (WHERE b.kind = 'customer_debt'), 0)::bigint AS debt
            FROM billing.balances b WHERE b.tenant_id IS NOT NULL GROUP BY b.tenant_id
        ) a
        CROSS JOIN LATERAL (
            SELECT sum(m.rate) AS burn, count(*) AS machines FROM billing.metered_allocations m
            WHERE m.tenant_id = a.tenant_id AND m.metered_from IS NOT NULL AND m.ended_at IS NULL
        ) running
        CROSS JOIN LATERAL (
            SELECT sum(e.amount) AS hold FROM billing.metered_allocations m
            JOIN billing.ledger_entries e ON e.hold_id = m.allocation_id
            WHERE m.tenant_id = a.tenant_id AND m.metered_from IS NULL AND m.ended_at IS NULL
        ) starting
    """)
    op.execute("""
        CREATE FUNCTION billing.place_hold(
            of_tenant uuid, of_project uuid, of_allocation uuid, hold bigint, its_label text, its_gpus integer,
            as_transaction uuid, at timestamptz, story text
        ) RETURNS TABLE (
            outcome text, tenant_id uuid, currency text, credit bigint, promotions bigint, held bigint, debt bigint,
            burn bigint, metering_hold bigint, running bigint, level text, version bigint
        ) LANGUAGE plpgsql AS $$
        #variable_conflict use_column
        DECLARE
            f billing.funds;
            before billing.ledger_transactions;
            from_promotions bigint;
        BEGIN
            PERFORM FROM billing.ledger_accounts a
            WHERE a.tenant_id = of_tenant AND a.kind = 'customer_credit' FOR UPDATE;
            SELECT * INTO f FROM billing.funds v WHERE v.tenant_id = of_tenant;
            SELECT * INTO before FROM billing.ledger_transactions t WHERE t.reference = 'hold:' || of_allocation;
            from_promotions := least(hold, greatest(0, f.promotions));
            outcome := CASE
                WHEN f.tenant_id IS NULL THEN 'no account'
                WHEN before.id IS NOT NULL AND (before.tenant_id, before.held_change) = (of_tenant, hold)
                    THEN 'repeated'
                WHEN before.id IS NOT NULL THEN 'reused'
                WHEN f.credit + f.promotions - f.debt < hold THEN 'not enough'
                WHEN f.debt > 0 AND f.credit + f.promotions - f.debt <= 0 THEN 'not enough'
                ELSE 'placed' END;
            IF outcome = 'placed' THEN
                INSERT INTO billing.metered_allocations
                    (allocation_id, tenant_id, project_id, label, gpus, currency, created_at)
                VALUES (of_allocation, of_tenant, of_project, its_label, its_gpus, f.currency, at);
                IF hold > 0 THEN
                    WITH posted AS (
                        INSERT INTO billing.ledger_transactions
                            (id, occurred_at, kind, reference, cause_id, tenant_id, project_id, currency, funds_change,
                             held_change, correlation_id)
                        VALUES (as_transaction, at, 'hold', 'hold:' || of_allocation, of_allocation, of_tenant,
                                of_project, f.currency, 0, hold, story)
                    )
                    INSERT INTO billing.ledger_entries (account_id, amount, transaction_id, hold_id)
                    SELECT a.id, leg.amount, as_transaction, leg.hold_id
                    FROM (VALUES (1, 'customer_promotions', -from_promotions, CAST(NULL AS uuid)),
                                 (2, 'customer_credit', from_promotions - hold, NULL),
                                 (3, 'customer_held', hold, of_allocation)) AS leg (position, kind, amount, hold_id)
                    JOIN billing.ledger_accounts a ON a.tenant_id = of_tenant AND a.kind = leg.kind
                    WHERE leg.amount <> 0 ORDER BY leg.position;
                END IF;
                f.promotions := f.promotions - from_promotions;
                f.credit := f.credit - (hold - from_promotions);
                f.held := f.held + hold;
            END IF;
            RETURN QUERY SELECT outcome, f.tenant_id, f.currency, f.credit, f.promotions, f.held, f.debt, f.burn,
                f.metering_hold, f.running,
                coalesce((SELECT e.level FROM billing.low_balance_events e WHERE e.tenant_id = of_tenant
                          ORDER BY e.id DESC LIMIT 1), 'fine'),
                nextval('billing.account_versions');
        END $$
    """)
