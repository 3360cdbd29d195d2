"""What happens to money at the payment service itself: refunds made there, disputes, and cases to decide."""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE payments.refunds
            ADD COLUMN origin text NOT NULL DEFAULT 'berth' CHECK (origin IN ('berth', 'stripe')),
            ALTER COLUMN requested_by DROP NOT NULL,
            ADD CONSTRAINT refunds_somebody_asked CHECK ((origin = 'berth') = (requested_by IS NOT NULL)),
            ADD CONSTRAINT refunds_theirs_has_id CHECK (origin = 'berth' OR stripe_refund_id IS NOT NULL)
    """)
    op.execute("""
        CREATE TABLE payments.disputes (
            id uuid PRIMARY KEY,
            payment_id uuid NOT NULL REFERENCES payments.payment_sessions,
            tenant_id uuid NOT NULL,
            stripe_dispute_id text NOT NULL UNIQUE,
            amount bigint NOT NULL CHECK (amount > 0 AND amount % 10000 = 0),
            currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
            status text NOT NULL,
            reason text NOT NULL DEFAULT '',
            told_at bigint NOT NULL,
            is_taken boolean NOT NULL DEFAULT false,
            moves integer NOT NULL DEFAULT 0,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL
        )
    """)
    op.execute("CREATE INDEX disputes_payment ON payments.disputes (payment_id)")
    op.execute("""
        CREATE TABLE payments.cases (
            id uuid PRIMARY KEY,
            kind text NOT NULL,
            subject text NOT NULL,
            summary text NOT NULL,
            payment_id uuid,
            tenant_id uuid,
            amount bigint,
            currency text,
            opened_at timestamptz NOT NULL,
            decided_at timestamptz,
            decided_by uuid,
            decision text NOT NULL DEFAULT '' CHECK (length(decision) <= 500),
            UNIQUE (kind, subject),
            CHECK ((decided_at IS NULL) = (decision = ''))
        )
    """)
    op.execute("CREATE INDEX cases_open ON payments.cases (id) WHERE decided_at IS NULL")
    op.execute("CREATE INDEX payment_events_intent ON payments.payment_events ((body ->> 'payment_intent'))")
    op.execute("REVOKE DELETE, TRUNCATE ON payments.disputes, payments.cases FROM berth_app")
