"""Exact repeats of one refusal are counted for a few seconds instead of written one by one."""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE admin.refusal_windows (
            fingerprint bytea PRIMARY KEY,
            row_id uuid NOT NULL,
            occurred_at timestamptz NOT NULL,
            closes_at timestamptz NOT NULL,
            left_out integer NOT NULL DEFAULT 0 CHECK (left_out >= 0)
        )
    """)
    op.execute("CREATE INDEX refusal_windows_closing ON admin.refusal_windows (closes_at)")
