"""What the outbox holds so far is of before the week after next: the next migrations rely on it without reading it
under a lock that stops writers.
"""

from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        DO $$ BEGIN
            EXECUTE format('ALTER TABLE shared.outbox_events_default ADD CONSTRAINT outbox_events_before '
                           'CHECK (created_at < %L) NOT VALID',
                           date_trunc('week', clock_timestamp(), 'UTC') + interval '2 weeks');
        END $$
    """)
