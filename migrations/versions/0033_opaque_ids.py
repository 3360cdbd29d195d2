"""Ids of Stripe's may be as long as Stripe likes: a B-tree holds 2,700 bytes, a hash index any text.

Each stands once, as before: an exclusion by equality compares the texts themselves.
"""

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

ONCE = {
    "payment_sessions": {
        "payment_sessions_stripe_session_id_key": ("payment_sessions_session_once", "stripe_session_id"),
        "payment_sessions_payment_intent_id_key": ("payment_sessions_intent_once", "payment_intent_id"),
    },
    "payment_events": {
        "payment_events_provider_event_id_key": ("payment_events_once", "(provider || ':' || event_id)")
    },
    "refunds": {"refunds_stripe_refund_id_key": ("refunds_stripe_once", "stripe_refund_id")},
    "disputes": {"disputes_stripe_dispute_id_key": ("disputes_stripe_once", "stripe_dispute_id")},
    "cases": {"cases_kind_subject_key": ("cases_once", "(kind || ':' || subject)")},
}


def upgrade() -> None:
    op.execute("ALTER TABLE payments.payment_events DROP CONSTRAINT payment_events_event_id_check")
    op.execute("ALTER TABLE payments.payment_events ADD CHECK (length(event_id) BETWEEN 1 AND 8192)")
    for table, constraints in ONCE.items():
        for before, (name, value) in constraints.items():
            op.execute(f"ALTER TABLE payments.{table} DROP CONSTRAINT {before}")
            op.execute(f"ALTER TABLE payments.{table} ADD CONSTRAINT {name} EXCLUDE USING hash ({value} WITH =)")
    op.execute("DROP INDEX payments.payment_events_intent")
    op.execute("CREATE INDEX payment_events_intent ON payments.payment_events USING hash ((body ->> 'payment_intent'))")
