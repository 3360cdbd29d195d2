"""Payment sessions (what a customer wants to pay) and the webhook inbox (what the vendor told us)."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA payments")
    op.execute("""
        CREATE TABLE payments.payment_sessions (
            id uuid PRIMARY KEY,
            tenant_id uuid NOT NULL,
            project_id uuid,
            user_id uuid,
            amount bigint NOT NULL CHECK (amount > 0 AND amount % 10000 = 0),
            currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
            status text NOT NULL CHECK (status IN ('created', 'open', 'paid', 'expired', 'failed')),
            stripe_session_id text UNIQUE,
            payment_intent_id text UNIQUE,
            checkout_url text,
            problem text,
            version bigint NOT NULL DEFAULT 1,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL,
            paid_at timestamptz,
            CHECK ((status = 'paid') = (paid_at IS NOT NULL)),
            CHECK (status <> 'open' OR stripe_session_id IS NOT NULL)
        )
    """)
    op.execute("CREATE INDEX payment_sessions_tenant ON payments.payment_sessions (tenant_id, id DESC)")
    op.execute("""
        CREATE INDEX payment_sessions_waiting ON payments.payment_sessions (created_at)
        WHERE status IN ('created', 'open')
    """)
    op.execute("""
        CREATE TABLE payments.payment_events (
            id uuid PRIMARY KEY,
            provider text NOT NULL,
            event_id text NOT NULL CHECK (length(event_id) BETWEEN 1 AND 255),
            type text NOT NULL,
            body jsonb NOT NULL,
            received_at timestamptz NOT NULL,
            processed_at timestamptz,
            outcome text,
            error text,
            UNIQUE (provider, event_id)
        )
    """)
    op.execute("""
        CREATE INDEX payment_events_pending ON payments.payment_events (received_at) WHERE processed_at IS NULL
    """)
    op.execute("REVOKE DELETE, TRUNCATE ON ALL TABLES IN SCHEMA payments FROM berth_app")
