"""Every public key that was certified for an allocation: who, for what, until when."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA releases")
    op.execute("""
        CREATE TABLE releases.allocation_ssh_public_keys (
            serial bigint PRIMARY KEY,
            tenant_id uuid NOT NULL,
            project_id uuid NOT NULL,
            allocation_id uuid NOT NULL,
            user_id uuid,
            login text NOT NULL,
            principal text NOT NULL,
            purpose text NOT NULL CHECK (purpose IN ('terminal', 'probe')),
            public_key text NOT NULL,
            valid_from timestamptz NOT NULL,
            valid_to timestamptz NOT NULL,
            created_at timestamptz NOT NULL
        )
    """)
    op.execute("""
        CREATE INDEX allocation_ssh_public_keys_allocation
        ON releases.allocation_ssh_public_keys (tenant_id, allocation_id, created_at DESC)
    """)
