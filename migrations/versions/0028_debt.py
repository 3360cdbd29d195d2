"""What a customer owes after money went back without us, disputed money, and entries no larger than sums can hold."""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE billing.ledger_accounts DROP CONSTRAINT ledger_accounts_check")
    op.execute("""
        ALTER TABLE billing.ledger_accounts ADD CONSTRAINT ledger_accounts_check CHECK (CASE WHEN tenant_id IS NULL
            THEN kind IN ('revenue', 'payment_clearing', 'promotions_expense', 'refunds', 'write_off', 'disputes')
            ELSE kind IN ('customer_credit', 'customer_promotions', 'customer_held', 'customer_debt') END)
    """)
    op.execute("ALTER TABLE billing.ledger_transactions DROP CONSTRAINT ledger_transactions_kind_check")
    op.execute("""
        ALTER TABLE billing.ledger_transactions ADD CONSTRAINT ledger_transactions_kind_check CHECK (kind IN (
            'payment', 'promotion', 'hold', 'usage', 'hold_released', 'refund', 'refund_returned', 'adjustment',
            'dispute', 'dispute_returned'))
    """)
    op.execute("""
        INSERT INTO billing.ledger_accounts (tenant_id, kind, currency, created_at)
        SELECT tenant_id, 'customer_debt', currency, clock_timestamp() FROM billing.ledger_accounts
        WHERE kind = 'customer_credit'
        UNION ALL
        SELECT NULL, 'disputes', currency, clock_timestamp() FROM billing.ledger_accounts WHERE kind = 'revenue'
    """)
    # A bound that no honest posting reaches; what an older version let in stays as it is.
    op.execute("""
        ALTER TABLE billing.ledger_entries ADD CONSTRAINT ledger_entries_amount_bound
        CHECK (amount BETWEEN -1000000000000000 AND 1000000000000000) NOT VALID
    """)
