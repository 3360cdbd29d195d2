"""What an organisation announced is added up over its projects whenever files are announced."""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX storage_usage_tenant ON storage.storage_usage (tenant_id)")
