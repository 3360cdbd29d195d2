"""The rules of the ledger are checked once per statement, not once per row, and use that was written off is found by
organisation and time.

A transaction is now written whole: it and all of its entries in one statement, as every version of the product does.
"""

from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE billing.write_offs (
            tenant_id uuid NOT NULL,
            occurred_at timestamptz NOT NULL,
            transaction_id uuid NOT NULL,
            amount bigint NOT NULL CHECK (amount > 0),
            PRIMARY KEY (tenant_id, occurred_at, transaction_id)
        )
    """)
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON billing.write_offs FROM berth_app")
    _check_entries()
    _check_transactions()
    op.execute("""
        INSERT INTO billing.write_offs
        SELECT t.tenant_id, t.occurred_at, t.id, -e.amount FROM billing.ledger_accounts a
        JOIN billing.ledger_entries e ON e.account_id = a.id
        JOIN billing.ledger_transactions t ON t.id = e.transaction_id
        WHERE a.tenant_id IS NULL AND a.kind = 'write_off' AND t.kind = 'usage'
    """)


def _check_entries() -> None:
    # cmin is the number of the statement that wrote a row, inside its database transaction: entries and transactions
    # with the same one were written together.
    op.execute("""
        CREATE OR REPLACE FUNCTION billing.check_entries() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off
        AS $$
        DECLARE
            this cid;
            broken record;
        BEGIN
            SELECT e.cmin INTO this FROM billing.ledger_entries e
            JOIN (SELECT account_id, id FROM added LIMIT 1) one USING (account_id, id);
            SELECT s.transaction_id, s.is_foreign OR t.id IS NULL OR t.xid <> pg_current_xact_id() AS is_foreign
            INTO broken
            FROM (
                SELECT e.transaction_id, count(*) AS entries, sum(e.amount) AS total,
                       min(a.currency) AS currency, max(a.currency) AS other_currency,
                       array_agg(DISTINCT a.tenant_id) FILTER (WHERE a.tenant_id IS NOT NULL) AS tenants,
                       coalesce(sum(e.amount) FILTER (WHERE a.tenant_id IS NOT NULL), 0) AS funds,
                       coalesce(sum(e.amount) FILTER (WHERE a.kind = 'customer_held'), 0) AS held,
                       bool_or(a.id IS NULL OR (a.kind = 'customer_held') <> (e.hold_id IS NOT NULL)) AS is_foreign
                FROM added e LEFT JOIN billing.ledger_accounts a ON a.id = e.account_id GROUP BY e.transaction_id
            ) s LEFT JOIN billing.ledger_transactions t ON t.id = s.transaction_id
            WHERE s.is_foreign OR t.id IS NULL OR t.xid <> pg_current_xact_id() OR NOT t.cmin = this
               OR s.entries < 2 OR s.total <> 0 OR s.currency <> t.currency OR s.other_currency <> t.currency
               OR s.tenants <> ARRAY[t.tenant_id] OR s.funds <> t.funds_change OR s.held <> t.held_change
            LIMIT 1;
            IF broken.is_foreign THEN
                RAISE EXCEPTION 'a ledger entry needs its account, and a transaction written together with it'
                USING ERRCODE = 'foreign_key_violation';
            ELSIF FOUND THEN
                RAISE EXCEPTION 'ledger transaction % does not balance', broken.transaction_id
                USING ERRCODE = 'check_violation';
            END IF;
            INSERT INTO billing.write_offs (tenant_id, occurred_at, transaction_id, amount)
            SELECT t.tenant_id, t.occurred_at, t.id, -e.amount
            FROM billing.ledger_accounts a JOIN added e ON e.account_id = a.id
            JOIN billing.ledger_transactions t ON t.id = e.transaction_id
            WHERE a.tenant_id IS NULL AND a.kind = 'write_off' AND t.kind = 'usage';
            RETURN NULL;
        END $$
    """)


def _check_transactions() -> None:
    op.execute("DROP TRIGGER ledger_transactions_balance ON billing.ledger_transactions")
    op.execute("""
        CREATE OR REPLACE FUNCTION billing.check_transaction() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off
        AS $$
        DECLARE missing uuid;
        BEGIN
            SELECT t.id INTO missing FROM added t
            WHERE NOT EXISTS (SELECT FROM billing.ledger_entries e WHERE e.transaction_id = t.id) LIMIT 1;
            IF FOUND THEN
                RAISE EXCEPTION 'ledger transaction % does not balance', missing USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER ledger_transactions_whole AFTER INSERT ON billing.ledger_transactions
        REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION billing.check_transaction()
    """)
