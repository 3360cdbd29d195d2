"""App manifests, instances, members, events."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA appruntime")
    _manifests()
    _instances()
    _members()
    _events()


def _manifests() -> None:
    op.execute("""
        CREATE TABLE appruntime.app_manifests (
            id uuid PRIMARY KEY,
            slug text NOT NULL,
            version text NOT NULL,
            title text NOT NULL,
            summary text NOT NULL,
            kind text NOT NULL CHECK (kind IN ('web')),
            body jsonb NOT NULL,
            published_at timestamptz NOT NULL,
            UNIQUE (slug, version)
        )
    """)
    op.execute("COMMENT ON TABLE appruntime.app_manifests IS 'a published version never changes'")
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON appruntime.app_manifests FROM berth_app")


def _instances() -> None:
    op.execute("""
        CREATE TABLE appruntime.app_instances (
            id uuid PRIMARY KEY,
            handle text NOT NULL UNIQUE CHECK (handle ~ '^[0-9a-f]{12}$'),
            tenant_id uuid NOT NULL,
            project_id uuid NOT NULL,
            allocation_id uuid NOT NULL,
            user_id uuid NOT NULL,
            manifest_id uuid NOT NULL REFERENCES appruntime.app_manifests,
            slug text NOT NULL,
            manifest_version text NOT NULL,
            title text NOT NULL,
            name text NOT NULL,
            login text NOT NULL,
            state text NOT NULL CHECK (state IN ('requested', 'installing', 'starting', 'running', 'stopping',
                                                 'stopped', 'failed', 'released')),
            wanted text NOT NULL CHECK (wanted IN ('running', 'stopped', 'released')),
            run int NOT NULL,
            state_changed_at timestamptz NOT NULL,
            exit_code int,
            failure_text text,
            correlation_id text NOT NULL,
            requested_at timestamptz NOT NULL,
            running_at timestamptz,
            ended_at timestamptz,
            version bigint NOT NULL DEFAULT 1,
            CHECK ((ended_at IS NULL) = (state <> 'released'))
        )
    """)
    op.execute("COMMENT ON COLUMN appruntime.app_instances.handle IS 'its folder on the machine and its host name'")
    op.execute("""
        CREATE UNIQUE INDEX app_instances_name ON appruntime.app_instances (tenant_id, project_id, name)
        WHERE ended_at IS NULL
    """)
    op.execute("CREATE INDEX app_instances_project ON appruntime.app_instances (tenant_id, project_id, id DESC)")
    op.execute("""
        CREATE INDEX app_instances_machine ON appruntime.app_instances (allocation_id) WHERE ended_at IS NULL
    """)


def _members() -> None:
    op.execute("""
        CREATE TABLE appruntime.app_instance_members (
            app_id uuid NOT NULL REFERENCES appruntime.app_instances,
            tenant_id uuid NOT NULL,
            project_id uuid NOT NULL,
            user_id uuid NOT NULL,
            role text NOT NULL CHECK (role IN ('owner', 'user', 'viewer')),
            added_at timestamptz NOT NULL,
            PRIMARY KEY (app_id, user_id)
        )
    """)
    op.execute("""
        CREATE INDEX app_instance_members_person ON appruntime.app_instance_members (tenant_id, project_id, user_id)
    """)


def _events() -> None:
    op.execute("""
        CREATE TABLE appruntime.app_instance_events (
            id uuid PRIMARY KEY,
            tenant_id uuid NOT NULL,
            project_id uuid NOT NULL,
            app_id uuid NOT NULL REFERENCES appruntime.app_instances,
            run int NOT NULL,
            step text NOT NULL,
            label text NOT NULL,
            state text NOT NULL CHECK (state IN ('in_progress', 'active', 'failed', 'ended')),
            detail text NOT NULL DEFAULT '',
            started_at timestamptz NOT NULL,
            finished_at timestamptz,
            UNIQUE (app_id, run, step)
        )
    """)
