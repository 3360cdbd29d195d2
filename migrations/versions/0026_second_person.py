"""Requests that wait for a second person, and what operators gave or took, so that limits hold for sums."""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE shared.change_requests (
            id uuid PRIMARY KEY,
            action text NOT NULL,
            command jsonb NOT NULL,
            target text NOT NULL,
            summary text NOT NULL CHECK (length(summary) BETWEEN 3 AND 500),
            reason text NOT NULL CHECK (length(reason) BETWEEN 3 AND 500),
            tenant_id uuid,
            requested_by uuid NOT NULL,
            requested_at timestamptz NOT NULL,
            status text NOT NULL DEFAULT 'requested' CHECK (status IN ('requested', 'approved', 'rejected')),
            decided_by uuid,
            decided_at timestamptz,
            decision_reason text NOT NULL DEFAULT '' CHECK (length(decision_reason) <= 500),
            CHECK ((status = 'requested') = (decided_at IS NULL)),
            CHECK ((decided_at IS NULL) = (decided_by IS NULL)),
            CHECK (status <> 'approved' OR decided_by <> requested_by)
        )
    """)
    op.execute("CREATE INDEX change_requests_waiting ON shared.change_requests (id) WHERE status = 'requested'")
    # What was asked for is what is approved: only the decision can be written later.
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON shared.change_requests FROM berth_app")
    op.execute("""
        GRANT UPDATE (status, decided_by, decided_at, decision_reason) ON shared.change_requests TO berth_app
    """)
    op.execute("""
        CREATE TABLE admin.value_acts (
            subject_id uuid PRIMARY KEY,
            kind text NOT NULL CHECK (kind IN ('refund', 'adjustment')),
            tenant_id uuid NOT NULL,
            payment_id uuid,
            amount bigint NOT NULL CHECK (amount <> 0),
            requested_by uuid NOT NULL,
            asked_at timestamptz NOT NULL,
            decision text NOT NULL CHECK (decision IN ('pending', 'alone', 'approved', 'rejected'))
        )
    """)
    op.execute("CREATE INDEX value_acts_person ON admin.value_acts (requested_by, asked_at)")
    op.execute("CREATE INDEX value_acts_tenant ON admin.value_acts (tenant_id, asked_at)")
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON admin.value_acts FROM berth_app")
    op.execute("GRANT UPDATE (decision) ON admin.value_acts TO berth_app")
    op.execute("""
        INSERT INTO admin.value_acts (subject_id, kind, tenant_id, payment_id, amount, requested_by, asked_at, decision)
        SELECT a.id, 'adjustment', a.tenant_id, NULL, a.amount, a.requested_by, a.created_at,
               coalesce(p.decision, 'pending')
        FROM admin.adjustments a LEFT JOIN admin.refund_approvals p ON p.subject_id = a.id
        UNION ALL
        SELECT r.id, 'refund', r.tenant_id, r.payment_id, r.amount, r.requested_by, r.created_at,
               coalesce(p.decision, 'pending')
        FROM payments.refunds r LEFT JOIN admin.refund_approvals p ON p.subject_id = r.id
    """)
