"""Usage by day: what a machine was is kept with its meter; a tenant's meters and money are found by their time; and
who has put the list of first steps away."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE billing.metered_allocations ADD COLUMN gpus integer NOT NULL DEFAULT 0 CHECK (gpus >= 0)")
    op.execute("""
        CREATE INDEX metered_allocations_period ON billing.metered_allocations (tenant_id, metered_from)
        WHERE metered_from IS NOT NULL
    """)
    op.execute("""
        CREATE INDEX ledger_transactions_moves ON billing.ledger_transactions (tenant_id, occurred_at)
        INCLUDE (funds_change) WHERE kind <> 'usage'
    """)
    op.execute("""
        CREATE TABLE provisioning.first_steps_hidden (
            tenant_id uuid NOT NULL,
            project_id uuid NOT NULL,
            user_id uuid NOT NULL,
            hidden_at timestamptz NOT NULL,
            PRIMARY KEY (tenant_id, project_id, user_id)
        )
    """)
