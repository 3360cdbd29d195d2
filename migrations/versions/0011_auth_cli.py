"""Sign-in of the command line: its sessions, single-use authorization codes, rotated refresh tokens."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE auth.oidc_sessions DROP CONSTRAINT oidc_sessions_method_check")
    op.execute("""
        ALTER TABLE auth.oidc_sessions ADD CONSTRAINT oidc_sessions_method_check
        CHECK (method IN ('oidc', 'internal', 'cli'))
    """)
    op.execute("""
        CREATE TABLE auth.authorization_codes (
            code_hash bytea PRIMARY KEY,
            user_id uuid NOT NULL REFERENCES auth.users,
            tenant_id uuid,
            project_id uuid,
            redirect_uri text NOT NULL,
            code_challenge text NOT NULL,
            created_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL,
            used_at timestamptz,
            session_id uuid
        )
    """)
    op.execute("CREATE INDEX authorization_codes_expiry ON auth.authorization_codes (expires_at)")
    op.execute("""
        CREATE TABLE auth.refresh_tokens (
            token_hash bytea PRIMARY KEY,
            session_id uuid NOT NULL REFERENCES auth.oidc_sessions,
            created_at timestamptz NOT NULL,
            used_at timestamptz
        )
    """)
    op.execute("CREATE INDEX refresh_tokens_session ON auth.refresh_tokens (session_id)")
