"""Rows of the outbox say which transaction made them pending, so that the relay reads what is new by snapshots.

A process of the release before writes the column too, by its default, and needs no index that goes here: it finds its
rows by the pending one.
"""

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE shared.outbox_events ADD COLUMN xid xid8")
    op.execute("ALTER TABLE shared.outbox_events ALTER COLUMN xid SET DEFAULT pg_current_xact_id()")
    op.execute("CREATE INDEX outbox_events_committed ON shared.outbox_events (xid) WHERE published_at IS NULL")
    op.execute("DROP INDEX shared.outbox_events_waiting")
