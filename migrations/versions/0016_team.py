"""Invitations, one role per person and scope, and the law that an organisation keeps an owner."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE auth.memberships ADD COLUMN version bigint NOT NULL DEFAULT 1")
    op.execute("""
        CREATE UNIQUE INDEX memberships_one_role ON auth.memberships (user_id, tenant_id, project_id) NULLS NOT DISTINCT
        WHERE user_id IS NOT NULL AND tenant_id IS NOT NULL
    """)
    op.execute("CREATE INDEX memberships_account ON auth.memberships (service_account_id)")
    # The address in the one spelling that invitations are matched by; written at each sign-in.
    op.execute("ALTER TABLE auth.users ADD COLUMN email_key text NOT NULL DEFAULT ''")
    op.execute("UPDATE auth.users SET email_key = lower(email)")
    op.execute("CREATE INDEX users_email_key ON auth.users (email_key)")
    op.execute("CREATE INDEX oidc_sessions_place ON auth.oidc_sessions (tenant_id, user_id)")
    op.execute("""
        CREATE TABLE auth.invitations (
            id uuid PRIMARY KEY,
            tenant_id uuid NOT NULL REFERENCES auth.tenants,
            project_id uuid REFERENCES auth.projects,
            email text NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
            email_key text NOT NULL,
            role text NOT NULL CHECK (role IN (
                'tenant_owner', 'tenant_admin', 'tenant_billing', 'tenant_member',
                'project_admin', 'project_member', 'project_viewer')),
            state text NOT NULL CHECK (state IN ('pending', 'accepted', 'declined', 'revoked', 'expired')),
            invited_by uuid NOT NULL,
            created_at timestamptz NOT NULL,
            sent_at timestamptz NOT NULL,
            sent_count integer NOT NULL DEFAULT 1,
            expires_at timestamptz NOT NULL,
            closed_at timestamptz,
            closed_by uuid,
            version bigint NOT NULL DEFAULT 1,
            CHECK ((project_id IS NOT NULL) = (role LIKE 'project%')),
            CHECK ((state = 'pending') = (closed_at IS NULL))
        )
    """)
    op.execute("""
        CREATE UNIQUE INDEX invitations_pending ON auth.invitations (tenant_id, project_id, email_key)
        NULLS NOT DISTINCT WHERE state = 'pending'
    """)
    op.execute("CREATE INDEX invitations_tenant ON auth.invitations (tenant_id, id DESC)")
    op.execute("CREATE INDEX invitations_address ON auth.invitations (email_key) WHERE state = 'pending'")
    op.execute("CREATE INDEX invitations_due ON auth.invitations (expires_at) WHERE state = 'pending'")
    # The service decides first, under the same lock; this is for whoever goes around it.
    op.execute("""
        CREATE FUNCTION auth.keep_an_owner() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM 1 FROM auth.tenants WHERE id = OLD.tenant_id FOR NO KEY UPDATE;
            IF NOT EXISTS (
                SELECT 1 FROM auth.memberships WHERE tenant_id = OLD.tenant_id AND role = 'tenant_owner'
            ) THEN
                RAISE EXCEPTION 'organisation % would be left without an owner', OLD.tenant_id
                    USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER memberships_keep_an_owner AFTER UPDATE OR DELETE ON auth.memberships
        FOR EACH ROW WHEN (OLD.role = 'tenant_owner') EXECUTE FUNCTION auth.keep_an_owner()
    """)
