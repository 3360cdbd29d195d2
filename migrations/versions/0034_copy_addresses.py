"""A copy asks where its machine is when it begins, so its row keeps no address any more.

Nobody reads the column from now on; it goes once no process that fills it is left.
"""

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE storage.storage_copies ALTER COLUMN place DROP NOT NULL")
