"""Who was the second person behind a price."""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE inventory.sku_prices ADD COLUMN seconded_by uuid CHECK (seconded_by <> announced_by)")
