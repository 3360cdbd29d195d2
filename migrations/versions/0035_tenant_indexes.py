"""Indexes for what is read of one tenant: machines that wait for their start, machines by their end, movements of
money. Built beside the traffic, so each waits for nobody and is found again when it was interrupted."""

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("""
            CREATE INDEX CONCURRENTLY IF NOT EXISTS metered_allocations_starting
            ON billing.metered_allocations (tenant_id) WHERE metered_from IS NULL AND ended_at IS NULL
        """)
        op.execute("""
            CREATE INDEX CONCURRENTLY IF NOT EXISTS metered_allocations_ended
            ON billing.metered_allocations (tenant_id, ended_at) WHERE metered_from IS NOT NULL
        """)
        op.execute("""
            CREATE INDEX CONCURRENTLY IF NOT EXISTS ledger_transactions_movements
            ON billing.ledger_transactions (tenant_id, occurred_at) INCLUDE (funds_change)
            WHERE kind <> 'usage' AND funds_change <> 0
        """)
