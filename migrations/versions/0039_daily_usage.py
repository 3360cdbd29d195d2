"""Usage of closed days, by organisation, day, project and type, and from when on the days are open.

Both tables are derived: the job `billing.days` fills them from the meters, and every page is right without them. An
organisation gets its row of progress with its accounts, whichever version of the product opens them.
"""

from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE billing.daily_usage (
            tenant_id uuid NOT NULL,
            day date NOT NULL,
            project_id uuid NOT NULL,
            sku_id uuid NOT NULL,
            seconds bigint NOT NULL CHECK (seconds > 0),
            gpu_seconds bigint NOT NULL,
            amount bigint NOT NULL,
            machines integer NOT NULL CHECK (machines > 0),
            started integer NOT NULL CHECK (started BETWEEN 0 AND machines),
            PRIMARY KEY (tenant_id, day, project_id, sku_id)
        )
    """)
    op.execute("""
        CREATE TRIGGER closed BEFORE UPDATE ON billing.daily_usage FOR EACH ROW EXECUTE FUNCTION shared.refuse_change()
    """)
    op.execute("REVOKE UPDATE, TRUNCATE ON billing.daily_usage FROM berth_app")
    op.execute("""
        CREATE TABLE billing.daily_usage_progress (
            tenant_id uuid PRIMARY KEY,
            time_zone text NOT NULL DEFAULT 'UTC',
            open_from date,
            open_at timestamptz,
            closes_at timestamptz NOT NULL DEFAULT '1970-01-01 00:00:00+00',
            CHECK ((open_from IS NULL) = (open_at IS NULL))
        )
    """)
    op.execute("CREATE INDEX daily_usage_progress_due ON billing.daily_usage_progress (closes_at)")
    op.execute("""
        CREATE FUNCTION billing.begin_daily_usage() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO billing.daily_usage_progress (tenant_id) VALUES (NEW.tenant_id) ON CONFLICT DO NOTHING;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER ledger_accounts_daily_usage AFTER INSERT ON billing.ledger_accounts
        FOR EACH ROW WHEN (NEW.kind = 'customer_credit') EXECUTE FUNCTION billing.begin_daily_usage()
    """)
    op.execute("""
        INSERT INTO billing.daily_usage_progress (tenant_id)
        SELECT tenant_id FROM billing.ledger_accounts WHERE kind = 'customer_credit'
    """)
