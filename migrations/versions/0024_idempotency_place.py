"""A stored answer belongs to the place where it was given. Older ones have none and are not given again."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE shared.idempotency_keys ADD COLUMN place text NOT NULL DEFAULT ''")
    op.execute("ALTER TABLE shared.idempotency_keys DROP CONSTRAINT idempotency_keys_pkey")
    op.execute("ALTER TABLE shared.idempotency_keys ADD PRIMARY KEY (actor, place, route, key)")
