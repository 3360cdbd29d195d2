"""Rights that end: who answers for what was handed out, and which certificates a machine refuses already."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE releases.allocation_ssh_public_keys
            ADD COLUMN session_id uuid,
            ADD COLUMN ended_at timestamptz,
            ADD COLUMN ended_code text,
            ADD COLUMN refused_at timestamptz,
            ADD CHECK (refused_at IS NULL OR ended_at IS NOT NULL)
    """)
    op.execute("""
        CREATE INDEX allocation_ssh_public_keys_held ON releases.allocation_ssh_public_keys (tenant_id, user_id)
        WHERE purpose = 'command_line' AND ended_at IS NULL
    """)
    op.execute("""
        CREATE INDEX allocation_ssh_public_keys_ending ON releases.allocation_ssh_public_keys (allocation_id)
        WHERE ended_at IS NOT NULL AND refused_at IS NULL
    """)
    op.execute("CREATE INDEX key_attachments_held ON releases.key_attachments (tenant_id, owner_id) WHERE wanted")
    # Whoever made it answers for it until somebody takes it over; without a maker nobody does.
    op.execute("ALTER TABLE auth.service_accounts ADD COLUMN sponsor_id uuid, ADD COLUMN unsponsored_at timestamptz")
    op.execute("UPDATE auth.service_accounts SET sponsor_id = created_by")
    op.execute("ALTER TABLE auth.service_accounts ALTER COLUMN sponsor_id SET NOT NULL")
    op.execute("ALTER TABLE notification.webhook_endpoints ADD COLUMN sponsor_id uuid")
    op.execute("UPDATE notification.webhook_endpoints SET sponsor_id = created_by")
