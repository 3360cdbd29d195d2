"""Public links can be taken back, and say how they ended."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE storage.storage_links
            ADD COLUMN ended_at timestamptz, ADD COLUMN ended_by uuid, ADD COLUMN ended_code text,
            ADD CHECK ((ended_at IS NULL) = (ended_code IS NULL))
    """)
    op.execute("CREATE INDEX storage_links_live ON storage.storage_links (expires_at) WHERE ended_at IS NULL")
