"""Money that goes back: refunds, corrections of credit, and the kinds of ledger transactions that they need."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE billing.ledger_transactions DROP CONSTRAINT ledger_transactions_kind_check")
    op.execute("""
        ALTER TABLE billing.ledger_transactions ADD CONSTRAINT ledger_transactions_kind_check CHECK (kind IN (
            'payment', 'promotion', 'hold', 'usage', 'hold_released', 'refund', 'refund_returned', 'adjustment'))
    """)
    op.execute("""
        CREATE TABLE payments.refunds (
            id uuid PRIMARY KEY,
            payment_id uuid NOT NULL REFERENCES payments.payment_sessions,
            tenant_id uuid NOT NULL,
            amount bigint NOT NULL CHECK (amount > 0 AND amount % 10000 = 0),
            currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
            status text NOT NULL CHECK (status IN ('requested', 'rejected', 'approved', 'sent', 'succeeded', 'failed')),
            reason text NOT NULL CHECK (length(reason) BETWEEN 3 AND 500),
            requested_by uuid NOT NULL,
            stripe_refund_id text UNIQUE,
            problem text,
            version bigint NOT NULL DEFAULT 1,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL,
            approved_at timestamptz,
            settled_at timestamptz,
            CHECK ((status IN ('rejected', 'succeeded', 'failed')) = (settled_at IS NOT NULL)),
            CHECK ((status IN ('requested', 'rejected')) = (approved_at IS NULL))
        )
    """)
    op.execute("CREATE INDEX refunds_payment ON payments.refunds (payment_id)")
    op.execute("CREATE INDEX refunds_tenant ON payments.refunds (tenant_id, id DESC)")
    op.execute("CREATE INDEX refunds_waiting ON payments.refunds (updated_at) WHERE status IN ('approved', 'sent')")
    op.execute("CREATE INDEX payment_sessions_newest ON payments.payment_sessions (id DESC)")
    op.execute("CREATE INDEX payment_events_newest ON payments.payment_events (id DESC)")
    op.execute("REVOKE DELETE, TRUNCATE ON payments.refunds FROM berth_app")
