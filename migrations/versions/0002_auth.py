"""People, organisations, projects, roles, sessions, POSIX identities, service accounts, signing keys."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA auth")
    op.execute("""
        CREATE TABLE auth.users (
            id uuid PRIMARY KEY,
            issuer text NOT NULL,
            subject text NOT NULL,
            email text NOT NULL,
            email_verified boolean NOT NULL,
            name text NOT NULL,
            created_at timestamptz NOT NULL,
            last_login_at timestamptz NOT NULL,
            suspended_at timestamptz,
            version bigint NOT NULL DEFAULT 1,
            UNIQUE (issuer, subject)
        )
    """)
    op.execute("""
        CREATE TABLE auth.tenants (
            id uuid PRIMARY KEY,
            name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
            currency text NOT NULL DEFAULT 'USD' CHECK (currency ~ '^[A-Z]{3}$'),
            time_zone text NOT NULL DEFAULT 'UTC',
            created_at timestamptz NOT NULL,
            suspended_at timestamptz,
            version bigint NOT NULL DEFAULT 1
        )
    """)
    op.execute("""
        CREATE TABLE auth.projects (
            id uuid PRIMARY KEY,
            tenant_id uuid NOT NULL REFERENCES auth.tenants,
            name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
            created_at timestamptz NOT NULL,
            version bigint NOT NULL DEFAULT 1,
            UNIQUE (tenant_id, name)
        )
    """)
    op.execute("""
        CREATE TABLE auth.service_accounts (
            id uuid PRIMARY KEY,
            tenant_id uuid NOT NULL REFERENCES auth.tenants,
            project_id uuid NOT NULL REFERENCES auth.projects,
            name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
            created_by uuid NOT NULL,
            created_at timestamptz NOT NULL,
            disabled_at timestamptz,
            version bigint NOT NULL DEFAULT 1,
            UNIQUE (tenant_id, name)
        )
    """)
    op.execute("""
        CREATE TABLE auth.memberships (
            id uuid PRIMARY KEY,
            user_id uuid REFERENCES auth.users,
            service_account_id uuid REFERENCES auth.service_accounts,
            tenant_id uuid REFERENCES auth.tenants,
            project_id uuid REFERENCES auth.projects,
            role text NOT NULL CHECK (role IN (
                'platform_admin', 'platform_operator', 'platform_finance', 'platform_auditor',
                'tenant_owner', 'tenant_admin', 'tenant_billing', 'tenant_member',
                'project_admin', 'project_member', 'project_viewer')),
            created_at timestamptz NOT NULL,
            CHECK ((user_id IS NULL) <> (service_account_id IS NULL)),
            CHECK ((tenant_id IS NULL) = (role LIKE 'platform%')),
            CHECK ((project_id IS NOT NULL) = (role LIKE 'project%')),
            UNIQUE NULLS NOT DISTINCT (user_id, service_account_id, tenant_id, project_id, role)
        )
    """)
    op.execute("CREATE INDEX memberships_tenant ON auth.memberships (tenant_id)")
    op.execute("""
        CREATE TABLE auth.oidc_sessions (
            id uuid PRIMARY KEY,
            token_hash bytea NOT NULL UNIQUE,
            user_id uuid NOT NULL REFERENCES auth.users,
            tenant_id uuid,
            project_id uuid,
            method text NOT NULL CHECK (method IN ('oidc', 'internal')),
            user_agent text NOT NULL,
            address text NOT NULL,
            created_at timestamptz NOT NULL,
            last_seen_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL,
            revoked_at timestamptz,
            revoked_reason text
        )
    """)
    op.execute("CREATE INDEX oidc_sessions_user ON auth.oidc_sessions (user_id, created_at DESC)")
    op.execute("CREATE SEQUENCE auth.posix_uids START 20001 MINVALUE 20001 MAXVALUE 59999")
    op.execute("""
        CREATE TABLE auth.user_posix_identities (
            user_id uuid PRIMARY KEY REFERENCES auth.users,
            login text NOT NULL UNIQUE CHECK (login ~ '^[a-z][a-z0-9_-]{0,30}$'),
            uid integer NOT NULL UNIQUE DEFAULT nextval('auth.posix_uids')
        )
    """)
    op.execute("""
        CREATE TABLE auth.service_account_credentials (
            id uuid PRIMARY KEY,
            service_account_id uuid NOT NULL REFERENCES auth.service_accounts,
            secret_hash bytea NOT NULL,
            created_by uuid NOT NULL,
            created_at timestamptz NOT NULL,
            last_used_at timestamptz,
            revoked_at timestamptz
        )
    """)
    op.execute("""
        CREATE TABLE auth.service_account_tokens (
            id uuid PRIMARY KEY,
            credential_id uuid NOT NULL REFERENCES auth.service_account_credentials,
            service_account_id uuid NOT NULL REFERENCES auth.service_accounts,
            issued_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL,
            revoked_at timestamptz
        )
    """)
    op.execute("""
        CREATE TABLE auth.signing_keys (
            id uuid PRIMARY KEY,
            algorithm text NOT NULL CHECK (algorithm = 'Ed25519'),
            public_jwk jsonb NOT NULL,
            wrapped_private bytea NOT NULL,
            created_at timestamptz NOT NULL,
            retired_at timestamptz
        )
    """)
