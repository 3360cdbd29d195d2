"""What operators did to an allocation, and why: its customer may read it."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE provisioning.operator_notes (
            id uuid PRIMARY KEY,
            tenant_id uuid NOT NULL,
            project_id uuid NOT NULL,
            allocation_id uuid NOT NULL REFERENCES provisioning.allocations,
            action text NOT NULL CHECK (action IN ('release', 'cancel')),
            reason text NOT NULL CHECK (length(reason) BETWEEN 3 AND 500),
            actor_id uuid,
            created_at timestamptz NOT NULL
        )
    """)
    op.execute("CREATE INDEX operator_notes_allocation ON provisioning.operator_notes (allocation_id, id)")
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON provisioning.operator_notes FROM berth_app")
    op.execute("""
        CREATE INDEX allocations_node ON provisioning.allocations (node_id) WHERE ended_at IS NULL
    """)
