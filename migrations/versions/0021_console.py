"""Audit by month and with its indexes, history of policies, view-as, announcements, approvals of refunds."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _audit()
    _policies()
    _view_as()
    _announcements()
    _approvals()
    _append_only()
    op.execute("GRANT SELECT ON shared.schema_versions TO berth_app")  # the system page says what was applied
    op.execute("ALTER TABLE shared.dead_letters ADD COLUMN discarded_at timestamptz")
    op.execute("CREATE INDEX dead_letters_newest ON shared.dead_letters (created_at DESC, id DESC)")


def _append_only() -> None:
    op.execute("""
        DO $$
        DECLARE name regclass;
        BEGIN
            FOREACH name IN ARRAY ARRAY['shared.policy_changes', 'admin.refund_approvals']::regclass[] LOOP
                EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %s '
                               'FOR EACH ROW EXECUTE FUNCTION shared.refuse_change()', name);
                EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %s '
                               'FOR EACH STATEMENT EXECUTE FUNCTION shared.refuse_change()', name);
                EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %s FROM berth_app', name);
            END LOOP;
        END $$
    """)


def _audit() -> None:
    op.execute("CREATE INDEX audit_logs_time ON admin.audit_logs (occurred_at DESC, id DESC)")
    op.execute("CREATE INDEX audit_logs_actor ON admin.audit_logs (actor_id, occurred_at DESC, id DESC)")
    op.execute("CREATE INDEX audit_logs_action ON admin.audit_logs (action, occurred_at DESC, id DESC)")
    op.execute("CREATE INDEX audit_logs_story ON admin.audit_logs (correlation_id)")
    # The product may not make tables, so the one thing it needs is a function of the owner. A month that has rows in
    # the default partition already stays there. ATTACH, unlike CREATE … PARTITION OF, lets inserts go on.
    op.execute("""
        CREATE FUNCTION admin.make_audit_partitions(ahead integer) RETURNS integer
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET timezone = 'UTC' AS $$
        DECLARE first timestamptz; next timestamptz; name text; made integer := 0;
        BEGIN
            IF ahead NOT BETWEEN 1 AND 24 THEN
                RAISE EXCEPTION 'between 1 and 24 months ahead' USING ERRCODE = 'invalid_parameter_value';
            END IF;
            PERFORM pg_advisory_xact_lock(hashtext('admin.audit_logs'));
            FOR month IN 0..ahead LOOP
                first := date_trunc('month', clock_timestamp()) + make_interval(months => month);
                next := first + interval '1 month';
                name := 'audit_logs_' || to_char(first, 'YYYY_MM');
                CONTINUE WHEN to_regclass('admin.' || name) IS NOT NULL OR EXISTS (
                    SELECT FROM admin.audit_logs_default d WHERE d.occurred_at >= first AND d.occurred_at < next);
                EXECUTE format('CREATE TABLE admin.%I (LIKE admin.audit_logs INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
                               name);
                EXECUTE format('REVOKE ALL ON admin.%I FROM berth_app', name);
                EXECUTE format('ALTER TABLE admin.audit_logs ATTACH PARTITION admin.%I FOR VALUES FROM (%L) TO (%L)',
                               name, first, next);
                EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON admin.%I '
                               'FOR EACH STATEMENT EXECUTE FUNCTION shared.refuse_change()', name);
                made := made + 1;
            END LOOP;
            RETURN made;
        END $$
    """)
    op.execute("REVOKE EXECUTE ON FUNCTION admin.make_audit_partitions FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION admin.make_audit_partitions TO berth_app")
    op.execute("SELECT admin.make_audit_partitions(3)")


def _policies() -> None:
    op.execute("ALTER TABLE shared.policy_values ADD COLUMN reason text NOT NULL DEFAULT ''")
    op.execute("""
        CREATE TABLE shared.policy_changes (
            id uuid PRIMARY KEY,
            key text NOT NULL,
            version bigint NOT NULL CHECK (version > 0),
            tenant_id uuid,
            project_id uuid,
            before jsonb,
            after jsonb,
            reason text NOT NULL CHECK (length(reason) BETWEEN 3 AND 500),
            changed_by uuid,
            changed_at timestamptz NOT NULL,
            CHECK (project_id IS NULL OR tenant_id IS NOT NULL),
            UNIQUE (key, version)
        )
    """)


def _view_as() -> None:
    op.execute("""
        CREATE TABLE auth.views_as (
            id uuid PRIMARY KEY,
            session_id uuid NOT NULL REFERENCES auth.oidc_sessions,
            operator_id uuid NOT NULL REFERENCES auth.users,
            tenant_id uuid NOT NULL REFERENCES auth.tenants,
            project_id uuid REFERENCES auth.projects,
            reason text NOT NULL CHECK (length(reason) BETWEEN 3 AND 500),
            started_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL CHECK (expires_at > started_at),
            ended_at timestamptz
        )
    """)
    op.execute("CREATE UNIQUE INDEX views_as_open ON auth.views_as (session_id) WHERE ended_at IS NULL")
    op.execute("ALTER TABLE auth.users ADD COLUMN suspended_reason text")
    op.execute("ALTER TABLE auth.tenants ADD COLUMN suspended_reason text")
    op.execute("REVOKE DELETE, TRUNCATE ON auth.views_as FROM berth_app")


def _announcements() -> None:
    op.execute("""
        CREATE TABLE admin.announcements (
            id uuid PRIMARY KEY,
            text text NOT NULL CHECK (length(text) BETWEEN 3 AND 500),
            level text NOT NULL CHECK (level IN ('good', 'busy', 'warn', 'bad')),
            audience text NOT NULL CHECK (audience IN ('everybody', 'customers', 'operators')),
            from_at timestamptz NOT NULL,
            to_at timestamptz NOT NULL CHECK (to_at > from_at),
            created_by uuid,
            created_at timestamptz NOT NULL,
            withdrawn_at timestamptz
        )
    """)
    op.execute("CREATE INDEX announcements_shown ON admin.announcements (to_at) WHERE withdrawn_at IS NULL")
    op.execute("REVOKE DELETE, TRUNCATE ON admin.announcements FROM berth_app")


def _approvals() -> None:
    op.execute("""
        CREATE TABLE admin.refund_approvals (
            id uuid PRIMARY KEY,
            subject_kind text NOT NULL CHECK (subject_kind IN ('refund', 'adjustment')),
            subject_id uuid NOT NULL,
            tenant_id uuid NOT NULL,
            amount bigint NOT NULL,
            currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
            requested_by uuid NOT NULL,
            decision text NOT NULL CHECK (decision IN ('approved', 'rejected', 'alone')),
            decided_by uuid NOT NULL,
            reason text NOT NULL,
            decided_at timestamptz NOT NULL,
            UNIQUE (subject_kind, subject_id),
            CHECK ((decision = 'alone') = (decided_by = requested_by))
        )
    """)
    op.execute("""
        CREATE TABLE admin.adjustments (
            id uuid PRIMARY KEY,
            tenant_id uuid NOT NULL,
            amount bigint NOT NULL CHECK (amount <> 0),
            currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
            reason text NOT NULL CHECK (length(reason) BETWEEN 3 AND 500),
            requested_by uuid NOT NULL,
            status text NOT NULL CHECK (status IN ('requested', 'approved', 'rejected')),
            created_at timestamptz NOT NULL,
            decided_at timestamptz,
            CHECK ((status = 'requested') = (decided_at IS NULL))
        )
    """)
    op.execute("""
        CREATE TABLE admin.ledger_checks (
            id uuid PRIMARY KEY,
            requested_by uuid,
            requested_at timestamptz NOT NULL,
            finished_at timestamptz,
            ok boolean,
            report jsonb,
            CHECK ((finished_at IS NULL) = (report IS NULL))
        )
    """)
    op.execute("REVOKE DELETE, TRUNCATE ON admin.adjustments, admin.ledger_checks FROM berth_app")
