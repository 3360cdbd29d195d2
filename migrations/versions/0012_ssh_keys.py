"""People's own SSH keys and where they are attached."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE releases.user_ssh_keys (
            id uuid PRIMARY KEY,
            owner_id uuid NOT NULL,
            name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
            algorithm text NOT NULL,
            bits integer NOT NULL,
            public_key text NOT NULL,
            fingerprint text NOT NULL,
            created_at timestamptz NOT NULL,
            revoked_at timestamptz,
            last_used_at timestamptz,
            version bigint NOT NULL DEFAULT 1
        )
    """)
    op.execute("""
        CREATE UNIQUE INDEX user_ssh_keys_fingerprint ON releases.user_ssh_keys (owner_id, fingerprint)
        WHERE revoked_at IS NULL
    """)
    op.execute("""
        CREATE UNIQUE INDEX user_ssh_keys_name ON releases.user_ssh_keys (owner_id, name) WHERE revoked_at IS NULL
    """)
    op.execute("""
        CREATE TABLE releases.key_attachments (
            allocation_id uuid NOT NULL,
            key_id uuid NOT NULL REFERENCES releases.user_ssh_keys,
            tenant_id uuid NOT NULL,
            project_id uuid NOT NULL,
            owner_id uuid NOT NULL,
            login text NOT NULL,
            wanted boolean NOT NULL,
            state text NOT NULL CHECK (state IN ('pending', 'attached', 'failed', 'detaching', 'detached')),
            detail text NOT NULL DEFAULT '',
            tries integer NOT NULL DEFAULT 0,
            changed_at timestamptz NOT NULL,
            attached_at timestamptz,
            last_used_at timestamptz,
            PRIMARY KEY (allocation_id, key_id),
            CHECK (wanted = (state IN ('pending', 'attached', 'failed')))
        )
    """)
    op.execute("CREATE INDEX key_attachments_key ON releases.key_attachments (key_id)")
    op.execute("""
        CREATE INDEX key_attachments_open ON releases.key_attachments (changed_at)
        WHERE state IN ('pending', 'failed', 'detaching')
    """)
    op.execute(
        "ALTER TABLE releases.allocation_ssh_public_keys DROP CONSTRAINT allocation_ssh_public_keys_purpose_check"
    )
    op.execute("""
        ALTER TABLE releases.allocation_ssh_public_keys ADD CONSTRAINT allocation_ssh_public_keys_purpose_check
        CHECK (purpose IN ('terminal', 'probe', 'command_line', 'app'))
    """)
