"""The check of the migration before is proved while writers go on."""

from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE shared.outbox_events_default VALIDATE CONSTRAINT outbox_events_before")
