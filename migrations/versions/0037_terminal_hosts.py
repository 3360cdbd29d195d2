"""Shells of terminals live in terminal hosts."""

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("COMMENT ON COLUMN terminal.terminal_sessions.host IS 'the terminal host that holds the shell'")
