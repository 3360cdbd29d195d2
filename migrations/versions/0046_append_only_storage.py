"""The ledger only grows, so its indexes are packed full, and the one that another index has replaced goes."""

from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Of pages that are written from now on; nothing is rewritten.
    op.execute("ALTER INDEX billing.ledger_transactions_pkey SET (fillfactor = 100)")
    op.execute("ALTER INDEX billing.ledger_transactions_lines SET (fillfactor = 100)")
    op.execute("ALTER INDEX billing.ledger_transactions_tenant SET (fillfactor = 100)")
    op.execute("ALTER INDEX billing.ledger_transactions_xid SET (fillfactor = 100)")
    op.execute("ALTER INDEX billing.ledger_entries_pkey SET (fillfactor = 100)")
    op.execute("ALTER INDEX billing.ledger_entries_transaction SET (fillfactor = 100)")
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS billing.ledger_transactions_moves")
