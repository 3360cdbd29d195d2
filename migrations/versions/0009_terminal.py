"""Terminal sessions: one row per shell that was opened from a browser."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA terminal")
    op.execute("""
        CREATE TABLE terminal.terminal_sessions (
            id uuid PRIMARY KEY,
            tenant_id uuid NOT NULL,
            project_id uuid NOT NULL,
            allocation_id uuid NOT NULL,
            user_id uuid NOT NULL,
            session_id uuid NOT NULL,
            host text NOT NULL,
            opened_at timestamptz NOT NULL,
            last_attached_at timestamptz NOT NULL,
            ended_at timestamptz,
            end_code text,
            version bigint NOT NULL DEFAULT 1,
            CHECK ((ended_at IS NULL) = (end_code IS NULL))
        )
    """)
    op.execute("COMMENT ON COLUMN terminal.terminal_sessions.session_id IS 'the browser session that opened it'")
    op.execute("COMMENT ON COLUMN terminal.terminal_sessions.host IS 'the web process that holds the shell'")
    op.execute("""
        CREATE INDEX terminal_sessions_project ON terminal.terminal_sessions
        (tenant_id, project_id, allocation_id, opened_at DESC)
    """)
    op.execute("CREATE INDEX terminal_sessions_live ON terminal.terminal_sessions (user_id) WHERE ended_at IS NULL")
