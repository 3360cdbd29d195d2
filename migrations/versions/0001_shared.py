"""The shared schema: outbox, inbox, dead letters, idempotency keys, policy values."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO berth_app")
    op.execute("ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO berth_app")
    op.execute("ALTER DEFAULT PRIVILEGES GRANT USAGE ON SEQUENCES TO berth_app")
    op.execute("GRANT USAGE ON SCHEMA shared TO berth_app")
    op.execute("""
        CREATE TABLE shared.outbox_events (
            id uuid NOT NULL,
            created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            kind text NOT NULL CHECK (kind IN ('event', 'job', 'workflow')),
            name text NOT NULL,
            aggregate_id uuid NOT NULL,
            shard smallint NOT NULL CHECK (shard BETWEEN 0 AND 15),
            version bigint NOT NULL,
            payload jsonb NOT NULL,
            tenant_id uuid,
            project_id uuid,
            correlation_id text NOT NULL,
            causation_id text,
            due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            attempts integer NOT NULL DEFAULT 0,
            last_error text,
            published_at timestamptz,
            stream_sequence bigint,
            PRIMARY KEY (id, created_at)
        ) PARTITION BY RANGE (created_at)
    """)
    op.execute("CREATE TABLE shared.outbox_events_default PARTITION OF shared.outbox_events DEFAULT")
    op.execute(
        "CREATE INDEX outbox_events_pending ON shared.outbox_events (kind, shard, id) WHERE published_at IS NULL"
    )
    op.execute(
        "CREATE INDEX outbox_events_waiting ON shared.outbox_events (aggregate_id, id) WHERE published_at IS NULL"
    )
    op.execute("""
        CREATE INDEX outbox_events_published ON shared.outbox_events USING brin (published_at, stream_sequence)
        WITH (pages_per_range = 32, autosummarize = on)
    """)
    op.execute("""
        CREATE TABLE shared.outbox_leases (
            shard smallint PRIMARY KEY CHECK (shard BETWEEN 0 AND 15),
            owner text,
            token bigint NOT NULL DEFAULT 0,
            expires_at timestamptz NOT NULL DEFAULT '-infinity'
        )
    """)
    op.execute("INSERT INTO shared.outbox_leases (shard) SELECT generate_series(0, 15)")
    op.execute("""
        CREATE TABLE shared.consumer_leases (
            consumer text PRIMARY KEY,
            owner text NOT NULL,
            expires_at timestamptz NOT NULL
        )
    """)
    op.execute("""
        CREATE TABLE shared.processed_events (
            consumer text NOT NULL,
            event_id uuid NOT NULL,
            aggregate_id uuid NOT NULL,
            version bigint NOT NULL,
            processed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            aggregate text NOT NULL DEFAULT '',
            PRIMARY KEY (consumer, event_id)
        )
    """)
    op.execute("""
        CREATE INDEX processed_events_aggregate
        ON shared.processed_events (consumer, aggregate_id, aggregate, version DESC)
    """)
    op.execute("CREATE INDEX processed_events_age ON shared.processed_events USING brin (processed_at)")
    op.execute("""
        CREATE TABLE shared.dead_letters (
            id uuid PRIMARY KEY,
            source text NOT NULL,
            name text NOT NULL,
            message_id uuid,
            body jsonb NOT NULL,
            error text NOT NULL,
            attempts integer NOT NULL,
            correlation_id text,
            created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            redriven_at timestamptz,
            UNIQUE (source, message_id)
        )
    """)
    op.execute("""
        CREATE TABLE shared.idempotency_keys (
            actor text NOT NULL,
            route text NOT NULL,
            key text NOT NULL CHECK (length(key) BETWEEN 1 AND 200),
            body_hash bytea NOT NULL,
            result jsonb,
            created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            PRIMARY KEY (actor, route, key)
        )
    """)
    op.execute("CREATE INDEX idempotency_keys_age ON shared.idempotency_keys (created_at)")
    op.execute("""
        CREATE TABLE shared.policy_values (
            id uuid PRIMARY KEY,
            key text NOT NULL,
            tenant_id uuid,
            project_id uuid,
            value jsonb NOT NULL,
            set_by uuid,
            set_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            CHECK (project_id IS NULL OR tenant_id IS NOT NULL),
            UNIQUE NULLS NOT DISTINCT (key, tenant_id, project_id)
        )
    """)
