"""Ids of Stripe's may be as long as Stripe likes: a B-tree holds 2,700 bytes, a hash index any text.

Each stands once, as before: an exclusion by equality compares the texts themselves.
"""

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE payments.payment_sessions
            DROP CONSTRAINT payment_sessions_stripe_session_id_key,
            DROP CONSTRAINT payment_sessions_payment_intent_id_key,
            ADD CONSTRAINT payment_sessions_session_once EXCLUDE USING hash (stripe_session_id WITH =),
            ADD CONSTRAINT payment_sessions_intent_once EXCLUDE USING hash (payment_intent_id WITH =)
    """)
    op.execute("""
        ALTER TABLE payments.payment_events
            DROP CONSTRAINT payment_events_event_id_check,
            DROP CONSTRAINT payment_events_provider_event_id_key,
            ADD CHECK (length(event_id) BETWEEN 1 AND 8192),
            ADD CONSTRAINT payment_events_once EXCLUDE USING hash ((provider || ' ' || event_id) WITH =)
    """)
    op.execute("""
        ALTER TABLE payments.refunds
            DROP CONSTRAINT refunds_stripe_refund_id_key,
            ADD CONSTRAINT refunds_stripe_once EXCLUDE USING hash (stripe_refund_id WITH =)
    """)
    op.execute("""
        ALTER TABLE payments.disputes
            DROP CONSTRAINT disputes_stripe_dispute_id_key,
            ADD CONSTRAINT disputes_stripe_once EXCLUDE USING hash (stripe_dispute_id WITH =)
    """)
    op.execute("""
        ALTER TABLE payments.cases
            DROP CONSTRAINT cases_kind_subject_key,
            ADD CONSTRAINT cases_once EXCLUDE USING hash ((kind || ' ' || subject) WITH =)
    """)
    op.execute("DROP INDEX payments.payment_events_intent")
    op.execute("CREATE INDEX payment_events_intent ON payments.payment_events USING hash ((body ->> 'payment_intent'))")
