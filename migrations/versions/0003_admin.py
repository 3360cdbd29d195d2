"""The audit log: append-only for everybody, the owner included."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA admin")
    op.execute("""
        CREATE TABLE admin.audit_logs (
            id uuid NOT NULL,
            occurred_at timestamptz NOT NULL,
            actor_kind text NOT NULL,
            actor_id uuid,
            actor_roles text[] NOT NULL,
            action text NOT NULL,
            target_kind text NOT NULL,
            target_id text NOT NULL,
            result text NOT NULL CHECK (result IN ('allowed', 'refused')),
            reason text,
            details jsonb NOT NULL DEFAULT '{}',
            tenant_id uuid,
            project_id uuid,
            correlation_id text NOT NULL,
            PRIMARY KEY (id, occurred_at)
        ) PARTITION BY RANGE (occurred_at)
    """)
    op.execute("CREATE TABLE admin.audit_logs_default PARTITION OF admin.audit_logs DEFAULT")
    op.execute("CREATE INDEX audit_logs_tenant ON admin.audit_logs (tenant_id, occurred_at DESC)")
    op.execute("CREATE INDEX audit_logs_target ON admin.audit_logs (target_kind, target_id, occurred_at DESC)")
    op.execute("""
        CREATE FUNCTION shared.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
                USING ERRCODE = 'insufficient_privilege';
        END $$
    """)
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON admin.audit_logs, admin.audit_logs_default FROM berth_app")
    op.execute("""
        CREATE TRIGGER audit_logs_append_only BEFORE UPDATE OR DELETE ON admin.audit_logs
        FOR EACH ROW EXECUTE FUNCTION shared.refuse_change()
    """)
    # A statement trigger of the parent does not cover a partition that is named itself: each needs its own.
    op.execute("""
        CREATE TRIGGER audit_logs_no_truncate BEFORE TRUNCATE ON admin.audit_logs
        FOR EACH STATEMENT EXECUTE FUNCTION shared.refuse_change()
    """)
    op.execute("""
        CREATE TRIGGER audit_logs_default_no_truncate BEFORE TRUNCATE ON admin.audit_logs_default
        FOR EACH STATEMENT EXECUTE FUNCTION shared.refuse_change()
    """)
