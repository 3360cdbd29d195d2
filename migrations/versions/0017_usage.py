"""Usage by day: what a machine was is kept with its meter, and a tenant's meters are found by when they ran."""

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
