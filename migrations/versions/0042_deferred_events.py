"""What a consumer could not handle yet is kept in the inbox, so that it holds back later events of its aggregate
whichever process holds the consumer. A process of the release before keeps the same in its memory.
"""

from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE shared.deferred_events (
            consumer text NOT NULL,
            event_id uuid NOT NULL,
            aggregate_id uuid NOT NULL,
            aggregate text NOT NULL,
            version bigint NOT NULL,
            failures integer NOT NULL DEFAULT 0,
            due_at timestamptz NOT NULL,
            PRIMARY KEY (consumer, event_id)
        )
    """)
    op.execute("""
        CREATE INDEX deferred_events_aggregate
        ON shared.deferred_events (consumer, aggregate_id, aggregate, version)
    """)
